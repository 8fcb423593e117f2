/**
 * The cryptography of the KMS double, made apart from countersign's own so that one mistake can't
 * hide another: RAW messages go through node:crypto whole, digests through noble's ECDSA without
 * hashing and through the raw RSA operation.
 */
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { secp256k1 } from '@noble/curves/secp256k1.js'
import {
  constants,
  createHash,
  createPublicKey,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  sign,
  verify,
} from 'node:crypto'
import { encodeDigestInfo, encodePss, verifyPss } from './emsa.ts'
import { KmsFault, violates } from './fault.ts'
import { type KmsKey, keySpec } from './key.ts'

/** Ways a faulty backend signs: hashing a digest again, or PSS with the longest salt that fits. */
export type SigningFault = 'double-hash' | 'max-salt'

/** One request to Sign or Verify. */
export interface SigningInput {
  readonly algorithm: string
  readonly messageType: string
  readonly message: Uint8Array
}

const MAX_MESSAGE_BYTES = 4096
const CURVES = {
  ECC_NIST_P256: p256,
  ECC_NIST_P384: p384,
  ECC_NIST_P521: p521,
  ECC_SECG_P256K1: secp256k1,
} as const

/** Refuses what KMS refuses about usage, algorithm, message type and length. */
export function assertSignable(key: KmsKey, operation: string, input: SigningInput): void {
  const { algorithm, messageType, message } = input
  if (key.usage !== 'SIGN_VERIFY') {
    const text = `${key.arn} key usage is ${key.usage} which is not valid for ${operation}.`
    throw new KmsFault('InvalidKeyUsageException', text)
  }
  if (!keySpec(key.spec).signingAlgorithms.includes(algorithm)) {
    const text = `Algorithm ${algorithm} is incompatible with key spec ${key.spec}.`
    throw new KmsFault('InvalidKeyUsageException', text)
  }
  if (message.length > MAX_MESSAGE_BYTES) {
    throw violates('message', `Member must have length less than or equal to ${MAX_MESSAGE_BYTES}`)
  }
  const needed = { ED25519_SHA_512: 'RAW', ED25519_PH_SHA_512: 'DIGEST' }[algorithm] ?? messageType
  if (messageType !== needed || !['RAW', 'DIGEST'].includes(messageType)) {
    const text = `Message type ${messageType} is incompatible with algorithm ${algorithm}.`
    throw new KmsFault('ValidationException', text)
  }
  if (messageType === 'DIGEST' && message.length !== Number(algorithm.slice(-3)) / 8) {
    const text = `Digest is invalid length for algorithm ${algorithm}.`
    throw new KmsFault('ValidationException', text)
  }
}

/** Signs as KMS does: ECDSA as DER, PSS with a salt as long as the digest. */
export function signInput(key: KmsKey, input: SigningInput, fault?: SigningFault): Uint8Array {
  const { algorithm, message } = input
  const material = materialOf(key)
  if (algorithm === 'ED25519_SHA_512') return sign(null, message, material)
  const hash = hashOf(algorithm)
  if (input.messageType === 'RAW') {
    return sign(hash, message, { key: material, ...nodePadding(algorithm) })
  }
  const digest = fault === 'double-hash' ? createHash(hash).update(message).digest() : message
  if (algorithm.startsWith('ECDSA')) {
    const { d = '' } = material.export({ format: 'jwk' })
    const options = { prehash: false, lowS: false, format: 'der', extraEntropy: true } as const
    return curveOf(key).sign(digest, Buffer.from(d, 'base64url'), options)
  }
  if (algorithm.startsWith('RSASSA_PKCS1')) {
    const encoded = encodeDigestInfo(hash, digest)
    return privateEncrypt({ key: material, padding: constants.RSA_PKCS1_PADDING }, encoded)
  }
  const saltLength = fault === 'max-salt' ? undefined : digest.length
  const encoded = encodePss(hash, digest, modulusBytes(material), saltLength)
  return privateEncrypt({ key: material, padding: constants.RSA_NO_PADDING }, encoded)
}

/** Whether a signature holds. */
export function verifyInput(key: KmsKey, input: SigningInput, signature: Uint8Array): boolean {
  const { algorithm, message } = input
  const publicKey = createPublicKey(materialOf(key))
  if (algorithm === 'ED25519_SHA_512') return verify(null, message, publicKey, signature)
  const hash = hashOf(algorithm)
  if (input.messageType === 'RAW') {
    return verify(hash, message, { key: publicKey, ...nodePadding(algorithm) }, signature)
  }
  try {
    if (algorithm.startsWith('ECDSA')) {
      const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
      const point = Buffer.from(`04${toHex(x)}${toHex(y)}`, 'hex')
      const options = { prehash: false, lowS: false, format: 'der' } as const
      return curveOf(key).verify(signature, message, point, options)
    }
    const open = (padding: number): Buffer => publicDecrypt({ key: publicKey, padding }, signature)
    return algorithm.startsWith('RSASSA_PKCS1')
      ? open(constants.RSA_PKCS1_PADDING).equals(encodeDigestInfo(hash, message))
      : verifyPss(hash, message, open(constants.RSA_NO_PADDING))
  } catch {
    // No encoding of a signature at all.
    return false
  }
}

function nodePadding(algorithm: string): { padding?: number; saltLength?: number } {
  if (algorithm.startsWith('ECDSA')) return {}
  if (algorithm.startsWith('RSASSA_PKCS1')) return { padding: constants.RSA_PKCS1_PADDING }
  return {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  }
}

function materialOf(key: KmsKey): KeyObject {
  if (key.privateKey !== undefined) return key.privateKey
  throw new KmsFault('UnsupportedOperationException', `${key.arn} has no key pair.`)
}

function curveOf(key: KmsKey): (typeof CURVES)[keyof typeof CURVES] {
  const found = Object.entries(CURVES).find(([spec]) => spec === key.spec)
  if (found !== undefined) return found[1]
  throw new KmsFault('UnsupportedOperationException', `no digest signatures with ${key.spec}`)
}

function hashOf(algorithm: string): string {
  return `sha${algorithm.slice(-3)}`
}

function modulusBytes(key: KeyObject): number {
  return (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
}

function toHex(base64url: string): string {
  return Buffer.from(base64url, 'base64url').toString('hex')
}
