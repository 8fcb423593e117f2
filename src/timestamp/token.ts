/**
 * Time-stamp tokens (RFC 3161 section 2.4.2): a TSTInfo inside of CMS SignedData (RFC 5652), with the
 * one signer's certificate named by ESSCertIDv2 (RFC 5816).
 *
 * @packageDocumentation
 */
import { toX509Signature } from '../crypto/der.ts'
import { contextTag, TAG } from '../crypto/der-reader.ts'
import { hashBytes } from '../crypto/digest.ts'
import type { Signer, SignOptions } from '../signing/signer.ts'
import type { TimestampChain } from './chain.ts'
import { encode, generalizedTime, integer, octetString, oid, sequence, setOf } from './der.ts'
import { hashIdentifier, OID, signatureIdentifier } from './object-identifiers.ts'

/** What a time stamp says. */
export interface TstInfo {
  /** Dotted. */
  readonly policy: string
  /** MessageImprint, DER. */
  readonly imprint: Uint8Array
  readonly serial: Uint8Array
  readonly time: Date
  readonly accuracySeconds: number
  /** Bytes of an INTEGER, repeated as they came. */
  readonly nonce: Uint8Array | undefined
}

/** Writes a TSTInfo. */
export function encodeTstInfo(info: TstInfo): Uint8Array {
  return sequence(
    integer(1),
    oid(info.policy),
    info.imprint,
    integer(info.serial),
    generalizedTime(info.time),
    sequence(integer(info.accuracySeconds)),
    // As bytes: a nonce may be negative.
    ...(info.nonce === undefined ? [] : [encode(TAG.integer, info.nonce)]),
  )
}

/** Signs one TSTInfo after the other, under one certificate. */
export type TokenSigner = (
  tstInfo: Uint8Array,
  withCertificate: boolean,
  options: SignOptions,
) => Promise<Uint8Array>

/**
 * Prepares a signer of tokens: what is the same in all of them is written once.
 *
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED — verifiers of time stamps don't know the
 * key's algorithm
 */
export function createTokenSigner(signer: Signer, chain: TimestampChain): TokenSigner {
  const { algorithm } = signer.key
  const { hash, identifier } = signatureIdentifier(algorithm)
  const hashName = hashIdentifier(hash)
  const signerName = sequence(chain.issuer, chain.serial)
  const fixed = [
    attribute(OID.contentType, OID.tstInfo),
    attribute(OID.signingCertificateV2, signingCertificate(chain)),
  ]
  return async (tstInfo, withCertificate, options) => {
    const digest = octetString(hashBytes(hash, tstInfo))
    const attributes = setOf(...fixed, attribute(OID.messageDigest, digest))
    const signature = await signer.sign(attributes, options)
    // Signed as a SET OF, carried under another tag: RFC 5652 section 5.4.
    const carried = Buffer.from(attributes)
    carried[0] = contextTag(0)
    const signerInfo = sequence(
      integer(1),
      signerName,
      hashName,
      carried,
      identifier,
      octetString(toX509Signature(algorithm, signature)),
    )
    const signedData = sequence(
      integer(3),
      setOf(hashName),
      sequence(OID.tstInfo, encode(contextTag(0), octetString(tstInfo))),
      ...(withCertificate ? [encode(contextTag(0), chain.leaf.raw)] : []),
      setOf(signerInfo),
    )
    return sequence(OID.signedData, encode(contextTag(0), signedData))
  }
}

function attribute(type: Uint8Array, value: Uint8Array): Uint8Array {
  return sequence(type, setOf(value))
}

/** SigningCertificateV2 with one ESSCertIDv2: SHA-256, its default, is not written. */
function signingCertificate(chain: TimestampChain): Uint8Array {
  const directoryName = encode(contextTag(4), chain.issuer)
  const issuerSerial = sequence(sequence(directoryName), chain.serial)
  const certificateHash = octetString(hashBytes('sha256', chain.leaf.raw))
  return sequence(sequence(sequence(certificateHash, issuerSerial)))
}
