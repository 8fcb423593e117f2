/**
 * A certificate chain as an authority signs under it, and as it is published to verifiers.
 *
 * @packageDocumentation
 */
import { X509Certificate } from 'node:crypto'
import { readCertificateKey } from '../crypto/certificate.ts'
import { contextTag, TAG } from '../crypto/der-reader.ts'
import { decodePemBlock, findPemBlocks, type PemBlock } from '../crypto/pem.ts'
import { CountersignError } from '../errors.ts'
import { readDer } from './der.ts'

/** A chain whose links hold: leaf first, self-signed root last. */
export interface TimestampChain {
  readonly leaf: X509Certificate
  /** All of it, DER. */
  readonly certificates: readonly Uint8Array[]
  /** Issuer of the leaf, DER. */
  readonly issuer: Uint8Array
  /** Serial number of the leaf: an INTEGER, DER. */
  readonly serial: Uint8Array
  readonly notBefore: Date
  readonly notAfter: Date
}

const PURPOSE_TIME_STAMPING = '1.3.6.1.5.5.7.3.8'
const MAX_CERTIFICATES = 8

function invalid(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_KEY_INVALID', `certificates of a time-stamp key: ${why}`, {
    hint: 'give the chain as PEM, leaf first and root last',
    cause,
  })
}

/**
 * Reads a chain and makes sure that each certificate is signed by the next, the last by itself, and
 * that the leaf is for time stamps.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID
 */
export function parseTimestampChain(pem: string): TimestampChain {
  const blocks = findPemBlocks(pem).filter(({ label }) => label === 'CERTIFICATE')
  if (blocks.length === 0 || blocks.length > MAX_CERTIFICATES) {
    throw invalid(`expected 1 to ${MAX_CERTIFICATES}, found ${blocks.length}`)
  }
  const [leaf, ...above] = blocks.map(readCertificate)
  if (leaf === undefined) throw invalid('there is no leaf')
  if (!isForTimeStamping(leaf)) {
    throw invalid('the leaf is not for time stamping')
  }
  for (const [index, certificate] of [leaf, ...above].entries()) {
    const issuer = above[index] ?? certificate
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      throw invalid(`number ${index + 1} is not signed by the next`)
    }
  }
  return {
    leaf,
    certificates: [leaf, ...above].map(({ raw }) => raw),
    ...readIssuerAndSerial(leaf.raw),
    notBefore: leaf.validFromDate,
    notAfter: leaf.validToDate,
  }
}

/** Whether a certificate is for stamping times. */
export function isForTimeStamping(certificate: X509Certificate): boolean {
  return purposesOf(certificate)?.includes(PURPOSE_TIME_STAMPING) === true
}

/** Node's types forget that most certificates name no purpose. */
function purposesOf({ keyUsage }: X509Certificate): readonly string[] | undefined {
  return keyUsage
}

function readCertificate(block: PemBlock): X509Certificate {
  try {
    const der = decodePemBlock(block) ?? Buffer.alloc(0)
    readCertificateKey(der)
    return new X509Certificate(der)
  } catch (cause) {
    throw invalid('one of them is malformed', cause)
  }
}

/** Reads what signatures name a certificate by. The input is attacker-controlled. */
export function readIssuerAndSerial(der: Uint8Array): Pick<TimestampChain, 'issuer' | 'serial'> {
  const toBeSigned = readDer(der).enter().enter()
  toBeSigned.readOptional(contextTag(0))
  const serial = toBeSigned.readElement(TAG.integer)
  toBeSigned.read(TAG.sequence)
  return { serial, issuer: toBeSigned.readElement(TAG.sequence) }
}
