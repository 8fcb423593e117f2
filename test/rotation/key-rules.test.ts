import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRotationPolicy } from '../../src/keys/policy.ts'
import {
  isSameRules,
  isStricter,
  type RuledKey,
  rulesSha256,
  serializeTokenRules,
} from '../../src/rotation/key-rules.ts'
import { applyClaimRules, type ClaimRules, FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import { codeOf } from '../support/errors.ts'

const policy = createRotationPolicy('token')
const ruled = (claims: ClaimRules, type?: string): RuledKey => ({
  policy,
  rules: serializeTokenRules({ type, claims }),
})

const names = fc.constantFrom('a', 'b', 'c', 'sub', '__proto__')
const values = fc.constantFrom('x', 'y', 1, true)
const claims = fc.dictionary(names, values, { maxKeys: 4, noNullPrototype: true })
const lists: fc.Arbitrary<readonly string[]> = fc.array(names, { maxLength: 4 })
const anyRules: fc.Arbitrary<ClaimRules> = fc.record({
  forced: fc.dictionary(names, values, { maxKeys: 1, noNullPrototype: true }),
  allowed: fc.oneof(fc.constant('any' as const), lists),
  forbidden: lists,
  required: lists,
})
/** Rules, and others that ask for more. */
const tightened = fc
  .tuple(anyRules, lists, lists, lists)
  .map(([rules, left, forbidden, required]) => {
    const { allowed } = rules
    const next: ClaimRules = {
      ...rules,
      allowed: allowed === 'any' ? left : allowed.filter((name) => left.includes(name)),
      forbidden: [...rules.forbidden, ...forbidden],
      required: [...rules.required, ...required],
    }
    return { rules, next }
  })

/** What is issued for a request; undefined where it is refused. */
function issued(requested: Parameters<typeof applyClaimRules>[0], rules: ClaimRules): unknown {
  const code = codeOf(() => applyClaimRules(requested, rules))
  return code === 'accepted' ? applyClaimRules(requested, rules) : undefined
}

test('what stricter rules permit, the rules before permit too, with the same claims', () => {
  fc.assert(
    fc.property(
      claims,
      fc.oneof(tightened, fc.record({ rules: anyRules, next: anyRules })),
      (requested, { rules, next }) => {
        fc.pre(isStricter(ruled(next), ruled(rules)))
        const after = issued(requested, next)
        if (after !== undefined) expect(issued(requested, rules)).toEqual(after)
      },
    ),
    { numRuns: 500 },
  )
})

test('rules that ask for more are stricter, and those before are not, unless they are the same', () => {
  fc.assert(
    fc.property(tightened, ({ rules, next }) => {
      const [before, after] = [ruled(rules), ruled(next)]

      expect(isStricter(after, before)).toBe(true)
      expect(isStricter(before, after)).toBe(isSameRules(before, after))
    }),
  )
})

test('reordered or repeated rules are the same', () => {
  const forced = { a: { x: 1, y: [2] }, b: 1 }
  const one = { forced, allowed: ['c', 'd'], forbidden: ['e'], required: [] }
  const other = {
    forced: { b: 1, a: { y: [2], x: 1 } },
    allowed: ['d', 'c', 'd'],
    forbidden: ['e', 'e'],
    required: [],
  }

  expect(isSameRules(ruled(one), ruled(other, 'JWT'))).toBe(true)
  expect(rulesSha256(ruled(one))).toBe(rulesSha256(ruled(other, 'JWT')))
})

test.each<[string, RuledKey]>([
  ['another type', ruled(FREE_CLAIMS, 'at+jwt')],
  ['another forced claim', ruled({ ...FREE_CLAIMS, forced: { a: 1 } })],
  ['none on record', { policy }],
])('%s is not stricter, and has a digest of its own', (_, next) => {
  const before = ruled(FREE_CLAIMS)

  expect(isStricter(next, before)).toBe(false)
  expect(isStricter(before, next)).toBe(false)
  expect(rulesSha256(next)).not.toBe(rulesSha256(before))
})

test('a longer lifetime has a digest of its own', () => {
  const longer = createRotationPolicy('token', { maxTokenLifetimeSeconds: 7200 })

  expect(rulesSha256({ policy: longer })).not.toBe(rulesSha256({ policy }))
})

test.each([
  '{}',
  '{"allowed":[1],"forbidden":[],"forced":{},"required":[],"type":"JWT"}',
  '{"allowed":[],"forbidden":[],"required":[],"type":"JWT"}',
])('stored rules %s are refused', (rules) => {
  expect(codeOf(() => isStricter(ruled(FREE_CLAIMS), { policy, rules }))).toBe('ERR_INTERNAL')
})
