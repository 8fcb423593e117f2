import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import type { KeyringSnapshot, Keyring } from '../../../src/rotation/keyring.ts'
import { OpenSigners } from '../../../src/rotation/open-signers.ts'
import { KeyHealth } from '../../../src/service/health/key-health.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { ManualTimer } from '../../support/manual-timer.ts'
import { serviceKey, serviceVersion } from '../../support/service-keys.ts'
import { testSigner } from '../../support/signers.ts'

const SIGNAL = new AbortController().signal
const outage = (retryAfterSeconds?: number): CountersignError =>
  new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'out of reach', { retryAfterSeconds })

/** One key over a backend that the test speaks for, with the real path from the keyring to it. */
class Scene {
  nowMs = 0
  /** What the backend does with the next calls; default: it signs. */
  answer: () => Promise<Uint8Array> = () => Promise.resolve(new Uint8Array())
  calls = 0
  readonly said: string[] = []
  readonly timer = new ManualTimer()
  readonly patience = new AbortController()
  readonly health = new KeyHealth({
    monotonicMs: () => this.nowMs,
    now: () => new Date(this.nowMs),
    startTimer: this.timer.start,
    deadline: (ms) => (ms < 1000 ? this.patience.signal : SIGNAL),
    onFailing: ({ code }, key) => this.said.push(`${key} ${code}`),
    onHealed: (key) => this.said.push(`${key} signs`),
  })
  readonly #signer = testSigner()
  readonly #version = serviceVersion('release', this.#signer)
  #listener: (snapshot: KeyringSnapshot) => void = () => undefined
  readonly #opened = new OpenSigners(
    () =>
      Promise.resolve({
        ...this.#signer,
        sign: () => {
          this.calls += 1
          return this.answer()
        },
      }),
    this.health.outcomes,
  )
  readonly keyring: Keyring = {
    snapshot: {
      sequence: 1,
      keys: [serviceKey('release', 'artifact')],
      versions: [this.#version],
    },
    activeSigner: async () => {
      const key = serviceKey('release', 'artifact')
      return { key, version: this.#version, signer: await this.#opened.open(this.#version) }
    },
    onChange: (listener) => {
      this.#listener = listener
      return () => undefined
    },
    refresh: () => Promise.resolve(),
  }

  /** A request that uses the key. */
  request(): Promise<string> {
    return codeOfAsync(async () =>
      (await this.keyring.activeSigner('release', 'artifact')).signer.sign(new Uint8Array()),
    )
  }

  readyz(): Promise<string> {
    return codeOfAsync(async () => this.health.checks()[0]?.check(SIGNAL))
  }

  change(): void {
    this.#listener(this.keyring.snapshot)
  }

  /** Lets time pass, and what is due be done. */
  async pass(milliseconds: number): Promise<void> {
    this.nowMs += milliseconds
    this.timer.advance(milliseconds)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a key that nothing uses is probed at the start and once a minute, however often it is read', async () => {
  const scene = new Scene()
  scene.health.watch(scene.keyring)
  const first = await scene.readyz()
  await scene.readyz()
  await scene.pass(59_000)
  const early = scene.calls
  await scene.pass(1000)

  expect([first, early, scene.calls]).toEqual(['accepted', 1, 2])
})

test('a key in use is not probed', async () => {
  const scene = new Scene()
  scene.health.watch(scene.keyring)
  await scene.readyz()
  await scene.pass(59_000)
  await scene.request()
  await scene.pass(59_000)

  expect(scene.calls).toBe(2)
})

test('a failing request is read at once, and heals with the next that succeeds, without a probe', async () => {
  const scene = new Scene()
  scene.health.watch(scene.keyring)
  const read = [await scene.readyz()]
  scene.answer = () => Promise.reject(outage())
  await scene.request()
  read.push(await scene.readyz())
  scene.answer = () => Promise.resolve(new Uint8Array())
  await scene.request()
  read.push(await scene.readyz())

  expect(read).toEqual(['accepted', 'ERR_PROVIDER_UNAVAILABLE', 'accepted'])
  expect(scene.calls).toBe(3)
})

test('a failing key is probed every few seconds, and as late as its backend asks', async () => {
  const scene = new Scene()
  scene.answer = () => Promise.reject(outage())
  scene.health.watch(scene.keyring)
  await scene.readyz()
  await scene.pass(5000)
  const every = scene.calls
  scene.answer = () => Promise.reject(outage(20))
  await scene.pass(5000)
  await scene.pass(19_000)
  const asked = scene.calls
  await scene.pass(1000)

  expect([every, asked, scene.calls]).toEqual([2, 3, 4])
})

test('reading calls no backend, whatever state the key is in', async () => {
  const scene = new Scene()
  scene.answer = () => Promise.reject(outage())
  scene.health.watch(scene.keyring)
  await scene.readyz()
  for (let count = 0; count < 100; count += 1) await scene.readyz()

  expect(scene.calls).toBe(1)
})

test('a backend that hangs from the start keeps no reader waiting', async () => {
  const scene = new Scene()
  scene.answer = () => new Promise(() => undefined)
  scene.health.watch(scene.keyring)
  await scene.pass(0)
  const first = scene.readyz()
  scene.patience.abort(new DOMException('late', 'TimeoutError'))

  expect([await first, await scene.readyz()]).toEqual(['ERR_TIMEOUT', 'ERR_TIMEOUT'])
  expect(scene.calls).toBe(1)
})

test('a change of the keys is probed at once', async () => {
  const scene = new Scene()
  scene.health.watch(scene.keyring)
  await scene.readyz()
  scene.answer = () => Promise.reject(outage())
  scene.change()
  await scene.pass(0)

  expect(await scene.readyz()).toBe('ERR_PROVIDER_UNAVAILABLE')
})

test('the operator is told once that a key fails, and once that it signs again', async () => {
  const scene = new Scene()
  scene.health.watch(scene.keyring)
  await scene.readyz()
  scene.answer = () => Promise.reject(outage())
  for (let count = 0; count < 3; count += 1) {
    await scene.request()
    await scene.pass(1000)
  }
  scene.answer = () => Promise.resolve(new Uint8Array())
  await scene.request()
  await scene.pass(1000)

  expect(scene.said).toEqual(['release ERR_PROVIDER_UNAVAILABLE', 'release signs'])
})

test('nothing is probed once it is stopped', async () => {
  const scene = new Scene()
  scene.health.watch(scene.keyring)
  await scene.readyz()
  scene.health[Symbol.dispose]()
  await scene.pass(120_000)

  expect([scene.calls, scene.timer.running]).toEqual([1, 0])
})
