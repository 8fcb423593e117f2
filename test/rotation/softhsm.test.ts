/** Versions on a real PKCS#11 token, from their making to their end. */
import { afterAll, expect, test } from 'vitest'
import { createPkcs11Provider } from '../../src/providers/pkcs11/provider.ts'
import { importVersion } from '../../src/rotation/new-version.ts'
import { rotate, transition } from '../../src/rotation/key-changes.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'
import { createSoftHsm } from '../support/softhsm.ts'

const hsm = createSoftHsm(['rotation'])
const [token] = hsm.tokens

afterAll(hsm.remove)

const start = (): Promise<RotationScene> =>
  RotationScene.start({
    provider: `pkcs11:token=rotation?module-path=${hsm.modulePath}`,
    load: () =>
      createPkcs11Provider({ env: process.env, readPin: () => Promise.resolve(token.pin) }),
  })

test('versions on a token are made, take turns, are imported and destroyed', async () => {
  const scene = await start()
  await scene.bootstrap()
  const provider = await scene.providers.provider(token.uriFor('old'))
  await provider.create({ uri: token.uriFor('old'), algorithm: 'ES256' })

  await importVersion(scene.context(), 'release', 'pkcs11:object=old', OPERATOR)
  scene.pass(3600)
  await rotate(scene.context(), 'release', {}, OPERATOR)
  scene.pass(60 * 86_400)
  const destroy = { action: 'destroy', version: 1 } as const
  const { backend } = await transition(scene.context(), 'release', destroy, OPERATOR)

  expect(await scene.states()).toBe('destroyed active pending')
  expect(backend).toMatchObject({ outcome: 'done' })
  const uris = (await scene.versions()).map(({ uri }) => uri)
  expect(new Set(uris.map((uri) => /id=([^?;]+)/.exec(uri)?.[1])).size).toBe(3)
  await expect(scene.providers.openKey(uris[0] ?? '')).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
  })
  await expect(scene.providers.openKey(uris[1] ?? '')).resolves.toHaveProperty('key')
})
