import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { ALGORITHM_NAMES, type AlgorithmName } from '../../src/crypto/algorithms.ts'
import type { Digest } from '../../src/crypto/digest.ts'
import { fromKeyObject } from '../../src/crypto/public-key.ts'
import { serializeHashedRekord, type SignatureFacts } from '../../src/formats/hashedrekord.ts'
import { testSigner } from '../support/signers.ts'

const SIGNATURE = Buffer.from([1, 2, 3, 255])
const DIGESTS: Readonly<Record<'sha256' | 'sha384' | 'sha512', Digest>> = {
  sha256: `sha256:${'ab'.repeat(32)}`,
  sha384: `sha384:${'ab'.repeat(48)}`,
  sha512: `sha512:${'ab'.repeat(64)}`,
}

/** The body for a key of an algorithm, as text, over a digest by the algorithm's hash or another. */
function bodyOf(
  algorithm: AlgorithmName,
  content: SignatureFacts['content'],
  hash?: keyof typeof DIGESTS,
): string | undefined {
  const { key } = testSigner(algorithm)
  const digest = DIGESTS[hash ?? key.algorithm.hash ?? 'sha256']
  const body = serializeHashedRekord(key, { content, digest, signature: SIGNATURE })
  return body && Buffer.from(body).toString()
}

test.each([
  ['ES256', 'envelope', 'SHA2_256', 'PKIX_ECDSA_P256_SHA_256'],
  ['ES256', 'file', 'SHA2_256', 'PKIX_ECDSA_P256_SHA_256'],
  ['ES384', 'file', 'SHA2_384', 'PKIX_ECDSA_P384_SHA_384'],
  ['ES512', 'file', 'SHA2_512', 'PKIX_ECDSA_P521_SHA_512'],
  ['RS256', 'envelope', 'SHA2_256', 'PKIX_RSA_PKCS1V15_2048_SHA256'],
  ['RS256', 'file', 'SHA2_256', 'PKIX_RSA_PKCS1V15_2048_SHA256'],
] as const)('the body for %s over %s is these bytes', (algorithm, content, hash, keyDetails) => {
  const bytes = { SHA2_256: 32, SHA2_384: 48, SHA2_512: 64 }[hash]
  const digest = Buffer.alloc(bytes, 0xab).toString('base64')
  const spki = Buffer.from(testSigner(algorithm).key.spki).toString('base64')

  expect(bodyOf(algorithm, content)).toBe(
    `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"${hash}","digest":"${digest}"},"signature":{"content":"AQID/w==","verifier":{"keyDetails":"${keyDetails}","publicKey":{"rawBytes":"${spki}"}}}}}}`,
  )
})

test('an envelope has a body where every verifier hashes it with SHA-256, and a file where its hash is in the signature', () => {
  const having = (content: SignatureFacts['content']): readonly AlgorithmName[] =>
    ALGORITHM_NAMES.filter((algorithm) => bodyOf(algorithm, content) !== undefined)

  expect(having('envelope')).toEqual(['ES256', 'RS256'])
  expect(having('file')).toEqual(['ES256', 'ES384', 'ES512', 'RS256'])
  expect(having('payload')).toEqual([])
})

test('a digest by another hash than the key signs with has no body', () => {
  expect(bodyOf('ES256', 'file', 'sha512')).toBeUndefined()
  expect(bodyOf('ES384', 'file', 'sha256')).toBeUndefined()
})

test.each([
  [2560, undefined],
  [3072, 'PKIX_RSA_PKCS1V15_3072_SHA256'],
])('an RSA key of %i bits is one that Sigstore names, or has no body', (bits, name) => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  const facts = { content: 'file', digest: DIGESTS.sha256, signature: SIGNATURE } as const
  const body = serializeHashedRekord(fromKeyObject(publicKey, 'RS256'), facts)

  expect(/"keyDetails":"(\w+)"/.exec(String(body && Buffer.from(body)))?.[1]).toBe(name)
})
