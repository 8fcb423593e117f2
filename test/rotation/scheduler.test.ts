import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'
import type { Key } from '../../src/keys/key.ts'
import type { RotationContext } from '../../src/rotation/context.ts'
import { createRotationPolicy } from '../../src/keys/policy.ts'
import { planRotation, type RotationPlan } from '../../src/keys/rotation-plan.ts'
import { readMoment } from '../../src/rotation/change.ts'
import { ensureKeys } from '../../src/rotation/ensure-keys.ts'
import { createScheduler, type Scheduler } from '../../src/rotation/scheduler.ts'
import { rotate, transition } from '../../src/rotation/key-changes.ts'
import { codeOfAsync } from '../support/errors.ts'
import { ManualTimer } from '../support/manual-timer.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

interface Watched {
  readonly scheduler: Scheduler
  readonly timer: ManualTimer
  readonly alerts: (readonly [ErrorCode, string | undefined])[]
}

function startScheduler(rotation: RotationContext): Watched {
  const timer = new ManualTimer()
  const alerts: (readonly [ErrorCode, string | undefined])[] = []
  const scheduler = createScheduler({
    rotation,
    startTimer: timer.start,
    onAlert: (error, key) => alerts.push([error.code, key]),
  })
  onTestFinished(() => scheduler[Symbol.asyncDispose]())
  return { scheduler, timer, alerts }
}

const away = {
  provider: () => Promise.reject(new Error('away')),
  openKey: () => Promise.reject(new Error('away')),
}

test('a new key gets a version that signs and one that waits, and then nothing more', async () => {
  const scene = await RotationScene.start()
  const { scheduler, alerts } = startScheduler(scene.context())

  await scheduler.runOnce()
  await scheduler.runOnce()

  expect(await scene.states()).toBe('active standby')
  expect(await scene.actions()).toHaveLength(5)
  expect(alerts).toEqual([])
  const [entry] = await scene.log()
  expect(entry?.caller).toBeUndefined()
  expect(entry?.requestId).toMatch(/^scheduler-/)
})

test('a standby takes over at the end of the period, and the next one is published', async () => {
  const scene = await RotationScene.start()
  const { scheduler } = startScheduler(scene.context())
  await scheduler.runOnce()

  scene.passPeriod()
  await scheduler.runOnce()

  expect(await scene.states()).toBe('retired active standby')
  expect((await scene.actions()).slice(5)).toEqual([
    'retire 1',
    'activate 2',
    'create 3',
    'publish 3',
  ])
})

test('a rotation requested too early runs as soon as permitted, and the log says so', async () => {
  const scene = await RotationScene.start()
  const { scheduler } = startScheduler(scene.context())
  await scheduler.runOnce()

  const code = await codeOfAsync(() => rotate(scene.context(), 'release', {}, OPERATOR))
  await scheduler.runOnce()

  expect(code).toBe('ERR_TRANSITION_TOO_EARLY')
  expect(await scene.states()).toBe('active standby')
  const { scheduledAt } = await planned(scene)
  scene.pass(((scheduledAt?.getTime() ?? Infinity) - scene.now.getTime()) / 1000 - 1)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('active standby')
  scene.pass(1)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('retired active standby')
  const activation = (await scene.log()).findLast(
    (entry) => entry.type === 'state' && entry.action === 'activate',
  )
  expect(activation).toMatchObject({ reason: 'a rotation was asked for before it was possible' })
  scene.pass(3600)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('retired active standby')
})

test('a rotation of a key without a standby is made once the one that was published for it is seen', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  await transition(scene.context(), 'release', { action: 'retire', version: 2 }, OPERATOR)

  const code = await codeOfAsync(() => rotate(scene.context(), 'release', {}, OPERATOR))

  expect(code).toBe('ERR_TRANSITION_TOO_EARLY')
  const { scheduler } = startScheduler(scene.context())
  scene.pass(3600)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('retired retired active standby')
})

test('a requested rotation outlives its standby', async () => {
  const scene = await RotationScene.start()
  const { scheduler, alerts } = startScheduler(scene.context())
  await scheduler.runOnce()
  await codeOfAsync(() => rotate(scene.context(), 'release', {}, OPERATOR))
  rmSync(join(scene.folder, 'keys', 'release-2.pem'))

  scene.pass(3600)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('active retired standby')
  scene.pass(3600)
  await scheduler.runOnce()

  expect(await scene.states()).toBe('retired retired active standby')
  expect(alerts).toEqual([['ERR_TRANSITION_REFUSED', 'release']])
})

test('a rotation that a rule forbids, other than time, is not made later', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const forced = { ...OPERATOR, reason: undefined }

  const code = await codeOfAsync(() => rotate(scene.context(), 'release', { force: true }, forced))

  expect(code).toBe('ERR_TRANSITION_REFUSED')
  const { scheduler } = startScheduler(scene.context())
  scene.pass(3600)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('active standby')
})

function planned(scene: RotationScene): Promise<RotationPlan> {
  return scene.store.transaction(async (records) =>
    planRotation(await readMoment(records, 'release', scene.now)),
  )
}

test('a failed step leaves the previous version signing, raises an alert, and is tried again later', async () => {
  const scene = await RotationScene.start()
  let providers: RotationContext['providers'] = scene.providers
  const rotation = scene.context({
    providers: {
      provider: (uri) => providers.provider(uri),
      openKey: (reference, options) => providers.openKey(reference, options),
    },
  })
  const { scheduler, alerts } = startScheduler(rotation)
  await scheduler.runOnce()
  scene.passPeriod()

  providers = away
  await scheduler.runOnce()
  await scheduler.runOnce()
  expect(await scene.states()).toBe('active standby')
  expect(alerts).toEqual([['ERR_INTERNAL', 'release']])

  scene.pass(10)
  await scheduler.runOnce()
  scene.pass(10)
  await scheduler.runOnce()
  expect(alerts).toHaveLength(2)

  providers = scene.providers
  scene.pass(10)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('retired active standby')
})

test('several replicas at once do everything once', async () => {
  const scene = await RotationScene.start()
  const replicas = Array.from({ length: 5 }, () => startScheduler(scene.context()))

  for (let round = 0; round < 3; round += 1) {
    await Promise.all(replicas.map(({ scheduler }) => scheduler.runOnce()))
    scene.passPeriod()
  }

  const versions = await scene.versions()
  expect(versions.filter(({ state }) => state === 'active')).toHaveLength(1)
  expect(new Set(versions.map(({ publicKey }) => publicKey.kid)).size).toBe(versions.length)
  expect(scene.keyFiles()).toHaveLength(versions.length)
  expect(replicas.flatMap(({ alerts }) => alerts)).toEqual([])
})

test('a provider that is one key gives one version, and no other', async () => {
  const scene = await RotationScene.start()
  const provider = await scene.providers.provider({ scheme: 'file', path: '' })
  const path = join(scene.folder, 'only.pem')
  await provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })
  await scene.store.transaction(({ keys }) =>
    keys.putKey({ ...scene.key, provider: `file:${path}` }),
  )
  const { scheduler, alerts } = startScheduler(scene.context())

  await scheduler.runOnce()
  scene.passPeriod()
  await scheduler.runOnce()

  expect(await scene.actions()).toEqual(['import 1', 'publish 1', 'activate 1'])
  expect(readdirSync(scene.folder).filter((name) => name.endsWith('.pem'))).toEqual(['only.pem'])
  expect(alerts).toEqual([])
})

test('a started scheduler checks the keys repeatedly until it is disposed', async () => {
  const scene = await RotationScene.start()
  const { scheduler, timer } = startScheduler(scene.context())
  scheduler.start()

  timer.advance(10_000)
  await scheduler.runOnce()
  expect(await scene.states()).toBe('active standby')
  await scene.store.ping()
  expect(timer.running).toBe(1)

  await scheduler[Symbol.asyncDispose]()
  expect(timer.running).toBe(0)
})

test('a key that waits for seconds is checked several times a second', async () => {
  const scene = await RotationScene.start()
  const policy = createRotationPolicy('artifact', {
    ...{ maxAgeSeconds: 1, verifierCacheSeconds: 3, replicaLagSeconds: 1, clockSkewSeconds: 1 },
    everySeconds: 5,
  })
  await scene.store.transaction(({ keys }) => keys.putKey({ ...scene.key, policy }))
  const { scheduler, timer } = startScheduler(scene.context())
  await scheduler.runOnce()
  scheduler.start()

  timer.advance(499)
  expect(timer.running).toBe(1)
  timer.advance(1)
  expect(timer.running).toBe(0)
})

test('an outage of the store is an alert without a key', async () => {
  const scene = await RotationScene.start()
  const { scheduler, alerts } = startScheduler(scene.context())
  await scene.store[Symbol.asyncDispose]()

  await scheduler.runOnce()

  expect(alerts).toEqual([['ERR_STORE_UNAVAILABLE', undefined]])
})

test('ensureKeys records keys and settles once each of them signs', async () => {
  const scene = await RotationScene.start()
  const { scheduler } = startScheduler(scene.context())
  const keys: Key[] = [scene.key, { ...scene.key, name: 'sessions', use: 'token' }]

  await ensureKeys(scene.context(), keys, { scheduler, signal: new AbortController().signal })

  const versions = await scene.store.transaction((records) => records.keys.versions())
  expect(versions.filter(({ state }) => state === 'active').map(({ key }) => key)).toEqual([
    'release',
    'sessions',
  ])
})

test('ensureKeys keeps the waits of a policy that it changes, and publishes that it did', async () => {
  const scene = await RotationScene.start({ use: 'token' })
  const { scheduler } = startScheduler(scene.context())
  const options = { scheduler, signal: new AbortController().signal }
  await ensureKeys(scene.context(), [scene.key], options)
  const sequence = await scene.store.transaction(({ keys }) => keys.sequence())

  const policy = createRotationPolicy('token', { maxTokenLifetimeSeconds: 60 })
  await ensureKeys(scene.context(), [{ ...scene.key, policy }], options)
  await ensureKeys(scene.context(), [{ ...scene.key, policy }], options)

  const [key] = await scene.store.transaction(({ keys }) => keys.keys())
  const countsUntil = new Date(scene.now.getTime() + (965 + 3725) * 1000)
  expect(key?.policy).toEqual(policy)
  expect(key?.formerPolicies).toEqual([{ policy: scene.key.policy, countsUntil }])
  expect(await scene.store.transaction(({ keys }) => keys.sequence())).toBe(sequence + 1)
})

test('ensureKeys does not wait for a key whose signing was stopped', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  await transition(scene.context(), 'release', { action: 'retire', force: true }, OPERATOR)
  const { scheduler } = startScheduler(scene.context())

  await ensureKeys(scene.context(), [scene.key], {
    scheduler,
    signal: new AbortController().signal,
  })

  expect(await scene.states()).toBe('retired standby')
})

test('ensureKeys leaves due work to others if every key can sign', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const scheduler = { runOnce: () => Promise.reject(new Error('its backend is away')) }
  const { signal } = new AbortController()

  await ensureKeys(scene.context(), [scene.key], { scheduler, signal })

  expect(await scene.states()).toBe('active standby')
})

test.each([
  ['use', 'token'],
  ['algorithm', 'ES384'],
])('ensureKeys refuses another %s for a key that is known', async (member, value) => {
  const scene = await RotationScene.start()
  const { scheduler } = startScheduler(scene.context())
  const key = { ...scene.key, [member]: value }

  const code = await codeOfAsync(() =>
    ensureKeys(scene.context(), [key], { scheduler, signal: new AbortController().signal }),
  )

  expect(code).toBe('ERR_CONFIG_INVALID')
})

test('ensureKeys stops on abort and names the keys that cannot sign', async () => {
  const scene = await RotationScene.start()
  const { scheduler } = startScheduler(scene.context({ providers: away }))
  const controller = new AbortController()
  const delay = (): Promise<void> => {
    controller.abort()
    return Promise.resolve()
  }

  const options = { scheduler, signal: controller.signal, delay }
  const waiting = ensureKeys(scene.context(), [scene.key], options)

  await expect(waiting).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_USABLE',
    message: expect.stringContaining('"release"') as string,
  })
})
