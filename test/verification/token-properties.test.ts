/** What holds of every token, and what jose says to the same ones. */
import fc from 'fast-check'
import { jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import { verifyToken } from '../../src/verification/verify-token.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { AUDIENCE, ISSUED_AT, ISSUER, issueTestToken, POLICY } from '../support/tokens.ts'
import { signAnyToken, testTokenKey } from '../support/tokens.ts'

const keys = ALGORITHM_NAMES.map((name) => testTokenKey(name, name))
const context = { keys, policy: POLICY, now: ISSUED_AT }
const claims = fc.dictionary(
  fc.string().filter((name) => !/^(iss|aud|exp|iat|nbf|jti|sub)$/.test(name)),
  fc.jsonValue({ maxDepth: 4 }).filter((value) => isExact(value)),
  { maxKeys: 5 },
)

/** JSON writes neither -0 nor half a surrogate pair as they are. */
function isExact(value: unknown): boolean {
  const text = JSON.stringify(value)
  return (
    !text.includes('\\ud') && JSON.stringify(JSON.parse(text)) === text && !Object.is(value, -0)
  )
}

describe.each(ALGORITHM_NAMES)('%s', (name) => {
  test('an issued token verifies and has the requested claims', async () => {
    await fc.assert(
      fc.asyncProperty(claims, async (given) => {
        const requested = given as JsonObject
        const token = await issueTestToken(testSigner(name, name), { claims: requested }).catch(
          (error: unknown) => {
            if (CountersignError.is(error, 'ERR_CLAIMS_NOT_ALLOWED')) return undefined
            throw error
          },
        )
        if (token === undefined) return
        const { iss, aud, exp, iat, nbf, jti, ...said } = verifyToken(token, context).claims
        expect(JSON.stringify(said)).toBe(JSON.stringify({ ...requested }))
        expect([iss, aud, jti]).toEqual([ISSUER, AUDIENCE, 'jti-1'])
        expect([typeof exp, typeof iat, typeof nbf]).toEqual(['number', 'number', 'number'])
      }),
      { numRuns: 20 },
    )
  })

  test('a token with any one character changed is refused', async () => {
    const token = await issueTestToken(testSigner(name, name))
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.string({ minLength: 1, maxLength: 1, unit: 'binary-ascii' }),
        (at, character) => {
          if (token[at] === character) return
          const changed = token.slice(0, at) + character + token.slice(at + 1)
          expect(codeOf(() => verifyToken(changed, context))).not.toBe('accepted')
        },
      ),
      { numRuns: 200 },
    )
  })

  test('jose verifies what we issue', async () => {
    const { keyObject } = testTokenKey(name, name).key
    const token = await issueTestToken(testSigner(name, name))

    const { protectedHeader } = await jwtVerify(token, keyObject, {
      algorithms: [name],
      issuer: ISSUER,
      audience: AUDIENCE,
      typ: 'JWT',
      currentDate: ISSUED_AT,
    })

    expect(protectedHeader).toEqual({
      alg: name,
      kid: keys[ALGORITHM_NAMES.indexOf(name)]?.kid,
      typ: 'JWT',
    })
  })
})

test('every single bit of a token counts', async () => {
  const token = Buffer.from(await issueTestToken(testSigner('ES256', 'ES256')))
  for (let bit = 0; bit < token.length * 8; bit += 1) {
    const changed = Buffer.from(token)
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    const code = codeOf(() => verifyToken(changed.toString('latin1'), context))
    expect(code, `bit ${bit}`).toMatch(/^ERR_/)
  }
})

const IAT = ISSUED_AT.getTime() / 1000
const around = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: -400, max: 400 }).map((offset) => IAT + offset) },
  { weight: 1, arbitrary: fc.constantFrom(IAT + 0.5, IAT - 60.5, 0, -1, 1e300, '1', null) },
)
/** Mostly one value: a token that one part spoils says nothing of its other parts. */
const mostly = <T>(good: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(good) }, fc.constantFrom(...others))
const header = fc.record(
  {
    typ: mostly<unknown>('JWT', 'jwt', 'application/jwt', 'at+jwt', 7),
    alg: mostly('ES256', 'ES384', 'HS256', 'none'),
    kid: mostly<unknown>(testTokenKey('ES256', 'ES256').kid, 'other', 7),
    crit: mostly<unknown>(undefined, [], ['exp'], ['b64']),
    b64: mostly<unknown>(undefined, true, false),
    cty: fc.constantFrom('JWT'),
  },
  { requiredKeys: [] },
)
const payload = fc.record(
  {
    iss: mostly<unknown>(ISSUER, 'https://other', 7),
    aud: mostly<unknown>(AUDIENCE, [AUDIENCE, 'x'], ['x'], [], [AUDIENCE, 7]),
    exp: around,
    nbf: around,
    iat: around,
    sub: mostly<unknown>('x', 7),
  },
  { requiredKeys: ['exp'] },
)

test('whatever we accept, jose accepts', async () => {
  const signer = testSigner('ES256', 'ES256')
  let accepted = 0
  const good = { iss: ISSUER, aud: AUDIENCE }
  await fc.assert(
    fc.asyncProperty(header, payload, fc.nat(300), async (some, said, skew) => {
      const token = await signAnyToken(JSON.stringify({ ...good, ...said }), some, signer)
      const policy = { ...POLICY, clockSkewSeconds: skew }
      if (codeOf(() => verifyToken(token, { ...context, policy })) !== 'accepted') return
      accepted += 1
      await jwtVerify(token, signer.key.keyObject, {
        algorithms: ['ES256'],
        issuer: ISSUER,
        audience: AUDIENCE,
        typ: 'JWT',
        clockTolerance: skew,
        currentDate: ISSUED_AT,
      })
    }),
    { numRuns: 2000 },
  )
  expect(accepted).toBeGreaterThan(100)
})
