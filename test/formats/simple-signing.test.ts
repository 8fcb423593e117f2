import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { parseSimpleSigning, serializeSimpleSigning } from '../../src/formats/simple-signing.ts'
import { codeOf } from '../support/errors.ts'

test('a payload is read back as it was written', () => {
  const annotations = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string())
  fc.assert(
    fc.property(fc.string(), fc.uint8Array(), annotations, (dockerReference, bytes, signed) => {
      const payload = { dockerReference, imageDigest: digestOf(bytes), annotations: { ...signed } }
      expect(parseSimpleSigning(serializeSimpleSigning(payload))).toStrictEqual(payload)
    }),
  )
})

test('the bytes are those cosign writes', () => {
  const imageDigest = `sha256:${'ab'.repeat(32)}` as const
  const payload = { dockerReference: 'ghcr.io/acme/app', imageDigest, annotations: {} }
  expect(Buffer.from(serializeSimpleSigning(payload)).toString()).toBe(
    `{"critical":{"identity":{"docker-reference":"ghcr.io/acme/app"},"image":{"docker-manifest-digest":"${imageDigest}"},"type":"cosign container image signature"},"optional":null}`,
  )
})

test.each([
  ['of another type', '"cosign container image signature"', '"atomic container signature"'],
  ['about no digest', 'sha256:', 'sha1:'],
  ['without an identity', '"docker-reference"', '"reference"'],
])('a payload %s is refused', (_, from, to) => {
  const imageDigest = `sha256:${'ab'.repeat(32)}` as const
  const text = Buffer.from(
    serializeSimpleSigning({ dockerReference: 'x', imageDigest, annotations: {} }),
  ).toString()
  expect(codeOf(() => parseSimpleSigning(Buffer.from(text.replace(from, to))))).toBe(
    'ERR_ENVELOPE_INVALID',
  )
})
