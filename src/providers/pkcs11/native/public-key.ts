/**
 * Public keys as tokens keep them (PKCS#11 v3.1 sections 6.1.2 and 6.3.3): in the public key object, in
 * the private one where that carries the public numbers too, or in a certificate.
 *
 * @packageDocumentation
 */
import type { Algorithm } from '../../../crypto/algorithms.ts'
import { encodeBase64Url } from '../../../crypto/base64.ts'
import { readCertificateKey } from '../../../crypto/certificate.ts'
import {
  parsePublicKeyJwk,
  parsePublicKeySpki,
  type PublicKeyInfo,
} from '../../../crypto/public-key.ts'
import { CountersignError } from '../../../errors.ts'
import {
  CKA_EC_PARAMS,
  CKA_EC_POINT,
  CKA_KEY_TYPE,
  CKA_MODULUS,
  CKA_PUBLIC_EXPONENT,
  CKA_PUBLIC_KEY_INFO,
  CKA_VALUE,
  CKK_EC,
  CKK_EC_EDWARDS,
  CKK_RSA,
  type Handle,
} from './cryptoki.ts'
import {
  findCertificates,
  findPublicKeys,
  type ObjectName,
  type KeyObjectOnToken,
  nameText,
  onlyOne,
  readAttribute,
} from './objects.ts'
import type { TokenSession } from './token.ts'

interface TokenCurve {
  readonly crv: string
  readonly kty: 'EC' | 'OKP'
  /** Bytes of one coordinate. */
  readonly bytes: number
}

const ED25519: TokenCurve = { crv: 'Ed25519', kty: 'OKP', bytes: 32 }

/** Curves by their DER parameters, in hex: an object identifier, or for Edwards a printable name too. */
const CURVES: ReadonlyMap<string, TokenCurve> = new Map<string, TokenCurve>([
  ['06082a8648ce3d030107', { crv: 'P-256', kty: 'EC', bytes: 32 }],
  ['06052b81040022', { crv: 'P-384', kty: 'EC', bytes: 48 }],
  ['06052b81040023', { crv: 'P-521', kty: 'EC', bytes: 66 }],
  ['06032b6570', ED25519],
  ['130c656477617264733235353139', ED25519],
])

/**
 * Reads the public half of a private key: of its public key object, of the private one, or of its
 * certificate. That the private key makes signatures for it is shown by the first signature.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — the token holds no public half;
 * ERR_KEY_INVALID — not a key countersign can use, or not with that algorithm;
 * ERR_KEY_URI_INVALID — several public halves
 */
export function readPublicHalf(
  given: TokenSession,
  privateKey: KeyObjectOnToken,
  algorithm: string | undefined,
): PublicKeyInfo {
  const publicKey = findPublicHalf(given, privateKey)
  const info =
    (publicKey && readTokenPublicKey(given, publicKey.handle, algorithm)) ??
    readTokenPublicKey(given, privateKey.handle, algorithm) ??
    readCertified(given, privateKey, algorithm)
  if (info !== undefined) {
    assertSameType(given, privateKey, info)
    return info
  }
  const message = `the token holds no public key or certificate for ${nameText({ object: privateKey.label })}`
  throw new CountersignError('ERR_KEY_NOT_FOUND', message, {
    details: { provider: 'pkcs11', cause: 'public-half-missing' },
    hint: 'put the public key object or the certificate beside the private key, with the same CKA_ID',
  })
}

const KEY_TYPES: Readonly<Record<Algorithm['family'], readonly number[]>> = {
  ecdsa: [CKK_EC],
  'rsa-pkcs1': [CKK_RSA],
  'rsa-pss': [CKK_RSA],
  ed25519: [CKK_EC_EDWARDS, CKK_EC],
}

/** What tokens answer where the mechanism does not fit the key looks like an outage. */
function assertSameType(
  given: TokenSession,
  { handle, label }: KeyObjectOnToken,
  { algorithm }: PublicKeyInfo,
): void {
  const keyType = readNumber(readAttribute(given, handle, CKA_KEY_TYPE))
  if (keyType === undefined || KEY_TYPES[algorithm.family].includes(keyType)) return
  const name = nameText({ object: label })
  throw unusable(`the public key or certificate found for ${name} is of another type`)
}

function findPublicHalf(
  given: TokenSession,
  privateKey: KeyObjectOnToken,
): KeyObjectOnToken | undefined {
  const { id, label } = privateKey
  const found = findCounterparts(privateKey, (name) => findPublicKeys(given, name))
  // Several of one id that share no label are the halves of other keys.
  const halves = found.length > 1 ? found.filter((object) => object.label === label) : found
  return onlyOne(halves, { ...(id.length > 0 && { id }), object: label })
}

/**
 * The objects of another class that belong to a private key: those with its id; of several, those that share its
 * label too. Where none has its id, those that have its label and no other id.
 */
function findCounterparts(
  { id, label }: KeyObjectOnToken,
  find: (name: ObjectName) => KeyObjectOnToken[],
): readonly KeyObjectOnToken[] {
  if (id.length === 0) return find({ object: label })
  const sameId = find({ id })
  const sameLabel = sameId.filter((object) => object.label === label)
  if (sameId.length > 1 && sameLabel.length > 0) return sameLabel
  if (sameId.length > 0 || label === '') return sameId
  return find({ object: label }).filter((object) => object.id.length === 0)
}

function readCertified(
  given: TokenSession,
  privateKey: KeyObjectOnToken,
  algorithm: string | undefined,
): PublicKeyInfo | undefined {
  const certificates = findCounterparts(privateKey, (name) => findCertificates(given, name))
  return readCertificates(given, certificates, algorithm)
}

/**
 * Reads the one key of certificates, which are often several of one key (renewed, or by several
 * authorities); undefined where none has its bytes on the token.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — they are of several keys; ERR_KEY_INVALID — malformed, not a
 * key countersign can use, or not with that algorithm
 */
export function readCertificates(
  given: TokenSession,
  certificates: readonly KeyObjectOnToken[],
  algorithm: string | undefined,
): PublicKeyInfo | undefined {
  const keys = certificates.flatMap(({ handle }) => {
    const der = readAttribute(given, handle, CKA_VALUE)
    return der === undefined || der.length === 0 ? [] : [readCertificateKey(der, algorithm)]
  })
  const [key] = keys
  if (key === undefined || keys.every(({ kid }) => kid === key.kid)) return key
  const names = certificates.map(({ label, id }) => nameText({ object: label, id })).join(' ')
  throw new CountersignError('ERR_KEY_URI_INVALID', 'the certificates are of different keys', {
    details: { provider: 'pkcs11', cause: 'certificates-differ' },
    hint: `remove those that are not of this key, or put its public key object beside it: ${names}`,
  })
}

/**
 * Reads the public key in an object; undefined where it has no public numbers.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — not a key countersign can use, or not with that
 * algorithm
 */
export function readTokenPublicKey(
  given: TokenSession,
  object: Handle,
  algorithm: string | undefined,
): PublicKeyInfo | undefined {
  const read = (type: number): Buffer | undefined => {
    const value = readAttribute(given, object, type)
    return value === undefined || value.length === 0 ? undefined : value
  }
  const jwk = readJwk(read)
  if (jwk !== undefined) return parsePublicKeyJwk(jwk, algorithm)
  const spki = read(CKA_PUBLIC_KEY_INFO)
  return spki && parsePublicKeySpki(spki, algorithm)
}

type Read = (type: number) => Buffer | undefined

function readJwk(read: Read): Record<string, string> | undefined {
  const keyType = readNumber(read(CKA_KEY_TYPE))
  if (keyType === CKK_RSA) return readRsa(read)
  if (keyType === CKK_EC || keyType === CKK_EC_EDWARDS) return readEc(read)
  throw unusable(`its CKA_KEY_TYPE is ${keyType ?? 'missing'}`)
}

function readRsa(read: Read): Record<string, string> | undefined {
  const modulus = read(CKA_MODULUS)
  const exponent = read(CKA_PUBLIC_EXPONENT)
  if (modulus === undefined || exponent === undefined) return undefined
  return { kty: 'RSA', n: toMagnitude(modulus), e: toMagnitude(exponent) }
}

/** A big integer without leading zeros, as JWK wants it (RFC 7518 section 2). */
function toMagnitude(bytes: Uint8Array): string {
  const start = bytes.findIndex((byte) => byte !== 0)
  return encodeBase64Url(bytes.subarray(start === -1 ? bytes.length : start))
}

function readEc(read: Read): Record<string, string> | undefined {
  const parameters = read(CKA_EC_PARAMS)?.toString('hex')
  const point = read(CKA_EC_POINT)
  if (parameters === undefined || point === undefined) return undefined
  const curve = CURVES.get(parameters)
  if (curve === undefined) throw unusable('its curve is not P-256, P-384, P-521 or Ed25519')
  const { crv, kty, bytes } = curve
  if (kty === 'OKP') return { kty, crv, x: encodeBase64Url(unwrapPoint(point, bytes)) }
  const raw = unwrapPoint(point, 1 + 2 * bytes)
  if (raw[0] !== 0x04) throw unusable('its point is not in the uncompressed form')
  const [x, y] = [raw.subarray(1, 1 + bytes), raw.subarray(1 + bytes)]
  return { kty, crv, x: encodeBase64Url(x), y: encodeBase64Url(y) }
}

/** The point is a DER OCTET STRING; some modules leave out its header, some make it a BIT STRING. */
function unwrapPoint(value: Uint8Array, size: number): Uint8Array {
  const header = Buffer.from(value.subarray(0, Math.max(0, value.length - size))).toString('hex')
  const headers = ['', `04${derLength(size)}`, `03${derLength(size + 1)}00`]
  if (value.length >= size && headers.includes(header)) return value.subarray(value.length - size)
  throw unusable('its point is not as long as its curve needs')
}

function derLength(length: number): string {
  return `${length < 0x80 ? '' : '81'}${length.toString(16).padStart(2, '0')}`
}

function readNumber(value: Buffer | undefined): number | undefined {
  return value === undefined ? undefined : value.readUIntLE(0, Math.min(value.length, 6))
}

function unusable(why: string): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', `the key on the token can't be used: ${why}`)
}
