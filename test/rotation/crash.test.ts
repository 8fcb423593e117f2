/** A process that dies anywhere while it makes keys: what it leaves, and who tidies up. */
import { expect, test, vi } from 'vitest'
import { createAwsKmsProvider } from '../../src/providers/awskms/provider.ts'
import { doDueSteps } from '../../src/rotation/due-steps.ts'
import { codeOfAsync } from '../support/errors.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { virtualTerms } from '../support/kms/virtual-terms.ts'
import { Crash, crashing, CrashPoint } from '../support/crash.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

/** Crashes once at every half-step of a bootstrap, each time in a scene of its own, and looks at the end. */
async function crashEverywhere(
  setUp: () => Promise<{ readonly scene: RotationScene; readonly countKeys: () => number }>,
): Promise<number> {
  for (let at = 0; ; at += 1) {
    const { scene, countKeys } = await setUp()
    const point = new CrashPoint(at)
    const crashed = await doDueSteps(crashing(scene.context(), point), 'release', OPERATOR).then(
      () => false,
      (error: unknown) => {
        if (error instanceof Crash) return true
        throw error
      },
    )

    await scene.bootstrap()

    const versions = await scene.versions()
    expect(await scene.states(), `crash at ${at}`).toBe('active standby')
    expect(countKeys(), `keys after a crash at ${at}`).toBe(versions.length)
    expect(await scene.intents(), `intents after a crash at ${at}`).toBe(0)
    expect(await scene.actions(), `log after a crash at ${at}`).toEqual([
      'create 1',
      'publish 1',
      'activate 1',
      'create 2',
      'publish 2',
    ])
    if (!crashed) return at
  }
}

test('a crash at any step of creating key files leaves no orphan', async () => {
  const steps = await crashEverywhere(async () => {
    const scene = await RotationScene.start({ storeUrl: 'sqlite::memory:' })
    return { scene, countKeys: () => scene.keyFiles().length }
  })

  expect(steps).toBeGreaterThan(40)
}, 60_000)

test('a crash at any step of creating AWS KMS keys leaves no orphan', async () => {
  const doubles: KmsDouble[] = []
  const steps = await crashEverywhere(async () => {
    const double = await startKmsDouble()
    doubles.push(double)
    stubKmsEnvironment(double.credentials)
    const load = () => createAwsKmsProvider({ delay: () => Promise.resolve() })
    const scene = await RotationScene.start({
      storeUrl: 'sqlite::memory:',
      provider: `awskms://${double.endpoint}/`,
      load,
    })
    return { scene, countKeys: () => double.keys().length }
  })
  vi.unstubAllEnvs()
  for (const double of doubles) await double.close()

  expect(steps).toBeGreaterThan(40)
}, 120_000)

test.each([
  ['DescribeKey', { kind: 'error', name: 'KMSInternalException' }],
  ['CreateKey', { kind: 'error', name: 'KMSInternalException' }],
  ['CreateKey', { kind: 'cut', when: 'after' }],
  ['Sign', { kind: 'error', name: 'KMSInternalException' }],
  ['CreateAlias', { kind: 'error', name: 'KMSInternalException' }],
] as const)(
  '%s that fails leaves nothing the next attempt does not find',
  async (operation, fault) => {
    const double = await startKmsDouble()
    stubKmsEnvironment(double.credentials)
    // One attempt: what is repeated would hide the failure.
    const terms = virtualTerms({ patienceMs: 0 })
    const load = () => createAwsKmsProvider({ delay: () => Promise.resolve(), terms })
    const scene = await RotationScene.start({
      storeUrl: 'sqlite::memory:',
      provider: `awskms://${double.endpoint}/`,
      load,
    })
    double.fail(operation, fault, 1)
    const code = await codeOfAsync(() => doDueSteps(scene.context(), 'release', OPERATOR))

    await scene.bootstrap()

    expect(code).toMatch(/^ERR_(PROVIDER_UNAVAILABLE|NETWORK)$/)
    expect(await scene.states()).toBe('active standby')
    expect(double.keys()).toHaveLength(2)
    vi.unstubAllEnvs()
    await double.close()
  },
)
