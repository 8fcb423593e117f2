/**
 * The one interface for whatever signs artifacts: a key that this machine reaches, or one of a service.
 *
 * @packageDocumentation
 */
import type { Digest, HashName } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import type { PredicateInput } from '../formats/predicates/predicate.ts'
import type { LegacyImageSignature, SignedBundle } from '../signing/sign-artifact.ts'

/** The form of an image's signature: as cosign 3 reads it, as cosign 2 does, or both. */
export type SignFormat = 'bundle' | 'legacy' | 'both'

/** An artifact about to be signed. */
export interface SigningSubject {
  /** What people call it: a path, or a reference. */
  readonly name: string
  /** What a statement calls it, an image by its repository; a digest alone has no name. */
  readonly subjectName?: string | undefined
  /** The first is signed; a statement of this machine names all of them. */
  readonly digests: readonly [Digest, ...Digest[]]
  readonly isImage: boolean
}

/** The key version that signed. */
export interface SigningKey {
  readonly kid: string
  /** Name of the key in its service, or what the caller calls it. */
  readonly name: string
  readonly version?: number | undefined
  /** As it is published, where it is. */
  readonly state?: string | undefined
}

/** One signature or attestation, verified and not released yet. */
export interface SignatureOutput<S = SigningSubject> {
  readonly subjects: readonly [S, ...S[]]
  readonly predicateType: string
  readonly bundle: SignedBundle | undefined
  /** The signature of an image in cosign's older form. */
  readonly legacy: LegacyImageSignature | undefined
  /** Of the entry in the log of the service that signed. */
  readonly logIndex?: number | undefined
  readonly key: SigningKey
}

/** How artifacts are signed. */
export interface SignatureOptions {
  /** Of images; default `bundle`. */
  readonly format?: SignFormat | undefined
  /** Signed with images. */
  readonly annotations?: Readonly<Record<string, string>> | undefined
  /** Whether one operation of the key signs all of them, as a batch; its members are bundles. */
  readonly batch?: boolean | undefined
}

/** What is known of a signer's key; of a service, in full when it has answered. */
export interface SigningKeyDocument {
  readonly kid?: string
  readonly algorithm?: string
  readonly name?: string
  readonly version?: number
  readonly server?: string
}

/** Makes signatures and attestations that have been verified; nothing is written. */
export interface ArtifactSigner extends AsyncDisposable {
  /** The hash by which files are signed; undefined for an algorithm that signs no digest. */
  readonly hash: HashName | undefined
  /** The key that is about to sign; undefined where a service does not publish it. */
  readonly publicKey: PublicKeyInfo | undefined
  /**
   * Lets files be signed; asked before a large one is hashed in vain.
   *
   * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — the key can't sign a digest
   */
  assertSignsFiles(): void
  /**
   * Prepares signing these artifacts; the function signs one of them.
   *
   * @throws {@link CountersignError} ERR_USAGE — cosign's older form is wanted of an image without repository
   */
  sign<S extends SigningSubject>(
    subjects: readonly S[],
    options?: SignatureOptions,
  ): (subject: S) => Promise<SignatureOutput<S>>
  /** Signs a statement about the artifacts; several where they are too many for one. */
  attest<S extends SigningSubject>(
    subjects: readonly [S, ...S[]],
    predicate: PredicateInput | 'provenance',
  ): Promise<readonly SignatureOutput<S>[]>
  describe(): SigningKeyDocument
}
