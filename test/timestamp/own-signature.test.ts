import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { assertOwnSignature } from '../../src/timestamp/own-signature.ts'
import { readTimestampResponse } from '../../src/timestamp/response.ts'
import { createTimestampAuthority } from '../support/timestamp-authority.ts'

const openssl = createTimestampAuthority()
afterAll(openssl.close)
const response = await openssl.timestamp(Buffer.from('signature'))
const { time } = readTimestampResponse(response)

function codeOf(bytes: Uint8Array, at = time): string | undefined {
  try {
    assertOwnSignature(bytes, at)
    return undefined
  } catch (error) {
    return CountersignError.is(error) ? error.code : String(error)
  }
}

test('a time stamp of OpenSSL is signed by the certificate in it', () => {
  expect(codeOf(response)).toBeUndefined()
})

test('no changed bit of the signature passes', () => {
  // The signature is at the end, behind everything else.
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 7 }), (back, bit) => {
      const changed = Buffer.from(response)
      const at = changed.length - back
      changed[at] = changed.readUInt8(at) ^ (1 << bit)
      expect(codeOf(changed)).toBe('ERR_TIMESTAMP_INVALID')
    }),
  )
})

test('no changed byte anywhere ends in another failure than a refusal', () => {
  fc.assert(
    fc.property(fc.nat(response.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = Buffer.from(response)
      changed[at] = changed.readUInt8(at) ^ flip
      expect([undefined, 'ERR_TIMESTAMP_INVALID', 'ERR_KEY_INVALID']).toContain(codeOf(changed))
    }),
    { numRuns: 500 },
  )
})

test.each([-3_650 * 86_400_000, 3_650 * 86_400_000])(
  'a certificate that is not valid at the time stamps nothing (%d ms)',
  (offset) => {
    expect(codeOf(response, new Date(time.getTime() + offset))).toBe('ERR_TIMESTAMP_INVALID')
  },
)
