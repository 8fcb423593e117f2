import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  activationDelaySeconds,
  changePolicy,
  createRotationPolicy,
  isSamePolicy,
  isStricterPolicy,
  type KeyQuantities,
  policyAt,
  retentionSeconds,
} from '../../src/keys/policy.ts'
import { codeOf } from '../support/errors.ts'
import { second } from '../support/key-versions.ts'

test('a token key has the quantities of the design page', () => {
  expect(createRotationPolicy('token')).toEqual({
    maxAgeSeconds: 300,
    verifierCacheSeconds: 900,
    replicaLagSeconds: 5,
    signerLagSeconds: 5,
    clockSkewSeconds: 60,
    maxTokenLifetimeSeconds: 3600,
    verifierLeewaySeconds: 60,
    everySeconds: 7 * 86_400,
    auditWindowSeconds: 30 * 86_400,
  })
})

test('an artifact key rotates every 90 days, the keys of the service itself by hand', () => {
  const every = (['artifact', 'timestamp', 'log', 'audit', 'trust'] as const).map(
    (use) => createRotationPolicy(use).everySeconds,
  )

  expect(every).toEqual([90 * 86_400, undefined, undefined, undefined, undefined])
})

test('a period cannot be set if it has a default', () => {
  expect(createRotationPolicy('token', { everySeconds: undefined }).everySeconds).toBeUndefined()
})

test('a version waits max(M, V) + R + S and stays L + T + W + S', () => {
  const policy = createRotationPolicy('token')
  const longer = createRotationPolicy('token', { maxAgeSeconds: 1000 })

  expect([activationDelaySeconds(policy), retentionSeconds(policy)]).toEqual([965, 3725])
  expect(activationDelaySeconds(longer)).toBe(1065)
})

test.each([
  ['a negative quantity', { replicaLagSeconds: -1 }],
  ['a fraction', { maxAgeSeconds: 0.5 }],
  ['what is not a number', { clockSkewSeconds: Number.NaN }],
  ['a token that lives no time', { maxTokenLifetimeSeconds: 0 }],
  ['a quantity beyond its bound', { verifierLeewaySeconds: 3601 }],
  ['a period of no time', { everySeconds: 0 }],
  [
    'tokens that are over before every replica knows of a change',
    { replicaLagSeconds: 600, maxTokenLifetimeSeconds: 60, verifierLeewaySeconds: 60 },
  ],
  ['a period shorter than the wait', { everySeconds: 3600, verifierCacheSeconds: 3600 }],
])('a policy refuses %s', (_what, overrides) => {
  expect(codeOf(() => createRotationPolicy('token', overrides))).toBe('ERR_CONFIG_INVALID')
})

/** A key that changed its policy at 10,000: the old delay is 965, the old retention 7325. */
const before = createRotationPolicy('token', { maxTokenLifetimeSeconds: 7200 })
const after = createRotationPolicy('token', { verifierCacheSeconds: 1800, everySeconds: 86_400 })
const changed = changePolicy({ policy: before }, after, second(10_000))

test('while a policy changes, the longer of each wait counts', () => {
  expect(changed.policy).toEqual(after)
  for (const time of [0, 10_000, 10_000 + 965 + 7325 - 1]) {
    const counted = policyAt(changed, second(time))
    expect(counted).toEqual({ ...after, maxTokenLifetimeSeconds: 7200 })
  }
  expect(policyAt(changed, second(10_000 + 965 + 7325))).toEqual(after)
})

test('a policy that is put again changes nothing', () => {
  expect(changePolicy({ policy: after }, { ...after }, second(0))).toEqual({ policy: after })
  expect(changePolicy(changed, { ...after }, second(10_500))).toEqual(changed)
})

test('a policy that changes twice counts with all three', () => {
  const third = createRotationPolicy('token', { maxAgeSeconds: 60, verifierCacheSeconds: 60 })
  const twice = changePolicy(changed, third, second(11_000))

  expect(policyAt(twice, second(12_000))).toMatchObject({
    maxAgeSeconds: 300,
    verifierCacheSeconds: 1800,
    maxTokenLifetimeSeconds: 7200,
  })
})

test('policies that take turns are noted once each', () => {
  let key: KeyQuantities = { policy: before }
  for (let n = 1; n <= 10; n++) key = changePolicy(key, n % 2 === 0 ? before : after, second(n))

  expect(key.formerPolicies?.map(({ policy }) => policy)).toEqual([before, after])
})

const near = (seconds: number): fc.Arbitrary<number> =>
  fc.constantFrom(-1, 0, 1).map((more) => seconds + more)
const policies = fc
  .record({
    maxAgeSeconds: near(300),
    verifierCacheSeconds: near(900),
    replicaLagSeconds: near(5),
    signerLagSeconds: near(5),
    clockSkewSeconds: near(60),
    maxTokenLifetimeSeconds: near(600),
    verifierLeewaySeconds: near(60),
    auditWindowSeconds: near(86_400),
    everySeconds: near(7 * 86_400),
  })
  .map((chosen) => createRotationPolicy('token', chosen))
const stricterPolicies = policies.map((before) => ({
  before,
  next: {
    ...before,
    maxTokenLifetimeSeconds: before.maxTokenLifetimeSeconds - 1,
    verifierCacheSeconds: before.verifierCacheSeconds + 1,
  },
}))
const pairs = fc.oneof(stricterPolicies, fc.record({ before: policies, next: policies }))

test('under a stricter policy no token lives longer and no wait is shorter', () => {
  fc.assert(
    fc.property(pairs, ({ before, next }) => {
      fc.pre(isStricterPolicy(next, before))
      const kept = (policy: typeof next): number =>
        retentionSeconds(policy) - policy.maxTokenLifetimeSeconds

      expect(next.maxTokenLifetimeSeconds).toBeLessThanOrEqual(before.maxTokenLifetimeSeconds)
      expect(activationDelaySeconds(next)).toBeGreaterThanOrEqual(activationDelaySeconds(before))
      expect(kept(next)).toBeGreaterThanOrEqual(kept(before))
      expect(next.auditWindowSeconds).toBeGreaterThanOrEqual(before.auditWindowSeconds)
      expect(next.everySeconds).toBe(before.everySeconds)
      expect(isStricterPolicy(before, next)).toBe(isSamePolicy(before, next))
    }),
  )
})

test('a shorter lifetime and a longer wait are stricter', () => {
  fc.assert(
    fc.property(stricterPolicies, ({ before, next }) => {
      expect(isStricterPolicy(next, before)).toBe(true)
    }),
  )
})

test.each(['maxAgeSeconds', 'signerLagSeconds', 'everySeconds'] as const)(
  'another %s is not stricter, however it differs',
  (name) => {
    const before = createRotationPolicy('token')

    for (const more of [-1, 1]) {
      const next = { ...before, [name]: (before[name] ?? 0) + more }
      expect(isStricterPolicy(next, before)).toBe(false)
    }
  },
)
