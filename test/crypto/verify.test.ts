import { constants, sign } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { toX509Signature } from '../../src/crypto/der.ts'
import { hashBytes } from '../../src/crypto/digest.ts'
import {
  createStreamVerifier,
  verifyDigest,
  verifyMessage,
  verifyMessageOnPool,
  verifyX509Message,
} from '../../src/crypto/verify.ts'
import { testKeyPair, testSigner } from '../support/signers.ts'

const message = Buffer.from('what is signed')

test.each(ALGORITHM_NAMES)('%s: any flipped bit of signature or message fails', async (name) => {
  const signer = testSigner(name)
  const { key } = signer
  const signature = await signer.sign(message)
  expect(verifyMessage(key, message, signature)).toBe(true)
  fc.assert(
    fc.property(fc.nat(signature.length * 8 - 1), fc.boolean(), (bit, inMessage) => {
      const bytes = Buffer.from(inMessage ? message : signature)
      const at = (bit >> 3) % bytes.length
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit & 7))
      const verdict = inMessage
        ? verifyMessage(key, bytes, signature)
        : verifyMessage(key, message, bytes)
      expect(verdict).toBe(false)
    }),
    { numRuns: 60 },
  )
})

test.each(ALGORITHM_NAMES)(
  '%s: message, stream and digest agree on a good signature',
  async (name) => {
    const signer = testSigner(name)
    const { key } = signer
    const signature = await signer.sign(message)
    const stream = createStreamVerifier(key.algorithm)
    const { hash } = key.algorithm
    expect(stream === undefined).toBe(hash === undefined)
    stream?.update(message)
    expect(stream?.verify(key, signature) ?? true).toBe(true)
    const digest = hash === undefined ? message : hashBytes(hash, message)
    expect(await verifyDigest(key, digest, signature)).toBe(hash !== undefined)
    const x509 = toX509Signature(key.algorithm, signature)
    expect(verifyX509Message(key, message, x509)).toBe(true)
  },
)

test.each(ALGORITHM_NAMES)('%s: a signature of another length is never read', async (name) => {
  const signer = testSigner(name)
  const { key } = signer
  const signature = await signer.sign(message)
  for (const wrong of [
    new Uint8Array(),
    signature.subarray(1),
    Buffer.concat([signature, message]),
  ]) {
    expect(verifyMessage(key, message, wrong)).toBe(false)
    expect(await verifyMessageOnPool(key, message, wrong)).toBe(false)
    expect(await verifyDigest(key, hashBytes('sha256', message), wrong)).toBe(false)
    expect(createStreamVerifier(key.algorithm)?.verify(key, wrong) ?? false).toBe(false)
  }
})

test.each([0, 20, constants.RSA_PSS_SALTLEN_MAX_SIGN])(
  'a PSS signature with a salt of %i bytes fails, by message and by digest',
  async (saltLength) => {
    const { key } = testSigner('PS256')
    const padding = constants.RSA_PKCS1_PSS_PADDING
    const { privateKey } = testKeyPair('PS256')
    const signature = sign('sha256', message, { key: privateKey, padding, saltLength })
    expect(verifyMessage(key, message, signature)).toBe(false)
    expect(await verifyDigest(key, hashBytes('sha256', message), signature)).toBe(false)
  },
)

test('a signature never verifies with another padding of the same RSA key', async () => {
  const pkcs1 = testSigner('RS256')
  const pss = testSigner('PS256')
  expect(verifyMessage(pss.key, message, await pkcs1.sign(message))).toBe(false)
  expect(verifyMessage(pkcs1.key, message, await pss.sign(message))).toBe(false)
})

test('P1363 is not an X.509 signature', async () => {
  const signer = testSigner('ES256')
  const { key } = signer
  expect(verifyX509Message(key, message, await signer.sign(message))).toBe(false)
})
