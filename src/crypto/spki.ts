/**
 * SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) taken apart into the numbers of its key, so that they
 * are judged before a key is made of them. The input is attacker-controlled.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { encodeBase64Url } from './base64.ts'
import { DerReader, TAG } from './der-reader.ts'

/** The members that make up a public key as a JWK (RFC 7518 section 6). */
export type KeyNumbers = Readonly<Record<string, string>>

interface Curve {
  readonly crv: string
  readonly coordinateBytes: number
}

/** Curves by their AlgorithmIdentifier: named, never by parameters. */
const CURVES: ReadonlyMap<string, Curve> = new Map([
  ['301306072a8648ce3d020106082a8648ce3d030107', { crv: 'P-256', coordinateBytes: 32 }],
  ['301006072a8648ce3d020106052b81040022', { crv: 'P-384', coordinateBytes: 48 }],
  ['301006072a8648ce3d020106052b81040023', { crv: 'P-521', coordinateBytes: 66 }],
])
const RSA = '300d06092a864886f70d0101010500'
const ED25519 = '300506032b6570'
const UNCOMPRESSED = 0x04

function malformed(): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', 'not a public key that can be read')
}

function notCanonical(): CountersignError {
  return new CountersignError(
    'ERR_KEY_INVALID',
    'the public key is of an unsupported kind, or not in its canonical encoding (named curve, uncompressed point, DER)',
    {
      hint: 'convert it: openssl pkey -pubin -in FILE -ec_param_enc named_curve -ec_conv_form uncompressed -pubout',
    },
  )
}

/** Kinds that people have and no algorithm of ours uses, by the object identifier. */
const OTHERS: Readonly<Record<string, string>> = {
  '06052b8104000a': 'secp256k1',
  '06032b6571': 'Ed448',
  '06032b656e': 'X25519',
  '06092a864886f70d01010a': 'RSASSA-PSS',
}

function unsupported(algorithm: string): CountersignError {
  const [, name] = Object.entries(OTHERS).find(([oid]) => algorithm.includes(oid)) ?? []
  if (name === undefined) return notCanonical()
  return new CountersignError(
    'ERR_KEY_INVALID',
    `the curve or key type "${name}" is not supported`,
    {
      hint: 'use a key on P-256, P-384 or P-521, an RSA key, or an Ed25519 key',
    },
  )
}

/**
 * Reads the numbers of a key; they are not judged.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — malformed, or not a kind of key in the table
 */
export function readSpki(spki: Uint8Array): KeyNumbers {
  const outer = new DerReader(spki, malformed)
  const info = outer.enter()
  outer.assertEnd()
  const algorithm = Buffer.from(info.readElement(TAG.sequence)).toString('hex')
  const bits = info.read(TAG.bitString)
  info.assertEnd()
  // The first byte counts the unused bits of the last one.
  if (bits[0] !== 0) throw malformed()
  return readKey(algorithm, bits.subarray(1))
}

function readKey(algorithm: string, key: Uint8Array): KeyNumbers {
  if (algorithm === RSA) return readRsaNumbers(key)
  if (algorithm === ED25519) return { kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(key) }
  const curve = CURVES.get(algorithm)
  if (curve === undefined) throw unsupported(algorithm)
  const { crv, coordinateBytes } = curve
  if (key[0] !== UNCOMPRESSED || key.length !== 1 + 2 * coordinateBytes) throw notCanonical()
  const [x, y] = [key.subarray(1, 1 + coordinateBytes), key.subarray(1 + coordinateBytes)]
  return { kty: 'EC', crv, x: encodeBase64Url(x), y: encodeBase64Url(y) }
}

/**
 * Reads an RSAPublicKey (RFC 8017 appendix A.1.1); its numbers are not judged.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — malformed
 */
export function readRsaNumbers(der: Uint8Array): KeyNumbers {
  const outer = new DerReader(der, malformed)
  const numbers = outer.enter()
  outer.assertEnd()
  const [modulus, exponent] = [readMagnitude(numbers), readMagnitude(numbers)]
  numbers.assertEnd()
  return { kty: 'RSA', n: encodeBase64Url(modulus), e: encodeBase64Url(exponent) }
}

function readMagnitude(reader: DerReader): Uint8Array {
  const bytes = reader.readInteger()
  const [first = 0] = bytes
  if (first >= 0x80) throw malformed()
  return first === 0 ? bytes.subarray(1) : bytes
}
