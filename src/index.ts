/**
 * The public library of countersign: sign and attest artifacts with a {@link Signer}, and verify
 * signatures and attestations. Everything of `countersign/verify` is here too.
 *
 * @packageDocumentation
 */
export * from './verify.ts'

export {
  type ArtifactSigner,
  type SignatureOptions,
  type SignatureOutput,
  type SignFormat,
  type SigningKey,
  type SigningKeyDocument,
  type SigningSubject,
} from './artifacts/artifact-signer.ts'
export type { AttachedDocument } from './artifacts/attach-signature.ts'
export type { ExistingBundle } from './artifacts/bundle-files.ts'
export type { DeliveredSignature } from './artifacts/delivery.ts'
export { openKey, type OpenedKey, type OpenKeyByReference } from './artifacts/open-key.ts'
export {
  type LocalKeyOptions,
  type OpenKeyedSigner,
  type OpenReferenceOptions,
  openSigner,
  type OpenServiceSigner,
  type OpenSignerOptions,
  type SignerSurroundings,
} from './artifacts/open-signer.ts'
export {
  attest,
  type AttestOptions,
  type SignedArtifact,
  type SignerOptions,
  signFile,
  type SignFileOptions,
  signImage,
  type SignImageOptions,
} from './artifacts/sign.ts'
export type { PredicateInput } from './formats/predicates/predicate.ts'
export {
  type AttestationRequest,
  signStatement,
  type SignArtifactOptions,
  type SignedBundle,
  signFileDigest,
} from './signing/sign-artifact.ts'
export { type ClaimRules, FREE_CLAIMS } from './signing/claim-rules.ts'
export {
  type IssueContext,
  type IssuedToken,
  issueToken,
  type TokenRequest,
  type TokenRules,
} from './signing/issue-token.ts'
export {
  createSigner,
  type DigestSigner,
  isDigestSigner,
  type Signer,
  type SigningBackend,
  type SignOptions,
} from './signing/signer.ts'
export {
  type SigstoreSignature,
  type SigstoreSigner,
  toSigstoreSigner,
} from './signing/sigstore-signer.ts'
export type { KeyUse } from './keys/key.ts'
export { type KeyUri, parseKeyUri, serializeKeyUri } from './providers/key-uri.ts'
export { type BoundedGet, type BoundedGetOptions, createBoundedGet } from './client/bounded-get.ts'
export { createDocumentFile } from './client/document-file.ts'
export { createJwksCache, type JwksCache, type JwksCacheOptions } from './client/jwks-cache.ts'
export { createTrustCache, type Trust, type TrustCacheOptions } from './client/trust-cache.ts'
