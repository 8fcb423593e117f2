/** The cryptography of the emulator, made apart from countersign's own so that one mistake can't hide another. */
import { p256, p384 } from '@noble/curves/nist.js'
import { constants, generateKeyPairSync, type KeyObject, privateEncrypt, sign } from 'node:crypto'
import { encodeDigestInfo, encodePss } from '../kms/emsa.ts'

/** A key pair for one algorithm of the API. */
export interface Material {
  readonly algorithm: string
  readonly privateKey: KeyObject
  readonly pem: string
}

/** Makes a key pair. */
export function createMaterial(algorithm: string): Material {
  const [, curve] = /^EC_SIGN_P(256|384)_/.exec(algorithm) ?? []
  const [, bits] = /^RSA_SIGN_[A-Z0-9]+_(\d{4})_/.exec(algorithm) ?? []
  const { privateKey, publicKey } =
    bits !== undefined
      ? generateKeyPairSync('rsa', { modulusLength: Number(bits) })
      : curve !== undefined
        ? generateKeyPairSync('ec', { namedCurve: `P-${curve}` })
        : generateKeyPairSync('ed25519')
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  return { algorithm, privateKey, pem }
}

/** Signs a digest, or the data itself with Ed25519: ECDSA as DER, PSS with a salt as long as the digest. */
export function signWith({ algorithm, privateKey }: Material, input: Uint8Array): Uint8Array {
  if (algorithm === 'EC_SIGN_ED25519') return sign(null, input, privateKey)
  if (algorithm.startsWith('EC_SIGN_P')) {
    const { d = '' } = privateKey.export({ format: 'jwk' })
    const curve = algorithm.startsWith('EC_SIGN_P256') ? p256 : p384
    const options = { prehash: false, lowS: false, format: 'der' } as const
    return curve.sign(input, Buffer.from(d, 'base64url'), options)
  }
  const hash = `sha${algorithm.slice(-3)}`
  if (algorithm.includes('_PKCS1_')) {
    const padding = constants.RSA_PKCS1_PADDING
    return privateEncrypt({ key: privateKey, padding }, encodeDigestInfo(hash, input))
  }
  const block = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  const encoded = encodePss(hash, input, block, input.length)
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded)
}

/** CRC-32C, bit by bit. */
export function checksumOf(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit += 1) {
      const isOdd = ((crc ^ (byte >> bit)) & 1) === 1
      crc = isOdd ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    }
  }
  return (crc ^ 0xffffffff) >>> 0
}
