import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseJws, serializeJws, serializeSigningInput } from '../../src/formats/jws.ts'
import { codeOf } from '../support/errors.ts'

const encode = (text: string): string => Buffer.from(text).toString('base64url')
const withHeader = (header: string): string => `${encode(header)}.${encode('{}')}.AAAA`

test('a compact JWS is taken apart into header, payload, signature and what was signed', () => {
  const jws = parseJws(`${encode('{"alg":"ES256","kid":"k","typ":"JWT","x":1}')}.Zm9v.AAEC`)

  expect(jws.header).toMatchObject({ alg: 'ES256', kid: 'k', typ: 'JWT', json: { x: 1 } })
  expect(Buffer.from(jws.payload).toString()).toBe('foo')
  expect([...jws.signature]).toEqual([0, 1, 2])
  expect(Buffer.from(jws.signingInput).toString()).toMatch(/^[\w-]+\.Zm9v$/)
})

const GOOD = withHeader('{"alg":"ES256"}')

test.each([
  ['no text at all', ''],
  ['two parts', GOOD.slice(0, GOOD.lastIndexOf('.'))],
  ['four parts', `${GOOD}.AAAA`],
  ['the five parts of an encrypted token', `${GOOD}.AAAA.AAAA`],
  ['padding', `${GOOD}==`],
  ['a blank behind it', `${GOOD} `],
  ['a line end behind it', `${GOOD}\n`],
  ['a line end inside', GOOD.replace('.', '\n.')],
  ['standard base64', `${GOOD.slice(0, -4)}++//`],
  ['bits that stand for nothing', `${GOOD.slice(0, -4)}AAB`],
  ['no signature', GOOD.slice(0, GOOD.lastIndexOf('.') + 1)],
  ['a header that is not JSON', withHeader('alg')],
  ['a header that is not an object', withHeader('["ES256"]')],
  ['a header with a member twice', withHeader('{"alg":"ES256","alg":"none"}')],
  ['a header with a byte order mark', withHeader('\u{feff}{"alg":"ES256"}')],
  ['a header without an algorithm', withHeader('{"kid":"k"}')],
  ['an algorithm that is null', withHeader('{"alg":null}')],
  ['a kid that is not a string', withHeader('{"alg":"ES256","kid":1}')],
  ['a type that is not a string', withHeader('{"alg":"ES256","typ":[]}')],
  ['an unknown critical extension', withHeader('{"alg":"ES256","crit":["x"],"x":1}')],
  ['an empty list of critical extensions', withHeader('{"alg":"ES256","crit":[]}')],
  ['an unencoded payload', withHeader('{"alg":"ES256","b64":false,"crit":["b64"]}')],
  ['an unencoded payload that is not marked critical', withHeader('{"alg":"ES256","b64":false}')],
  ['a deep header', withHeader(`{"alg":"ES256","x":${'['.repeat(9)}${']'.repeat(9)}}`)],
  ['a long header', withHeader(`{"alg":"ES256","x":"${'a'.repeat(13_000)}"}`)],
  ['a text of endless length', `${GOOD}${'A'.repeat(65_536)}`],
])('a token with %s is malformed', (_, text) => {
  expect(codeOf(() => parseJws(text))).toBe('ERR_JWT_INVALID')
})

test('a critical extension named in inherited members only does not count', () => {
  expect(codeOf(() => parseJws(withHeader('{"alg":"ES256","__proto__":{"crit":["x"]}}')))).toBe(
    'accepted',
  )
})

test('the error of a malformed token quotes nothing of it', () => {
  expect(() => parseJws(`secret${GOOD}=`)).toThrow(/^malformed token: /)
  expect(() => parseJws(`secret${GOOD}=`)).not.toThrow(/secret/)
})

test('a written JWS is read back', () => {
  const bytes = fc.uint8Array({ maxLength: 200 })
  const signature = fc.uint8Array({ minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(bytes, signature, fc.string(), (payload, signed, kid) => {
      const input = serializeSigningInput({ alg: 'ES256', kid }, payload)

      const jws = parseJws(serializeJws(input, signed))

      expect(jws.header.json).toEqual({ alg: 'ES256', kid })
      expect([...jws.payload]).toEqual([...payload])
      expect([...jws.signature]).toEqual([...signed])
      expect([...jws.signingInput]).toEqual([...input])
    }),
  )
})
