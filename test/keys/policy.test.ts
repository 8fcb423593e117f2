import { expect, test } from 'vitest'
import {
  activationDelaySeconds,
  coverPolicies,
  createRotationPolicy,
  retentionSeconds,
} from '../../src/keys/policy.ts'
import { codeOf } from '../support/errors.ts'

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
  const every = (['artifact', 'timestamp', 'log', 'trust'] as const).map(
    (use) => createRotationPolicy(use).everySeconds,
  )

  expect(every).toEqual([90 * 86_400, undefined, undefined, undefined])
})

test('no period can be chosen where there is one by default', () => {
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
  ['what is no number', { clockSkewSeconds: Number.NaN }],
  ['a token that lives no time', { maxTokenLifetimeSeconds: 0 }],
  ['a quantity beyond its bound', { verifierLeewaySeconds: 3601 }],
  ['a period of no time', { everySeconds: 0 }],
  ['a period shorter than the wait', { everySeconds: 3600, verifierCacheSeconds: 3600 }],
])('a policy refuses %s', (_what, overrides) => {
  expect(codeOf(() => createRotationPolicy('token', overrides))).toBe('ERR_CONFIG_INVALID')
})

test('while a policy changes, the longer of each wait counts', () => {
  const before = createRotationPolicy('token', { maxTokenLifetimeSeconds: 7200 })
  const after = createRotationPolicy('token', { verifierCacheSeconds: 1800, everySeconds: 86_400 })

  const covered = coverPolicies(before, after)

  expect(covered).toEqual({ ...after, maxTokenLifetimeSeconds: 7200 })
})
