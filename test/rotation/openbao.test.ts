/** Versions in a real transit engine, from their making to their end. */
import { expect, test } from 'vitest'
import { importVersion } from '../../src/rotation/new-version.ts'
import { rotate, transition } from '../../src/rotation/key-changes.ts'
import { keyUri, openCounted } from '../support/openbao-provider.ts'
import { describeOpenBao, startTransit } from '../support/openbao.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

describeOpenBao('versions in a transit engine', () => {
  test('are made, take turns, are imported, disabled and destroyed', async () => {
    await using server = await startTransit()
    await server.ask('POST', 'transit/keys/old', { type: 'ecdsa-p256' })
    await server.ask('POST', 'transit/keys/old/rotate')
    const scene = await RotationScene.start({
      provider: 'openbao://',
      load: () => openCounted(server.env).provider,
    })
    await scene.bootstrap()

    await importVersion(scene.context(), 'release', 'openbao://old', OPERATOR)
    scene.pass(3600)
    await rotate(scene.context(), 'release', {}, OPERATOR)
    const revoke = { action: 'revoke', version: 1, mode: 'seamless' } as const
    const disabled = await transition(scene.context(), 'release', revoke, OPERATOR)
    scene.pass(60 * 86_400)
    const destroy = { action: 'destroy', version: 1 } as const
    const destroyed = await transition(scene.context(), 'release', destroy, OPERATOR)

    expect(disabled.backend).toMatchObject({ action: 'disable', outcome: 'done' })
    expect(destroyed.backend).toMatchObject({ outcome: 'done' })
    const [first = '', ...others] = (await scene.versions()).map(({ uri }) => uri)
    expect(first).toMatch(/^openbao:\/\/countersign-release-1-[0-9a-f]{32}\?version=1$/)
    expect(others).toContain('openbao://old?version=2')
    const refusal = { code: 'ERR_KEY_NOT_FOUND' }
    await expect(scene.providers.openKey(first)).rejects.toMatchObject(refusal)
    await expect(scene.providers.openKey(keyUri('old'))).resolves.toHaveProperty('key')
  })
})
