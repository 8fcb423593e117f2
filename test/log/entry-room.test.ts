import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_ENTRY_BYTES } from '../../src/log/entry-bundle.ts'
import { serializeEntry } from '../../src/log/entry-format.ts'
import { assertRoomFor } from '../../src/log/entry-room.ts'
import { codeOf } from '../support/errors.ts'

const HEX = 'ab'.repeat(32)

const known = (digests: number, claim = '') => ({
  requestId: 'request-1',
  caller: { issuer: 'https://issuer.example', subject: 'repo:acme/app', claims: { ref: claim } },
  key: { name: 'release', version: 3, kid: 'k'.repeat(43) },
  digests: Array.from({ length: digests }, () => `sha512:${HEX}${HEX}`),
})

/** The entry of the known values, with all others at their maximum length. */
function longest(about: ReturnType<typeof known>): number {
  const type = `https://${'é'.repeat(1016)}`
  return serializeEntry(
    {
      type: 'attestation',
      time: new Date(0),
      ...about,
      predicateType: type,
      bundleSha256: HEX,
      timestamp: { kid: 'k'.repeat(43), time: new Date(0) },
      backendRequestId: 'r'.repeat(256),
      answerSha256: HEX,
      publicEntry: { index: Number.MAX_SAFE_INTEGER, leafSha256: HEX },
    },
    Number.POSITIVE_INFINITY,
  ).length
}

test('an accepted request fits into the log, whatever signing adds', () => {
  fc.assert(
    fc.property(fc.nat(600), fc.nat(1024), (digests, characters) => {
      const about = known(digests, 'é'.repeat(characters))

      const isLet = codeOf(() => {
        assertRoomFor(about)
      })

      if (isLet === 'accepted') expect(longest(about)).toBeLessThanOrEqual(MAX_ENTRY_BYTES)
      else expect(isLet).toBe('ERR_INPUT_TOO_LARGE')
    }),
  )
})

test('digests that fill an entry are refused, and half as many are not', () => {
  const codeFor = (digests: number): string =>
    codeOf(() => {
      assertRoomFor(known(digests))
    })

  expect(codeFor(460)).toBe('ERR_INPUT_TOO_LARGE')
  expect(codeFor(230)).toBe('accepted')
})
