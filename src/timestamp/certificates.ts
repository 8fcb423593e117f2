/**
 * Certificates of time-stamp keys (RFC 5280; RFC 3161 section 2.3). Verifiers of time stamps know
 * certificates, not keys, so each version of a time-stamp key gets a chain of two when it is made: a
 * root, and a leaf for the version's public key.
 *
 * The root's private key is made in memory, signs these two certificates and is discarded. No second
 * certificate can ever be issued under that root, so trusting it means trusting exactly one public key,
 * the same as if it had been pinned; there is no authority to guard, to steal or to revoke from. A new
 * version gets a new root, and verifiers learn it from `/trust/trusted-root.json`.
 *
 * @packageDocumentation
 */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { resolveAlgorithm } from '../crypto/algorithms.ts'
import { contextTag, TAG } from '../crypto/der-reader.ts'
import { hashBytes } from '../crypto/digest.ts'
import { fromKeyObject, type PublicKeyInfo } from '../crypto/public-key.ts'
import {
  bitString,
  booleanTrue,
  encode,
  generalizedTime,
  integer,
  namedBit,
  octetString,
  oid,
  sequence,
  setOf,
} from './der.ts'
import { signatureIdentifier } from './object-identifiers.ts'

/** The version that gets certificates, and what they say. */
export interface TimestampChainRequest {
  readonly publicKey: PublicKeyInfo
  /** Name of the key and number of the version: they make the names in the certificates unique. */
  readonly key: string
  readonly version: number
  /** URL of the service, as configured. */
  readonly issuer: string
  readonly notBefore: Date
  /** Time stamps count until then for all verifiers: choose about ten years. */
  readonly notAfter: Date
}

const ROOT_ALGORITHM = 'ES384'
const SERIAL_BYTES = 16

const PURPOSE_TIME_STAMPING = oid('1.3.6.1.5.5.7.3.8')
const DIGITAL_SIGNATURE = 0
const KEY_CERT_SIGN = 5

/** One certificate that is to be signed by the root. */
interface CertificateParts {
  readonly subject: Uint8Array
  readonly publicKey: PublicKeyInfo
  readonly extensions: readonly Uint8Array[]
}

/** A root in memory, dropped with the last reference to it. */
interface Root {
  readonly name: Uint8Array
  readonly publicKey: PublicKeyInfo
  readonly privateKey: KeyObject
  readonly validity: Uint8Array
}

/**
 * Issues the certificate chain of a version of a time-stamp key, as PEM, leaf first.
 *
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED — verifiers of time stamps don't know the
 * key's algorithm
 */
export function issueTimestampChain(request: TimestampChainRequest): string {
  const { publicKey, key, version, issuer } = request
  // Fails now, not at the first time stamp.
  signatureIdentifier(publicKey.algorithm)
  const label = `${key}@${version}`
  const root = createRoot(request, label)
  const leaf = issue(root, {
    subject: distinguishedName(issuer, `time stamps by ${label}`),
    publicKey,
    extensions: [
      extension('2.5.29.19', sequence(), 'critical'),
      extension('2.5.29.15', namedBit(DIGITAL_SIGNATURE), 'critical'),
      // RFC 3161 section 2.3: critical, and no other purpose beside it.
      extension('2.5.29.37', sequence(PURPOSE_TIME_STAMPING), 'critical'),
      extension('2.5.29.35', sequence(encode(0x80, keyIdentifier(root.publicKey)))),
      subjectUrl(issuer),
    ],
  })
  return [leaf, selfSign(root, issuer)].map(toPem).join('')
}

function createRoot({ issuer, notBefore, notAfter }: TimestampChainRequest, label: string): Root {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  return {
    name: distinguishedName(issuer, `root of ${label}`),
    publicKey: fromKeyObject(publicKey, ROOT_ALGORITHM),
    privateKey,
    validity: sequence(encodeTime(notBefore), encodeTime(notAfter)),
  }
}

function selfSign(root: Root, issuer: string): Uint8Array {
  return issue(root, {
    subject: root.name,
    publicKey: root.publicKey,
    extensions: [
      extension('2.5.29.19', sequence(booleanTrue(), integer(0)), 'critical'),
      extension('2.5.29.15', namedBit(KEY_CERT_SIGN), 'critical'),
      subjectUrl(issuer),
    ],
  })
}

function issue(root: Root, parts: CertificateParts): Uint8Array {
  const { hash, identifier } = signatureIdentifier(resolveAlgorithm(ROOT_ALGORITHM))
  const subjectKey = extension('2.5.29.14', octetString(keyIdentifier(parts.publicKey)))
  const toBeSigned = sequence(
    encode(contextTag(0), integer(2)),
    integer(randomSerial()),
    identifier,
    root.name,
    root.validity,
    parts.subject,
    parts.publicKey.spki,
    encode(contextTag(3), sequence(...parts.extensions, subjectKey)),
  )
  const signature = sign(hash, toBeSigned, root.privateKey)
  return sequence(toBeSigned, identifier, bitString(signature))
}

/** Positive, of one length, and never guessed. */
function randomSerial(): Uint8Array {
  const serial = randomBytes(SERIAL_BYTES)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}

function keyIdentifier({ spki }: PublicKeyInfo): Uint8Array {
  return hashBytes('sha256', spki).subarray(0, 20)
}

function extension(id: string, value: Uint8Array, critical?: 'critical'): Uint8Array {
  const flag = critical === undefined ? [] : [booleanTrue()]
  return sequence(oid(id), ...flag, octetString(value))
}

/** Subject alternative name: the whole URL, which a name of 64 characters may have no room for. */
function subjectUrl(issuer: string): Uint8Array {
  return extension('2.5.29.17', sequence(encode(0x86, Buffer.from(new URL(issuer).href, 'latin1'))))
}

function distinguishedName(issuer: string, commonName: string): Uint8Array {
  return sequence(attribute('2.5.4.10', new URL(issuer).host), attribute('2.5.4.3', commonName))
}

/** RFC 5280 appendix A.1: no such attribute is longer than 64 characters. */
function attribute(id: string, text: string): Uint8Array {
  const value = encode(TAG.utf8String, Buffer.from(text.slice(0, 64), 'utf8'))
  return setOf(sequence(oid(id), value))
}

/** RFC 5280 section 4.1.2.5: two digits of the year until 2049, and never a fraction. */
function encodeTime(time: Date): Uint8Array {
  const whole = new Date(Math.floor(time.getTime() / 1000) * 1000)
  if (whole.getUTCFullYear() >= 2050) return generalizedTime(whole)
  const [date = '', clock = ''] = whole.toISOString().split('T')
  const text = `${date.slice(2).replaceAll('-', '')}${clock.slice(0, 8).replaceAll(':', '')}Z`
  return encode(TAG.utcTime, Buffer.from(text, 'latin1'))
}

function toPem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
