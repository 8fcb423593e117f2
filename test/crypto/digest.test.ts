import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  digestBytes,
  digestHash,
  digestHex,
  digestOf,
  digestStream,
  formatDigest,
  isDigest,
  parseDigest,
} from '../../src/crypto/digest.ts'
import { codeOf } from '../support/errors.ts'

const hashes = fc.constantFrom('sha256', 'sha384', 'sha512' as const)

test('a digest is read back from its text, part by part', () => {
  fc.assert(
    fc.property(fc.uint8Array(), hashes, (bytes, hash) => {
      const digest = digestOf(bytes, hash)
      expect(parseDigest(digest)).toBe(digest)
      expect(digestHash(digest)).toBe(hash)
      expect(formatDigest(hash, digestBytes(digest))).toBe(digest)
      expect(digest).toBe(`${hash}:${digestHex(digest)}`)
    }),
  )
})

test('a stream has the digest of its bytes, however it is cut', async () => {
  const chunked = fc.array(fc.uint8Array())
  await fc.assert(
    fc.asyncProperty(chunked, async (chunks) => {
      async function* stream(): AsyncGenerator<Uint8Array> {
        await Promise.resolve()
        yield* chunks
      }
      const whole = Buffer.concat(chunks)
      expect(await digestStream(stream(), ['sha256', 'sha512'])).toStrictEqual({
        sha256: digestOf(whole),
        sha512: digestOf(whole, 'sha512'),
      })
    }),
  )
})

test.each([
  '',
  'sha256:',
  'sha256',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha1:${'a'.repeat(40)}`,
  `sha256:${'a'.repeat(64)}:x`,
  ` sha256:${'a'.repeat(64)}`,
  `toString:${'a'.repeat(64)}`,
])('"%s" is not a digest', (text) => {
  expect(isDigest(text)).toBe(false)
  expect(codeOf(() => parseDigest(text))).toBe('ERR_REFERENCE_INVALID')
})
