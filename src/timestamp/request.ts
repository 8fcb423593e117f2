/**
 * Requests for time stamps (RFC 3161 section 2.4.1), written and read.
 *
 * @packageDocumentation
 */
import { contextTag, type DerReader, TAG } from '../crypto/der-reader.ts'
import {
  type Digest,
  DIGEST_BYTES,
  digestBytes,
  digestHash,
  formatDigest,
} from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { booleanTrue, encode, integer, octetString, readDer, sequence } from './der.ts'
import { findHash, hashIdentifier } from './object-identifiers.ts'

/** Why a request is refused: PKIFailureInfo, with its bit (RFC 3161 section 2.4.2). */
export const FAILURE_BITS = {
  badAlg: 0,
  badRequest: 2,
  badDataFormat: 5,
  timeNotAvailable: 14,
  unacceptedPolicy: 15,
  unacceptedExtension: 16,
  addInfoNotAvailable: 17,
  systemFailure: 25,
} as const

/** Name of a PKIFailureInfo. */
export type FailureName = keyof typeof FAILURE_BITS

/** What is asked for. */
export interface TimestampRequest {
  readonly digest: Digest
  /** MessageImprint as it was sent, DER: the answer repeats it byte for byte. */
  readonly imprint: Uint8Array
  /** OBJECT IDENTIFIER of the wanted policy, DER. */
  readonly policy: Uint8Array | undefined
  /** Bytes of an INTEGER. */
  readonly nonce: Uint8Array | undefined
  readonly wantsCertificate: boolean
}

/** Why no time stamp can be given for a request. */
export interface Rejection {
  readonly failure: FailureName
  /** For people. */
  readonly reason: string
}

const MAX_REQUEST_BYTES = 4096
const MAX_NONCE_BYTES = 64
const NULL = encode(TAG.null)

/**
 * Reads a request. Never throws: what can't be read is a rejection too. The input is
 * attacker-controlled.
 */
export function readTimestampRequest(der: Uint8Array): TimestampRequest | Rejection {
  if (der.length > MAX_REQUEST_BYTES) {
    return reject('badDataFormat', `the request is over ${MAX_REQUEST_BYTES} bytes`)
  }
  try {
    return readRequest(readDer(der))
  } catch (error) {
    if (CountersignError.is(error)) return reject('badDataFormat', 'the request is not valid DER')
    throw error
  }
}

/** Whether a request can't be answered with a time stamp. */
export function isRejection(request: TimestampRequest | Rejection): request is Rejection {
  return 'failure' in request
}

function reject(failure: FailureName, reason: string): Rejection {
  return { failure, reason }
}

function readRequest(message: DerReader): TimestampRequest | Rejection {
  const request = message.enter()
  message.assertEnd()
  const version = request.readInteger()
  if (version.length !== 1 || version[0] !== 1) {
    return reject('badRequest', 'only version 1 of requests is known')
  }
  const imprint = request.readElement(TAG.sequence)
  const policy = request.nextTag === TAG.oid ? request.readElement(TAG.oid) : undefined
  const nonce = request.nextTag === TAG.integer ? request.readInteger() : undefined
  const wantsCertificate = request.readFlag()
  const extensions = request.readOptional(contextTag(0))
  request.assertEnd()
  if (nonce !== undefined && nonce.length > MAX_NONCE_BYTES) {
    return reject('badRequest', `the nonce is over ${MAX_NONCE_BYTES} bytes`)
  }
  const digest = readImprint(imprint)
  if (typeof digest !== 'string') return digest
  // RFC 3161: one that is not recognized is refused, critical or not; none is recognized here.
  if (extensions !== undefined) {
    return reject('unacceptedExtension', 'no extension of requests is known')
  }
  return { digest, imprint, policy, nonce, wantsCertificate }
}

/** Reads a MessageImprint: `sha256:…`, or why it is refused. */
export function readImprint(imprint: Uint8Array): Digest | Rejection {
  const fields = readDer(imprint).enter()
  const algorithm = fields.enter()
  const hash = findHash(algorithm.readElement(TAG.oid))
  const parameters = algorithm.nextTag === undefined ? undefined : algorithm.readElement(TAG.null)
  algorithm.assertEnd()
  const bytes = fields.read(TAG.octetString)
  fields.assertEnd()
  if (hash === undefined || (parameters !== undefined && parameters.length !== NULL.length)) {
    return reject('badAlg', 'the hash must be SHA-256, SHA-384 or SHA-512')
  }
  if (bytes.length !== DIGEST_BYTES[hash]) {
    return reject('badDataFormat', `the digest is not as long as those of ${hash}`)
  }
  return formatDigest(hash, bytes)
}

/** Writes a MessageImprint. */
export function encodeImprint(digest: Digest): Uint8Array {
  return sequence(hashIdentifier(digestHash(digest)), octetString(digestBytes(digest)))
}

/** Writes a request for a time stamp with the authority's certificate. */
export function encodeTimestampRequest(digest: Digest, nonce: Uint8Array): Uint8Array {
  return sequence(integer(1), encodeImprint(digest), integer(nonce), booleanTrue())
}
