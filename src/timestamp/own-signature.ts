/**
 * The signature of a time stamp (RFC 3161, CMS SignedData of RFC 5652), checked with the certificate that comes with it:
 * the stamp is whole and was made for stamping times. Who made it, only a trusted root shows.
 *
 * @packageDocumentation
 */
import { type KeyObject, verify, X509Certificate } from 'node:crypto'
import { MAX_CERTIFICATE_BYTES, readCertificateKey } from '../crypto/certificate.ts'
import { contextTag, type DerReader, TAG } from '../crypto/der-reader.ts'
import { hashBytes, type HashName } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { isForTimeStamping, readIssuerAndSerial } from './chain.ts'
import { readDer } from './der.ts'
import { findHash, OID } from './object-identifiers.ts'
import { enterSignedData } from './response.ts'

/** What signs a time stamp. */
interface SignerInfo {
  readonly issuer: Uint8Array
  readonly serial: Uint8Array
  readonly hash: HashName
  /** As they are carried, under a tag that is not signed. */
  readonly attributes: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Makes sure that a time stamp is signed by the certificate in it. The input is attacker-controlled.
 *
 * @param time - the time it says, at which the certificate must be valid
 * @throws {@link CountersignError} ERR_TIMESTAMP_INVALID — it is not; ERR_KEY_INVALID — the certificate cannot be used
 */
export function assertOwnSignature(response: Uint8Array, time: Date): void {
  const { signedData, content } = enterSignedData(response)
  const certificates = readDer(signedData.readOptional(contextTag(0)) ?? Buffer.alloc(0))
  signedData.readOptional(contextTag(1))
  const signers = signedData.enter(TAG.set)
  const signer = readSignerInfo(signers.enter())
  signers.assertEnd()
  const { certificate, key } = findCertificate(certificates, signer)
  if (!isForTimeStamping(certificate)) throw unsigned('its certificate is not for time stamping')
  const isValid = time >= certificate.validFromDate && time <= certificate.validToDate
  if (!isValid) throw unsigned('its certificate was not valid then')
  const digest = hashBytes(signer.hash, content)
  const isWhole = Buffer.compare(readMessageDigest(signer.attributes), digest) === 0
  // RFC 5652 section 5.4: signed as the SET OF that they are.
  const signed = Buffer.from(signer.attributes)
  signed[0] = TAG.set
  if (isWhole && verify(signer.hash, signed, key, signer.signature)) return
  throw unsigned('its signature does not verify')
}

function readSignerInfo(info: DerReader): SignerInfo {
  info.readInteger()
  const name = info.enter()
  const issuer = name.readElement(TAG.sequence)
  const serial = name.readElement(TAG.integer)
  name.assertEnd()
  const hash = findHash(info.enter().readElement(TAG.oid))
  if (hash === undefined) throw unsigned('its hash is not SHA-256, SHA-384 or SHA-512')
  const attributes = info.readElement(contextTag(0))
  info.read(TAG.sequence)
  return { issuer, serial, hash, attributes, signature: info.read(TAG.octetString) }
}

/** A certificate and its key, judged like every key. */
interface CertifiedKey {
  readonly certificate: X509Certificate
  readonly key: KeyObject
}

function findCertificate(certificates: DerReader, signer: SignerInfo): CertifiedKey {
  while (certificates.nextTag !== undefined) {
    const der = certificates.readElement(TAG.sequence)
    if (der.length > MAX_CERTIFICATE_BYTES) throw unsigned('one of its certificates is too long')
    const { issuer, serial } = readIssuerAndSerial(der)
    const isSigner =
      Buffer.compare(issuer, signer.issuer) === 0 && Buffer.compare(serial, signer.serial) === 0
    if (isSigner) return readCertificate(der)
  }
  throw unsigned('the certificate that signed it is not in it')
}

function readCertificate(der: Uint8Array): CertifiedKey {
  const { keyObject: key } = readCertificateKey(der)
  try {
    return { certificate: new X509Certificate(der), key }
  } catch {
    throw unsigned('its certificate is malformed')
  }
}

function readMessageDigest(attributes: Uint8Array): Uint8Array {
  const set = readDer(attributes).enter(contextTag(0))
  while (set.nextTag !== undefined) {
    const attribute = set.enter()
    const isDigest = Buffer.compare(attribute.readElement(TAG.oid), OID.messageDigest) === 0
    const values = attribute.enter(TAG.set)
    if (isDigest) return values.read(TAG.octetString)
  }
  throw unsigned('it signs no digest')
}

function unsigned(why: string): CountersignError {
  return new CountersignError('ERR_TIMESTAMP_INVALID', `the time stamp cannot be used: ${why}`, {
    hint: 'name another time-stamp authority',
  })
}
