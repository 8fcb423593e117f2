/**
 * Signers over keys in memory: the real Signer, with node:crypto as its backend. One key pair per
 * algorithm and name is made once and shared, since RSA keys take long to make.
 *
 * @packageDocumentation
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type AlgorithmName, resolveAlgorithm } from '../../src/crypto/algorithms.ts'
import { fromKeyObject } from '../../src/crypto/public-key.ts'
import { createFileBackend } from '../../src/providers/file/backend.ts'
import { createSigner, type Signer } from '../../src/signing/signer.ts'

interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

const pairs = new Map<string, KeyPair>()

/** The key pair of an algorithm; another `name` gives another pair. */
export function testKeyPair(algorithm: AlgorithmName, name = 'default'): KeyPair {
  const entry = resolveAlgorithm(algorithm)
  const id = `${name} ${entry.family === 'ecdsa' ? entry.curve.name : entry.family.slice(0, 3)}`
  const pair = pairs.get(id) ?? generate(algorithm)
  pairs.set(id, pair)
  return pair
}

function generate(algorithm: AlgorithmName): KeyPair {
  const entry = resolveAlgorithm(algorithm)
  switch (entry.family) {
    case 'ecdsa':
      return generateKeyPairSync('ec', { namedCurve: entry.curve.opensslName })
    case 'rsa-pkcs1':
    case 'rsa-pss':
      return generateKeyPairSync('rsa', { modulusLength: 2048 })
    case 'ed25519':
      return generateKeyPairSync('ed25519')
  }
}

/** A Signer of an algorithm; another `name` gives another key. */
export function testSigner(algorithm: AlgorithmName = 'ES256', name = 'default'): Signer {
  const { publicKey, privateKey } = testKeyPair(algorithm, name)
  const key = fromKeyObject(publicKey, algorithm)
  return createSigner(key, createFileBackend(key.algorithm, privateKey))
}
