import { constants, sign } from 'node:crypto'
import { expect, test } from 'vitest'
import { resolveAlgorithm } from '../../src/crypto/algorithms.ts'
import { fromX509Signature } from '../../src/crypto/der.ts'
import { hashBytes } from '../../src/crypto/digest.ts'
import { fromKeyObject } from '../../src/crypto/public-key.ts'
import { verifyMessage } from '../../src/crypto/verify.ts'
import { createSigner, isDigestSigner, type SigningBackend } from '../../src/signing/signer.ts'
import { codeOfAsync } from '../support/errors.ts'
import { testKeyPair, testSigner } from '../support/signers.ts'

const message = Buffer.from('what is signed')
const ec = testKeyPair('ES256')
const rsa = testKeyPair('PS256')
const ES256 = resolveAlgorithm('ES256')

const p1363 = (bytes: Uint8Array): Uint8Array =>
  fromX509Signature(ES256, sign('sha256', bytes, ec.privateKey))

test.each<[string, 'ES256' | 'PS256', SigningBackend]>([
  ['another key', 'ES256', { signMessage: () => testSigner('ES256', 'other').sign(message) }],
  ['a digest hashed again', 'ES256', { signDigest: (digest) => Promise.resolve(p1363(digest)) }],
  [
    'DER where P1363 belongs',
    'ES256',
    { signMessage: () => Promise.resolve(sign('sha256', message, ec.privateKey)) },
  ],
  ['nothing', 'ES256', { signMessage: () => Promise.resolve(new Uint8Array()) }],
  [
    'a salt of the longest length',
    'PS256',
    {
      signMessage: () => {
        const padding = constants.RSA_PKCS1_PSS_PADDING
        const saltLength = constants.RSA_PSS_SALTLEN_MAX_SIGN
        return Promise.resolve(
          sign('sha256', message, { key: rsa.privateKey, padding, saltLength }),
        )
      },
    },
  ],
])('a backend that signs with %s is a fault, and nothing is released', async (_, name, backend) => {
  const key = fromKeyObject(testKeyPair(name).publicKey, name)
  expect(await codeOfAsync(() => createSigner(key, backend).sign(message))).toBe(
    'ERR_PROVIDER_FAULT',
  )
})

test('a backend that takes digests is given the message’s, once hashed', async () => {
  const seen: Uint8Array[] = []
  const { key } = testSigner()
  const signer = createSigner(key, {
    signDigest: (digest) => {
      seen.push(digest)
      return Promise.resolve(p1363(message))
    },
  })
  expect(verifyMessage(key, message, await signer.sign(message))).toBe(true)
  expect(seen).toStrictEqual([hashBytes('sha256', message)])
})

test('a signature over a digest is checked before it is released too', async () => {
  const { key } = testSigner()
  const signer = createSigner(key, { signDigest: (digest) => Promise.resolve(p1363(digest)) })
  if (!isDigestSigner(signer)) throw new Error('not a digest signer')
  const call = (): Promise<unknown> => signer.signDigest(hashBytes('sha256', message))
  expect(await codeOfAsync(call)).toBe('ERR_PROVIDER_FAULT')
})

test('a digest of another length than the hash’s is a caller’s mistake', async () => {
  const signer = testSigner()
  if (!isDigestSigner(signer)) throw new Error('not a digest signer')
  await expect(signer.signDigest(hashBytes('sha512', message))).rejects.toThrow(RangeError)
})

test('a backend’s own failure passes through', async () => {
  const failure = new Error('backend down')
  const signer = createSigner(testSigner().key, { signMessage: () => Promise.reject(failure) })
  await expect(signer.sign(message)).rejects.toBe(failure)
})

test('only keys that can sign a digest say so', () => {
  expect(
    (['ES256', 'RS256', 'PS256', 'EdDSA'] as const).map((name) => isDigestSigner(testSigner(name))),
  ).toStrictEqual([true, true, false, false])
})
