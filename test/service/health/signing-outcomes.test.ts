import { expect, test } from 'vitest'
import { CountersignError, type ErrorCode } from '../../../src/errors.ts'
import { toBackendFault } from '../../../src/providers/backend-fault.ts'
import { SigningOutcomes } from '../../../src/service/health/signing-outcomes.ts'
import { serviceVersion } from '../../support/service-keys.ts'
import { testSigner } from '../../support/signers.ts'

const VERSION = serviceVersion('release', testSigner('ES256'))

class Scene {
  nowMs = 0
  readonly outcomes = new SigningOutcomes({
    monotonicMs: () => this.nowMs,
    now: () => new Date(this.nowMs),
  })

  call(end: 'signed' | 'opened' | ErrorCode, tookMs = 0): void {
    const settle = this.outcomes.begin(VERSION)
    this.nowMs += tookMs
    const isCode = end !== 'signed' && end !== 'opened'
    settle(isCode ? { thrown: new CountersignError(end, 'the backend says so') } : end)
  }

  get code(): string | undefined {
    const known = this.outcomes.of(VERSION.publicKey.kid)
    return known && (known.failure?.code ?? 'signs')
  }
}

test('one failing call is seen at once, and the next signature heals it', () => {
  const scene = new Scene()
  const seen = [scene.code]
  for (const end of ['signed', 'ERR_PROVIDER_UNAVAILABLE', 'signed'] as const) {
    scene.call(end)
    seen.push(scene.code)
  }

  expect(seen).toEqual([undefined, 'signs', 'ERR_PROVIDER_UNAVAILABLE', 'signs'])
})

test('a key that can be opened is not known to sign', () => {
  const scene = new Scene()
  scene.call('opened')

  expect(scene.code).toBeUndefined()
})

test.each(['ERR_CANCELLED', 'ERR_THROTTLED', 'ERR_OVERLOADED'] as const)(
  'a call that ends with %s says nothing of the backend',
  (code) => {
    const scene = new Scene()
    scene.call('signed')
    scene.call(code)
    const settle = scene.outcomes.begin(VERSION)
    settle({ thrown: toBackendFault(new CountersignError(code, 'refused'), 'it does not sign') })

    expect(scene.code).toBe('signs')
  },
)

test('a deadline that ended a call soon after it began is not a failure of the backend', () => {
  const scene = new Scene()
  scene.call('signed')
  scene.call('ERR_TIMEOUT', 999)
  const early = scene.code
  scene.call('ERR_TIMEOUT', 1000)

  expect([early, scene.code]).toEqual(['signs', 'ERR_TIMEOUT'])
})

test('a backend that does not answer is failing before the deadline of any call', () => {
  const scene = new Scene()
  scene.call('signed')
  scene.nowMs += 1
  scene.outcomes.begin(VERSION)
  scene.nowMs += 9999
  const early = scene.code
  scene.nowMs += 1

  expect([early, scene.code]).toEqual(['signs', 'ERR_TIMEOUT'])
  scene.call('signed')
  expect(scene.code).toBe('signs')
})

test('since when a key fails is when it began to, however often it fails', () => {
  const scene = new Scene()
  scene.call('signed', 1)
  scene.call('ERR_PROVIDER_UNAVAILABLE', 1)
  scene.call('ERR_NETWORK', 5)

  expect(scene.outcomes.of(VERSION.publicKey.kid)).toMatchObject({ since: new Date(2), atMs: 7 })
})
