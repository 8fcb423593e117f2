import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJwt, toNumericDate } from '../../src/formats/jwt.ts'
import { codeOf } from '../support/errors.ts'

const encode = (text: string): string => Buffer.from(text).toString('base64url')
const withClaims = (claims: string): string => `${encode('{"alg":"ES256"}')}.${encode(claims)}.AAAA`

test('registered claims are read as values, and all claims are there as they are', () => {
  const { claims } = parseJwt(
    withClaims('{"iss":"i","sub":"s","aud":"a","exp":20,"nbf":10,"iat":5,"jti":"j","x":[1]}'),
  )

  expect(claims).toMatchObject({
    issuer: 'i',
    subject: 's',
    audience: ['a'],
    expires: new Date(20_000),
    notBefore: new Date(10_000),
    issuedAt: new Date(5_000),
    jti: 'j',
    json: { x: [1] },
  })
})

test('a part of a second counts against the token', () => {
  const { claims } = parseJwt(withClaims('{"exp":20.0009,"nbf":10.0001}'))

  expect([claims.expires, claims.notBefore]).toEqual([new Date(20_000), new Date(10_001)])
})

test.each([
  ['no JSON', 'foo'],
  ['a text', '"foo"'],
  ['a claim twice', '{"sub":"a","sub":"b"}'],
  ['a claim twice, once by its escape', '{"sub":"a","\\u0073ub":"b"}'],
  ['an issuer that is not a string', '{"iss":["i"]}'],
  ['a subject that is null', '{"sub":null}'],
  ['an audience that is an object', '{"aud":{"a":1}}'],
  ['an empty audience', '{"aud":[]}'],
  ['an audience with a number', '{"aud":["a",1]}'],
  ['a hundred and one audiences', JSON.stringify({ aud: Array.from({ length: 101 }, String) })],
  ['an end that is a text', '{"exp":"20"}'],
  ['an end that is null', '{"exp":null}'],
  ['an end before time began', '{"exp":-1}'],
  ['an end beyond all calendars', '{"exp":1e300}'],
  ['a start that is a boolean', '{"nbf":true}'],
  ['claims nested deep', `{"x":${'['.repeat(17)}${']'.repeat(17)}}`],
])('a payload with %s is malformed', (_, claims) => {
  expect(codeOf(() => parseJwt(withClaims(claims)))).toBe('ERR_JWT_INVALID')
})

test('times are whole seconds, rounded down', () => {
  expect(toNumericDate(new Date(1999))).toBe(1)
})

/** Texts near to a token: three parts of what may be JSON, with something put in. */
const nearly = fc
  .tuple(
    fc.json({ maxDepth: 3 }),
    fc.json({ maxDepth: 3 }),
    fc.nat(),
    fc.string({ unit: 'binary' }),
  )
  .map(([header, claims, where, what]) => {
    const text = `${encode(`{"alg":"ES256","x":${header}}`)}.${encode(claims)}.AAAA`
    const at = where % text.length
    return text.slice(0, at) + what + text.slice(at + what.length)
  })

test('whatever the text, it is a token or the one error of malformed tokens', () => {
  fc.assert(
    fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' })), (text) => {
      expect(['accepted', 'ERR_JWT_INVALID']).toContain(codeOf(() => parseJwt(text)))
    }),
    { numRuns: 1000 },
  )
})
