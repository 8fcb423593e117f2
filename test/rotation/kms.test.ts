/** What happens to keys in AWS KMS when their versions end. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { CountersignError } from '../../src/errors.ts'
import { createAwsKmsProvider } from '../../src/providers/awskms/provider.ts'
import { importVersion } from '../../src/rotation/new-version.ts'
import { createScheduler } from '../../src/rotation/scheduler.ts'
import { cancelDestruction, transition } from '../../src/rotation/key-changes.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

let double: KmsDouble

beforeEach(async () => {
  double = await startKmsDouble()
  stubKmsEnvironment(double.credentials)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await double.close()
})

async function start(): Promise<RotationScene> {
  const load = () => createAwsKmsProvider({ delay: () => Promise.resolve() })
  const scene = await RotationScene.start({ provider: `awskms://${double.endpoint}/`, load })
  await scene.bootstrap()
  return scene
}

const REVOKE = { action: 'revoke', mode: 'seamless' } as const

test('a revoked key is disabled', async () => {
  const scene = await start()

  const { backend } = await transition(scene.context(), 'release', REVOKE, OPERATOR)

  expect(backend).toMatchObject({ action: 'disable', outcome: 'done' })
  expect(double.keys().map(({ state }) => state)).toEqual(['Disabled', 'Enabled'])
})

test('a revocation holds though KMS refuses to disable the key, and says so', async () => {
  const scene = await start()
  double.deny('DisableKey')

  const { backend } = await transition(scene.context(), 'release', REVOKE, OPERATOR)

  expect(backend).toMatchObject({ outcome: 'failed', error: { code: 'ERR_NOT_ALLOWED' } })
  expect(await scene.states()).toBe('revoked active')
})

test('the scheduler disables a key that KMS refused to disable, and alerts until it succeeds', async () => {
  const scene = await start()
  double.deny('DisableKey')
  await transition(scene.context(), 'release', REVOKE, OPERATOR)
  const alerts: unknown[] = []
  const onAlert = ({ code }: CountersignError, key: string | undefined): unknown =>
    alerts.push([code, key])
  await using scheduler = createScheduler({ rotation: scene.context(), onAlert })

  await scheduler.runOnce()
  await scheduler.runOnce()
  double.reset()
  scene.pass(10)
  await scheduler.runOnce()
  const calls = double.calls.get('DisableKey')
  scene.pass(3600)
  await scheduler.runOnce()

  expect(alerts).toEqual([['ERR_NOT_ALLOWED', 'release']])
  expect(double.keys()[0]?.state).toBe('Disabled')
  expect(double.calls.get('DisableKey')).toBe(calls)
})

test('a destroyed key is scheduled for deletion, which can be taken back until then', async () => {
  const scene = await start()
  await transition(scene.context(), 'release', REVOKE, OPERATOR)
  scene.pass(60 * 86_400)
  const destroy = { action: 'destroy', version: 1 } as const

  const { backend } = await transition(scene.context(), 'release', destroy, OPERATOR)
  const scheduled = double.keys()[0]?.state
  const cancelled = await cancelDestruction(scene.context(), 'release', 1, OPERATOR)

  expect(backend?.effectiveAt).toBeInstanceOf(Date)
  expect(scheduled).toBe('PendingDeletion')
  expect(cancelled).toMatchObject({ action: 'cancel-destruction', outcome: 'done' })
  expect(double.keys()[0]?.state).toBe('Disabled')
  expect(await scene.states()).toBe('destroyed active')
})

test('an imported alias is pinned by ARN, so that it may move on', async () => {
  const scene = await start()
  const key = await double.addKey({ spec: 'ECC_NIST_P256' })
  double.setAlias('alias/old', key)

  const { changed } = await importVersion(
    scene.context(),
    'release',
    `awskms://${double.endpoint}/alias/old`,
    OPERATOR,
  )

  expect(changed[0]?.uri).toBe(`awskms://${double.endpoint}/${key.arn}`)
})
