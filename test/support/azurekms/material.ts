/** The cryptography of the emulator, made apart from countersign's own so that one mistake can't hide another. */
import { p256, p384, p521 } from '@noble/curves/nist.js'
import { constants, generateKeyPairSync, type KeyObject, privateEncrypt } from 'node:crypto'
import { encodeDigestInfo, encodePss } from '../kms/emsa.ts'

/** A key pair of one type. */
export interface AzureMaterial {
  readonly privateKey: KeyObject
  /** Public members of the JWK. */
  readonly jwk: Readonly<Record<string, unknown>>
}

const CURVES = { 'P-256': p256, 'P-384': p384, 'P-521': p521 } as const

/** Makes a key pair; undefined: there are no such keys. */
export function createAzureMaterial(
  kty: string,
  { crv, bits }: { readonly crv?: string | undefined; readonly bits?: number | undefined },
): AzureMaterial | undefined {
  const isEc = /^EC(?:-HSM)?$/.test(kty) && Object.hasOwn(CURVES, crv ?? '')
  if (!isEc && !/^RSA(?:-HSM)?$/.test(kty)) return undefined
  const { privateKey, publicKey } = isEc
    ? generateKeyPairSync('ec', { namedCurve: crv ?? '' })
    : generateKeyPairSync('rsa', { modulusLength: bits ?? 2048 })
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kty } }
}

/** Signs a digest: ECDSA as r and s, PSS with a salt as long as the digest. */
export function signDigestWith(
  { privateKey }: AzureMaterial,
  alg: string,
  digest: Uint8Array,
): Uint8Array {
  const { d = '', crv = '' } = privateKey.export({ format: 'jwk' })
  if (alg.startsWith('ES')) {
    const curve = CURVES[crv as keyof typeof CURVES]
    const options = { prehash: false, lowS: false, format: 'compact' } as const
    return curve.sign(digest, Buffer.from(d, 'base64url'), options)
  }
  const hash = `sha${alg.slice(-3)}`
  if (alg.startsWith('RS')) {
    const padding = constants.RSA_PKCS1_PADDING
    return privateEncrypt({ key: privateKey, padding }, encodeDigestInfo(hash, digest))
  }
  const block = (privateKey.asymmetricKeyDetails?.modulusLength ?? 0) / 8
  const encoded = encodePss(hash, digest, block, digest.length)
  return privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded)
}
