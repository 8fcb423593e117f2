import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodePae, parseEnvelope, serializeEnvelope } from '../../src/formats/dsse.ts'
import { codeOf } from '../support/errors.ts'
import { plain } from '../support/plain.ts'

const envelopes = fc.record({
  payloadType: fc.string(),
  payload: fc.uint8Array(),
  signatures: fc.array(fc.record({ keyid: fc.string(), sig: fc.uint8Array({ minLength: 1 }) }), {
    minLength: 1,
    maxLength: 4,
  }),
})

test('an envelope is read back as it was written', () => {
  fc.assert(
    fc.property(envelopes, (envelope) => {
      expect(plain(parseEnvelope(serializeEnvelope(envelope)))).toStrictEqual(plain(envelope))
    }),
  )
})

test('URL-safe base64 says the same, and a text of two alphabets is refused', () => {
  const envelope = {
    payloadType: 't',
    payload: Uint8Array.of(0xfb, 0xff, 0xfe),
    signatures: [{ keyid: '', sig: Uint8Array.of(1) }],
  }
  const text = Buffer.from(serializeEnvelope(envelope)).toString()
  expect(text).toContain('+//+')
  const urlSafe = Buffer.from(text.replace('+//+', '-__-'))
  expect(plain(parseEnvelope(urlSafe))).toStrictEqual(plain(envelope))
  const mixed = Buffer.from(text.replace('+//+', '-//-'))
  expect(codeOf(() => parseEnvelope(mixed))).toBe('ERR_ENVELOPE_INVALID')
})

test('no two pairs of type and payload have one encoding', () => {
  const pair = fc.tuple(fc.string({ unit: 'binary' }), fc.uint8Array())
  fc.assert(
    fc.property(pair, pair, ([type, payload], [otherType, otherPayload]) => {
      const same = type === otherType && Buffer.from(payload).equals(otherPayload)
      const encoded = Buffer.from(encodePae(type, payload))
      expect(encoded.equals(encodePae(otherType, otherPayload))).toBe(same)
    }),
  )
})

test('lengths count bytes, not characters', () => {
  expect(Buffer.from(encodePae('é', Buffer.from('ü'))).toString()).toBe('DSSEv1 2 é 2 ü')
})

test('an envelope of over 64 signatures is refused', () => {
  const signatures = Array.from({ length: 65 }, () => ({ keyid: '', sig: Uint8Array.of(1) }))
  const bytes = serializeEnvelope({ payloadType: 't', payload: Uint8Array.of(1), signatures })
  expect(codeOf(() => parseEnvelope(bytes))).toBe('ERR_ENVELOPE_INVALID')
})
