/** Several replicas on one PostgreSQL database: what each does at the same moment as the others. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createAppender } from '../../src/log/group-appender.ts'
import { createAdmission } from '../../src/rotation/admission.ts'
import type { RotationContext } from '../../src/rotation/context.ts'
import { doDueSteps } from '../../src/rotation/due-steps.ts'
import { createVersion } from '../../src/rotation/new-version.ts'
import { createScheduler } from '../../src/rotation/scheduler.ts'
import { createKeyring } from '../../src/rotation/store-keyring.ts'
import { rotate, transition } from '../../src/rotation/key-changes.ts'
import { openStore } from '../../src/store/open-store.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createPostgres, type PostgresServer } from '../support/postgres.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'
import { testTreeSigner } from '../support/signed-log.ts'

let server: PostgresServer

beforeAll(async () => {
  server = await createPostgres()
})

afterAll(() => server.stop())

/** A scene, and replicas with connections of their own to its database. */
async function startReplicas(
  count: number,
): Promise<{ readonly scene: RotationScene; readonly replicas: readonly RotationContext[] }> {
  const storeUrl = await server.createDatabase()
  const scene = await RotationScene.start({ storeUrl })
  const replicas: RotationContext[] = []
  for (let replica = 0; replica < count; replica += 1) {
    const store = await openStore(storeUrl)
    onTestFinished(() => store[Symbol.asyncDispose]())
    replicas.push(scene.context({ store }))
  }
  return { scene, replicas }
}

async function assertSound(scene: RotationScene): Promise<void> {
  const versions = await scene.versions()
  expect(versions.filter(({ state }) => state === 'active')).toHaveLength(1)
  expect(new Set(versions.map(({ publicKey }) => publicKey.kid)).size).toBe(versions.length)
  expect(scene.keyFiles()).toHaveLength(versions.length)
  expect(await scene.intents()).toBe(0)
  const sequences = (await scene.log()).flatMap((entry) =>
    entry.type === 'state' ? [entry.sequence] : [],
  )
  expect(sequences).toEqual(sequences.toSorted((a, b) => a - b))
}

test('schedulers on all replicas at once do everything once', async () => {
  const { scene, replicas } = await startReplicas(3)
  const alerts: string[] = []
  const schedulers = replicas.map((rotation) =>
    createScheduler({ rotation, onAlert: ({ code }) => alerts.push(code) }),
  )

  for (let period = 0; period < 3; period += 1) {
    await Promise.all(schedulers.map((scheduler) => scheduler.runOnce()))
    scene.passPeriod()
  }

  expect(await scene.states()).toBe('retired retired active standby')
  expect(alerts).toEqual([])
  await assertSound(scene)
})

test('steps without the lock of the scheduler still never make two active versions', async () => {
  const { scene, replicas } = await startReplicas(3)

  for (let period = 0; period < 3; period += 1) {
    const outcomes = await Promise.all(
      replicas.map((rotation) => codeOfAsync(() => doDueSteps(rotation, 'release', OPERATOR))),
    )
    for (const code of outcomes) {
      expect(['accepted', 'ERR_STATE_CONFLICT', 'ERR_TRANSITION_REFUSED']).toContain(code)
    }
    await scene.bootstrap()
    await assertSound(scene)
    scene.passPeriod()
  }
})

test('one of several concurrent rotations takes effect', async () => {
  const { scene, replicas } = await startReplicas(3)
  await scene.bootstrap()
  scene.pass(3600)

  const outcomes = await Promise.all(
    replicas.map((rotation) => codeOfAsync(() => rotate(rotation, 'release', {}, OPERATOR))),
  )

  expect(outcomes.filter((code) => code === 'accepted')).toHaveLength(1)
  expect((await scene.actions()).filter((action) => action.startsWith('activate'))).toEqual([
    'activate 1',
    'activate 2',
  ])
  await assertSound(scene)
})

test('one of several replicas creates a version, and the others report that a retry is needed', async () => {
  const { scene, replicas } = await startReplicas(3)
  await scene.bootstrap()

  const outcomes = await Promise.all(
    replicas.map((rotation) => codeOfAsync(() => createVersion(rotation, 'release', OPERATOR))),
  )

  expect(outcomes).toContain('accepted')
  expect(new Set([...outcomes, 'ERR_STATE_CONFLICT'])).toEqual(
    new Set(['accepted', 'ERR_STATE_CONFLICT']),
  )
  await assertSound(scene)
})

test('a revocation stops the others: in the log at once, in their memory within a second', async () => {
  const { scene, replicas } = await startReplicas(2)
  await scene.bootstrap()
  const version = await scene.version(1)
  const [signing, revoking] = replicas
  if (signing === undefined || revoking === undefined) throw new Error('two replicas are needed')
  const admit = createAdmission(scene.clock, [scene.key])
  await using appender = createAppender({
    store: signing.store,
    admit,
    now: () => scene.now,
    signer: testTreeSigner(),
  })
  await using keyring = await createKeyring({
    store: signing.store,
    openKey: (reference, options) => scene.providers.openKey(reference, options),
    onError: () => undefined,
  })
  const heard = Promise.withResolvers<number>()
  keyring.onChange(() => {
    heard.resolve(performance.now())
  })
  const isRevoked = { yet: false }
  const sign = async (): Promise<string[]> => {
    const codes: string[] = []
    while (!isRevoked.yet)
      codes.push(await codeOfAsync(() => appender.append(scene.signature(version))))
    return codes
  }

  const signers = [sign(), sign(), sign()]
  const revoke = { action: 'revoke', mode: 'seamless' } as const
  await transition(revoking, 'release', revoke, OPERATOR)
  const acknowledged = performance.now()
  isRevoked.yet = true
  await Promise.all(signers)
  const late = await codeOfAsync(() => appender.append(scene.signature(version)))

  const actions = await scene.actions()
  expect(actions.lastIndexOf('signature')).toBeLessThan(actions.indexOf('revoke 1'))
  expect(late).toBe('ERR_KEY_REVOKED')
  expect((await heard.promise) - acknowledged).toBeLessThan(1000)
  expect((await keyring.activeSigner('release', 'artifact')).version.version).toBe(2)
})
