/** The object identifiers of time stamps and their certificates, as DER, and the algorithms they name. */
import type { Algorithm } from '../crypto/algorithms.ts'
import { TAG } from '../crypto/der-reader.ts'
import type { HashName } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { encode, oid, sequence } from './der.ts'

/** What CMS and RFC 3161 call their types and attributes. */
export const OID: Readonly<
  Record<
    'signedData' | 'tstInfo' | 'contentType' | 'messageDigest' | 'signingCertificateV2',
    Uint8Array
  >
> = {
  signedData: oid('1.2.840.113549.1.7.2'),
  tstInfo: oid('1.2.840.113549.1.9.16.1.4'),
  contentType: oid('1.2.840.113549.1.9.3'),
  messageDigest: oid('1.2.840.113549.1.9.4'),
  signingCertificateV2: oid('1.2.840.113549.1.9.16.2.47'),
}

const HASH_OIDS: Readonly<Record<HashName, string>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
}

const NULL = encode(TAG.null)

const HASHES: readonly (readonly [HashName, Uint8Array])[] = [
  ['sha256', oid(HASH_OIDS.sha256)],
  ['sha384', oid(HASH_OIDS.sha384)],
  ['sha512', oid(HASH_OIDS.sha512)],
]

/** AlgorithmIdentifier of a hash; RFC 5754 section 2 wants its parameters absent. */
export function hashIdentifier(hash: HashName): Uint8Array {
  return sequence(oid(HASH_OIDS[hash]))
}

/** The hash of an OBJECT IDENTIFIER, header included; undefined where it names none we know. */
export function findHash(identifier: Uint8Array): HashName | undefined {
  return HASHES.find(([, known]) => Buffer.compare(known, identifier) === 0)?.[0]
}

const ECDSA_OIDS: Readonly<Record<HashName, string>> = {
  sha256: '1.2.840.10045.4.3.2',
  sha384: '1.2.840.10045.4.3.3',
  sha512: '1.2.840.10045.4.3.4',
}

const RSA_OIDS: Readonly<Record<HashName, string>> = {
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
}

/** How a signature is called in certificates and time stamps, and the hash it is made with. */
export interface SignatureIdentifier {
  readonly hash: HashName
  /** AlgorithmIdentifier, DER. */
  readonly identifier: Uint8Array
}

/**
 * How the signatures of an algorithm are called.
 *
 * @throws {@link CountersignError} ERR_ALGORITHM_UNSUPPORTED — an algorithm that common verifiers of time
 * stamps don't know: PSS, Ed25519
 */
export function signatureIdentifier(algorithm: Algorithm): SignatureIdentifier {
  switch (algorithm.family) {
    case 'ecdsa':
      return { hash: algorithm.hash, identifier: sequence(oid(ECDSA_OIDS[algorithm.hash])) }
    case 'rsa-pkcs1':
      return { hash: algorithm.hash, identifier: sequence(oid(RSA_OIDS[algorithm.hash]), NULL) }
    case 'rsa-pss':
    case 'ed25519':
      throw new CountersignError(
        'ERR_ALGORITHM_UNSUPPORTED',
        `a time-stamp key can't sign with ${algorithm.name}`,
        {
          hint: 'give the time-stamp key the algorithm ES256, which every verifier knows',
          details: { algorithm: algorithm.name },
        },
      )
  }
}
