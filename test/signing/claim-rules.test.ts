import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { parseJwt } from '../../src/formats/jwt.ts'
import { applyClaimRules, type ClaimRules, FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { issueTestToken } from '../support/tokens.ts'

const rules = (some: Partial<ClaimRules>): ClaimRules => ({ ...FREE_CLAIMS, ...some })

test('forced claims are in every token', () => {
  const forced = { tenant: 'acme' }

  expect(applyClaimRules({ role: 'reader' }, rules({ forced }))).toEqual({
    role: 'reader',
    tenant: 'acme',
  })
})

test.each([
  ['a forced one', { forced: { a: 1 } }],
  ['a forbidden one', { forbidden: ['a'] }],
  ['one that is not allowed', { allowed: ['b'] }],
  ['a forbidden one that is also allowed', { allowed: ['a'], forbidden: ['a'] }],
])('a caller can’t set %s, not even to the same value', (_, some) => {
  expect(codeOf(() => applyClaimRules({ a: 1 }, rules(some)))).toBe('ERR_CLAIMS_NOT_ALLOWED')
})

test('an allowed claim is the caller’s', () => {
  expect(applyClaimRules({ a: 1 }, rules({ allowed: ['a'] }))).toEqual({ a: 1 })
})

test('a required claim must have a source', () => {
  const required = ['a']

  expect(codeOf(() => applyClaimRules({}, rules({ required })))).toBe('ERR_CLAIMS_NOT_ALLOWED')
  expect(codeOf(() => applyClaimRules({ a: null }, rules({ required })))).toBe('accepted')
  expect(codeOf(() => applyClaimRules({}, rules({ required, forced: { a: 1 } })))).toBe('accepted')
})

test('a claim that every object inherits is neither there nor allowed', () => {
  const required = ['toString']

  expect(codeOf(() => applyClaimRules({}, rules({ required })))).toBe('ERR_CLAIMS_NOT_ALLOWED')
})

const names = fc.constantFrom('a', 'b', 'c', 'sub', 'iss', 'exp', 'aud', 'jti', '__proto__')
const values = fc.constantFrom('x', 'y', 1, true)
const claims = fc.dictionary(names, values, { maxKeys: 4, noNullPrototype: true })
const anyRules: fc.Arbitrary<ClaimRules> = fc.record({
  forced: fc.dictionary(names, values, { maxKeys: 2, noNullPrototype: true }),
  allowed: fc.oneof(fc.constant('any' as const), fc.uniqueArray(names)),
  forbidden: fc.uniqueArray(names, { maxLength: 2 }),
  required: fc.uniqueArray(names, { maxLength: 2 }),
})
const OURS = ['iss', 'aud', 'exp', 'iat', 'nbf', 'jti']

test('whatever is asked for under whatever rules, an issued token keeps them', async () => {
  await fc.assert(
    fc.asyncProperty(claims, anyRules, async (requested, given) => {
      const token = await issueTestToken(
        testSigner('EdDSA'),
        { claims: requested },
        { claims: given },
      ).catch((error: unknown) => {
        if (CountersignError.is(error, 'ERR_CLAIMS_NOT_ALLOWED')) return undefined
        throw error
      })
      if (token === undefined) return

      const issued = parseJwt(token).claims.json
      const { forced, allowed, forbidden, required } = given
      for (const name of required) expect(issued).toHaveProperty([name])
      for (const name of Object.keys(issued).filter((one) => !OURS.includes(one))) {
        const isForced = Object.hasOwn(forced, name)
        expect(issued[name]).toEqual(isForced ? forced[name] : requested[name])
        expect(isForced || !forbidden.includes(name)).toBe(true)
        expect(isForced || allowed === 'any' || allowed.includes(name)).toBe(true)
      }
      for (const name of Object.keys(requested)) {
        expect(OURS.includes(name) || Object.hasOwn(forced, name)).toBe(false)
      }
    }),
    { numRuns: 300 },
  )
})
