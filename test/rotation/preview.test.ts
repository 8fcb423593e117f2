import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  type Preview,
  previewCancellation,
  previewCreation,
  previewImport,
  previewRotation,
  previewTransition,
} from '../../src/rotation/preview.ts'
import { transition } from '../../src/rotation/key-changes.ts'
import { codeOfAsync } from '../support/errors.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

test('a preview of a revocation says what it reaches, and changes nothing', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const before = await scene.versions()

  const revoke = { action: 'revoke', mode: 'flush' } as const
  const preview = await previewTransition(scene.context(), 'release', revoke, OPERATOR)

  expect(preview.changes).toEqual([
    { version: 1, from: 'active', to: 'revoked' },
    { version: 3, from: undefined, to: 'active' },
  ])
  expect(preview.revocation).toMatchObject({ version: 1, mode: 'flush', successor: 3 })
  expect(preview.revocation?.exposedUntil.getTime()).toBeGreaterThan(scene.now.getTime())
  expect(await scene.versions()).toEqual(before)
  expect(scene.keyFiles()).toHaveLength(2)
})

test('a preview of a refused change states the reason and the plan', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()

  const preview = await previewTransition(
    scene.context(),
    'release',
    { action: 'activate' },
    OPERATOR,
  )

  expect(preview.refusal?.code).toBe('ERR_TRANSITION_TOO_EARLY')
  expect(preview.changes).toEqual([])
  expect(preview.rotation).toMatchObject({ from: 1, to: 2 })
})

test('a preview of a rotation names both versions once permitted, and before that its earliest time', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const preview = (force = false): Promise<Preview> =>
    previewRotation(scene.context(), 'release', { force }, { ...OPERATOR, reason: undefined })

  const early = await preview()
  const forced = await preview(true)
  scene.pass(3600)
  const { changes, refusal } = await preview()

  expect(early).toMatchObject({ changes: [], refusal: { code: 'ERR_TRANSITION_TOO_EARLY' } })
  expect(forced.refusal?.message).toContain('force needs a reason')
  expect(refusal).toBeUndefined()
  expect(changes).toEqual([
    { version: 1, from: 'active', to: 'retired' },
    { version: 2, from: 'pending', to: 'active' },
  ])
})

test('a preview of a rotation without a standby says that one is made, and must wait', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  await transition(
    scene.context(),
    'release',
    { action: 'revoke', version: 2, mode: 'seamless' },
    OPERATOR,
  )

  const preview = (force: boolean): Promise<Preview> =>
    previewRotation(scene.context(), 'release', { force }, OPERATOR)

  expect(await preview(false)).toMatchObject({
    changes: [{ version: 3, from: undefined, to: 'pending' }],
    refusal: { code: 'ERR_TRANSITION_TOO_EARLY' },
  })
  expect((await preview(true)).changes).toEqual([
    { version: 1, from: 'active', to: 'retired' },
    { version: 3, from: undefined, to: 'active' },
  ])
  expect(await scene.states()).toBe('active revoked')
})

test('a preview of a new version is of a pending one, and of an import only where it could be', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const path = join(scene.folder, 'keys', 'old.pem')
  const provider = await scene.providers.provider({ scheme: 'file', path })
  await provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })
  const taken = (await scene.version(1)).uri
  const third = [{ version: 3, from: undefined, to: 'pending' }]

  expect(await previewCreation(scene.context(), 'release', false)).toMatchObject({ changes: third })
  expect(await previewImport(scene.context(), 'release', `file:${path}`)).toMatchObject({
    changes: third,
  })
  const codes = [`file:${path}.not-there`, 'file:/elsewhere/key.pem', taken].map((uri) =>
    codeOfAsync(() => previewImport(scene.context(), 'release', uri)),
  )
  expect(await Promise.all(codes)).toEqual([
    'ERR_KEY_NOT_FOUND',
    'ERR_KEY_URI_INVALID',
    'ERR_KEY_EXISTS',
  ])
  expect(await scene.states()).toBe('active standby')
})

test('a preview of cancelling a destruction says that nothing is destroyed', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()

  const preview = await previewCancellation(scene.context(), 'release', 1)

  expect(preview).toMatchObject({ changes: [], refusal: { code: 'ERR_TRANSITION_REFUSED' } })
})
