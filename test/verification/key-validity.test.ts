import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import type { KeyState } from '../../src/keys/state.ts'
import { assertKeyValid, type TrustedTime } from '../../src/verification/key-validity.ts'
import { pinKey, type TrustedKey } from '../../src/verification/trust.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const day = (n: number): Date => new Date(Date.UTC(2026, 0, 1 + n))
const at = (...days: readonly number[]): readonly TrustedTime[] =>
  days.map((n) => ({ source: 'timestamp-authority', time: day(n) }))

const NOW = day(50)
const { key } = testSigner()

const version = (
  state: KeyState,
  window: { start?: number; end?: number; compromised?: number } = {},
): TrustedKey => ({
  key,
  state,
  version: { key: 'release', number: 3 },
  validFor: {
    start: window.start === undefined ? undefined : day(window.start),
    end: window.end === undefined ? undefined : day(window.end),
  },
  compromisedSince: window.compromised === undefined ? undefined : day(window.compromised),
})

const verdict = (trusted: TrustedKey, times: readonly TrustedTime[]): string =>
  codeOf(() => assertKeyValid(trusted, times, NOW))

test.each<[string, TrustedKey, readonly TrustedTime[], string]>([
  ['a pinned key counts without a time', pinKey(key), [], 'accepted'],
  ['an active version counts without a time', version('active', { start: 0 }), [], 'accepted'],
  [
    'an active version counts at a time in its window',
    version('active', { start: 0 }),
    at(10),
    'accepted',
  ],
  [
    'an active version never counts before its activation',
    version('active', { start: 20 }),
    at(10),
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'a version to be activated later never counts',
    version('active', { start: 60 }),
    [],
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'an active version past its window needs a time',
    version('active', { start: 0, end: 40 }),
    [],
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'an active version past its window counts within it',
    version('active', { start: 0, end: 40 }),
    at(40),
    'accepted',
  ],
  ['a pending version never counts', version('pending'), at(10), 'ERR_KEY_OUTSIDE_VALIDITY'],
  [
    'an imported version counts before it is activated',
    { ...version('pending'), origin: 'external' },
    at(10),
    'accepted',
  ],
  [
    'an imported version that waits counts without a time',
    { ...version('pending'), origin: 'external' },
    [],
    'accepted',
  ],
  [
    'an imported version that was retired while it waited needs a time',
    { ...version('retired', { end: 40 }), origin: 'external' },
    [],
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'a retired version needs a time',
    version('retired', { start: 0, end: 40 }),
    [],
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'a retired version counts within its window',
    version('retired', { start: 0, end: 40 }),
    at(39),
    'accepted',
  ],
  [
    'a retired version counts at both ends of its window',
    version('retired', { start: 10, end: 40 }),
    at(10, 40),
    'accepted',
  ],
  [
    'a retired version never counts after its window',
    version('retired', { start: 0, end: 40 }),
    at(41),
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'one time outside the window is enough to fail',
    version('retired', { start: 0, end: 40 }),
    at(10, 41),
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'a destroyed version counts as a retired one',
    version('destroyed', { start: 0, end: 40 }),
    at(10),
    'accepted',
  ],
  [
    'a destroyed version needs a time',
    version('destroyed', { start: 0, end: 40 }),
    [],
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'a revoked version needs a time',
    version('revoked', { start: 0, end: 40, compromised: 20 }),
    [],
    'ERR_KEY_REVOKED',
  ],
  [
    'a revoked version counts before its compromise',
    version('revoked', { start: 0, end: 40, compromised: 20 }),
    at(19),
    'accepted',
  ],
  [
    'a revoked version never counts from its compromise on',
    version('revoked', { start: 0, end: 40, compromised: 20 }),
    at(20),
    'ERR_KEY_REVOKED',
  ],
  [
    'a revoked version never counts before its activation',
    version('revoked', { start: 10, end: 40, compromised: 20 }),
    at(5),
    'ERR_KEY_OUTSIDE_VALIDITY',
  ],
  [
    'a revoked version of no known compromise never counts',
    version('revoked', { start: 0, end: 40 }),
    at(1),
    'ERR_KEY_REVOKED',
  ],
])('%s', (_, trusted, times, expected) => {
  expect(verdict(trusted, times)).toBe(expected)
})

test.each<[string, TrustedKey, readonly TrustedTime[], boolean]>([
  ['a retired version without a time', version('retired', { start: 0, end: 40 }), [], true],
  ['a revoked one without a time', version('revoked', { start: 0, compromised: 20 }), [], true],
  [
    'one signed after its compromise',
    version('revoked', { start: 0, compromised: 20 }),
    at(30),
    false,
  ],
  ['one compromised from the beginning', version('revoked', { start: 0 }), [], false],
  ['one signed outside its window', version('retired', { start: 0, end: 40 }), at(45), false],
])('a time stamp is requested only if it would help: %s', (_, trusted, times, wouldHelp) => {
  let hint: string | undefined
  try {
    assertKeyValid(trusted, times, NOW)
  } catch (error) {
    if (CountersignError.is(error)) ({ hint } = error)
  }

  expect(hint).toContain('sign the artifact again')
  expect(hint?.includes('time stamp')).toBe(wouldHelp)
})

test('a version that is not active never counts without a trusted time', () => {
  const states = fc.constantFrom<KeyState>('pending', 'retired', 'revoked', 'destroyed')
  const days = fc.option(fc.nat(100), { nil: undefined })
  fc.assert(
    fc.property(
      states,
      fc.tuple(days, days, days),
      fc.nat(200),
      (state, [start, end, compromised], now) => {
        const window = {
          ...(start !== undefined && { start }),
          ...(end !== undefined && { end }),
          ...(compromised !== undefined && { compromised }),
        }
        const call = (): unknown => assertKeyValid(version(state, window), [], day(now))
        expect(codeOf(call)).toMatch(/^ERR_KEY_(OUTSIDE_VALIDITY|REVOKED)$/)
      },
    ),
  )
})

test('what counts stays counted when a time inside the window is added, and never outlives a time outside', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100), { minLength: 1, maxLength: 4 }), (days) => {
      const inside = days.every((n) => n >= 10 && n <= 40)
      const code = verdict(version('retired', { start: 10, end: 40 }), at(...days))
      expect(code).toBe(inside ? 'accepted' : 'ERR_KEY_OUTSIDE_VALIDITY')
    }),
  )
})
