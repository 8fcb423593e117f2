import { expect, test } from 'vitest'
import { doDueSteps } from '../../src/rotation/due-steps.ts'
import { settleFutureVersions } from '../../src/rotation/future-versions.ts'
import { transition } from '../../src/rotation/key-changes.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

const YEAR_SECONDS = 365 * 86_400
const BY = { ...OPERATOR, reason: 'the clock was a year ahead' }

/** Lives some life by a clock that is a year ahead. */
async function yearAhead(scene: RotationScene, life: () => Promise<unknown>): Promise<void> {
  scene.pass(YEAR_SECONDS)
  await life()
  scene.pass(-YEAR_SECONDS)
}

async function settle(scene: RotationScene): Promise<void> {
  await settleFutureVersions(scene.context(), 'release', BY)
  await doDueSteps(scene.context(), 'release', OPERATOR)
}

test('a standby published in the future is replaced by one published now', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  await yearAhead(scene, async () => {
    await transition(scene.context(), 'release', { action: 'retire', version: 2 }, OPERATOR)
    await scene.store.transaction(({ keys }) => keys.putKey(neverRotated(scene)))
    await scene.bootstrap()
  })

  await settle(scene)

  expect(await scene.states()).toBe('active retired retired standby')
  expect((await scene.version(4)).publishedAt).toEqual(scene.now)
})

/** The same key, but a year is not one of its periods. */
function neverRotated({ key }: RotationScene): RotationScene['key'] {
  return { ...key, policy: { ...key.policy, everySeconds: undefined } }
}

test('a version active from a future time is replaced by its standby, which verifiers have seen', async () => {
  const scene = await RotationScene.start()
  await yearAhead(scene, () => scene.bootstrap())

  await settle(scene)

  expect(await scene.states()).toBe('retired active standby')
  expect((await scene.version(2)).activatedAt).toEqual(scene.now)
  scene.passPeriod()
  await doDueSteps(scene.context(), 'release', OPERATOR)
  expect(await scene.states()).toBe('retired retired active standby')
})

test('a key without future times is left unchanged', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const before = await scene.actions()

  await settle(scene)

  expect(await scene.actions()).toEqual(before)
})
