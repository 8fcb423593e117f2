/**
 * Answers of a time-stamp authority (RFC 3161 section 2.4.2), written and read.
 *
 * @packageDocumentation
 */
import { contextTag, type DerReader, TAG } from '../crypto/der-reader.ts'
import type { Digest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { encode, integer, malformedDer, namedBit, readDer, sequence } from './der.ts'
import { OID } from './object-identifiers.ts'
import { FAILURE_BITS, readImprint, type Rejection } from './request.ts'

/** PKIStatus: granted, and granted with changes; every other one is a refusal. */
const GRANTED: ReadonlySet<number | undefined> = new Set([0, 1])
const REJECTION = 2

/** Writes the answer that carries a time-stamp token. */
export function encodeGrant(token: Uint8Array): Uint8Array {
  return sequence(sequence(integer(0)), token)
}

/** Writes the answer that refuses, and says why. */
export function encodeRejection({ failure, reason }: Rejection): Uint8Array {
  const text = sequence(encode(TAG.utf8String, Buffer.from(reason, 'utf8')))
  return sequence(sequence(integer(REJECTION), text, namedBit(FAILURE_BITS[failure])))
}

/** The content of a time stamp. The caller must still verify its signature. */
export interface TimestampContents {
  readonly digest: Digest
  readonly time: Date
  /** Serial number, hex. */
  readonly serial: string
  /** Bytes of an INTEGER. */
  readonly nonce: Uint8Array | undefined
}

/**
 * Reads an answer and what its time stamp says; the signature is not looked at. The input is
 * attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_TIMESTAMP_INVALID — malformed, or the authority refused
 */
export function readTimestampResponse(der: Uint8Array): TimestampContents {
  return readTstInfo(readDer(enterSignedData(der).content))
}

/**
 * Enters the SignedData of an answer (RFC 5652 section 5.1).
 *
 * @returns the TSTInfo that is signed, and a reader of what comes after it: certificates and signers
 * @throws {@link CountersignError} as {@link readTimestampResponse}
 */
export function enterSignedData(der: Uint8Array): {
  readonly signedData: DerReader
  readonly content: Uint8Array
} {
  const message = readDer(der)
  const response = message.enter()
  message.assertEnd()
  assertGranted(response.enter())
  const content = enterContent(response, OID.signedData)
  response.assertEnd()
  const signedData = content.enter()
  signedData.readInteger()
  signedData.read(TAG.set)
  const encapsulated = enterContent(signedData, OID.tstInfo)
  return { signedData, content: encapsulated.read(TAG.octetString) }
}

/** Enters ContentInfo and EncapsulatedContentInfo, which look the same. */
function enterContent(reader: DerReader, type: Uint8Array): DerReader {
  const info = reader.enter()
  if (Buffer.compare(info.readElement(TAG.oid), type) !== 0) throw malformedDer()
  const content = info.enter(contextTag(0))
  info.assertEnd()
  return content
}

function assertGranted(statusInfo: DerReader): void {
  const [status, ...more] = statusInfo.readInteger()
  if (more.length === 0 && GRANTED.has(status)) return
  const texts = statusInfo.readOptional(TAG.sequence)
  const text = texts === undefined ? '' : readText(readDer(texts))
  throw new CountersignError(
    'ERR_TIMESTAMP_INVALID',
    `the time-stamp authority refused (status ${status ?? 'unknown'})${text}`,
    { hint: 'check that the authority takes SHA-256 and requests without a policy' },
  )
}

/** The first sentence of an authority, made harmless: it may be hostile. */
function readText(texts: DerReader): string {
  const text = Buffer.from(texts.readOptional(TAG.utf8String) ?? []).toString('utf8')
  const printable = text.replaceAll(/[^\x20-\x7e]/g, ' ').slice(0, 200)
  return printable === '' ? '' : `: "${printable}"`
}

function readTstInfo(encoded: DerReader): TimestampContents {
  const info = encoded.enter()
  encoded.assertEnd()
  info.readInteger()
  info.read(TAG.oid)
  const digest = readImprint(info.readElement(TAG.sequence))
  if (typeof digest !== 'string') throw malformedDer()
  const serial = Buffer.from(info.readInteger()).toString('hex')
  const time = readTime(info.read(TAG.generalizedTime))
  info.readOptional(TAG.sequence)
  info.readFlag()
  const nonce = info.nextTag === TAG.integer ? info.readInteger() : undefined
  return { digest, time, serial, nonce }
}

const TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/

function readTime(bytes: Uint8Array): Date {
  const match = TIME.exec(Buffer.from(bytes).toString('latin1'))
  if (match === null) throw malformedDer()
  const [, year, month, day, hour, minute, second, fraction = ''] = match
  const time = new Date(
    `${year ?? ''}-${month ?? ''}-${day ?? ''}T${hour ?? ''}:${minute ?? ''}:${second ?? ''}${fraction}Z`,
  )
  if (Number.isNaN(time.getTime())) throw malformedDer()
  return time
}
