import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { contextTag, TAG } from '../../src/crypto/der-reader.ts'
import { encode, integer, sequence, setOf } from '../../src/timestamp/der.ts'
import { OID } from '../../src/timestamp/object-identifiers.ts'
import { encodeImprint } from '../../src/timestamp/request.ts'
import {
  encodeGrant,
  encodeRejection,
  readTimestampResponse,
} from '../../src/timestamp/response.ts'
import { codeOf } from '../support/errors.ts'
import { createTimestampAuthority } from '../support/timestamp-authority.ts'

const DATA = Buffer.from('a signature')

/** An answer with this time in it; unsigned, since reading asks for no signature. */
function answerAt(time: string, type: Uint8Array = OID.tstInfo): Uint8Array {
  const generalized = encode(TAG.generalizedTime, Buffer.from(time))
  const imprint = encodeImprint(digestOf(DATA))
  const tstInfo = sequence(integer(1), OID.tstInfo, imprint, integer(7), generalized)
  const content = sequence(type, encode(contextTag(0), encode(TAG.octetString, tstInfo)))
  const signedData = sequence(integer(3), setOf(), content, setOf())
  return encodeGrant(sequence(OID.signedData, encode(contextTag(0), signedData)))
}

test('a time stamp of another authority is read', async () => {
  const openssl = createTimestampAuthority()
  const response = await openssl.timestamp(DATA)
  openssl.close()

  const { digest, time, nonce } = readTimestampResponse(response)

  expect(digest).toBe(digestOf(DATA))
  expect(Math.abs(time.getTime() - Date.now())).toBeLessThan(60_000)
  expect(nonce).toBeDefined()
})

test.each([
  ['20260304050607Z', '2026-03-04T05:06:07.000Z'],
  ['20260304050607.5Z', '2026-03-04T05:06:07.500Z'],
  ['20260304050607.123456789Z', '2026-03-04T05:06:07.123Z'],
])('the time %s is read, with its fraction', (written, time) => {
  expect(readTimestampResponse(answerAt(written)).time.toISOString()).toBe(time)
})

test.each(['20260304050607', '20261304050607Z', '20260304050607+0100', '2026-03-04', ''])(
  'the time "%s" is invalid',
  (written) => {
    expect(codeOf(() => readTimestampResponse(answerAt(written)))).toBe('ERR_TIMESTAMP_INVALID')
  },
)

test('something else than a time stamp inside is refused', () => {
  const answer = answerAt('20260304050607Z', OID.signedData)

  expect(codeOf(() => readTimestampResponse(answer))).toBe('ERR_TIMESTAMP_INVALID')
})

test('a refusal is quoted with unprintable characters removed', () => {
  const refusal = encodeRejection({ failure: 'badAlg', reason: 'no\u001b[2J SHA-1' })

  expect(() => readTimestampResponse(refusal)).toThrow(
    'the time-stamp authority refused (status 2): "no [2J SHA-1"',
  )
  expect(() => readTimestampResponse(sequence(sequence(integer(3))))).toThrow('(status 3)')
})
