/**
 * Verification alone: loads no signing code, no SDK and no native addon.
 *
 * @packageDocumentation
 */
export * from './errors.ts'

export type { CommonOptions } from './artifacts/defaults.ts'
export type { RegistrySettings } from './artifacts/image-stores.ts'
export {
  verifyFile,
  type VerifyFileOptions,
  verifyImage,
  type VerifyImageOptions,
  type VerifyOptions,
} from './artifacts/verify.ts'
export {
  type Algorithm,
  ALGORITHM_NAMES,
  type AlgorithmName,
  type Curve,
  type EcdsaAlgorithm,
  type Ed25519Algorithm,
  isAlgorithmName,
  type RsaAlgorithm,
} from './crypto/algorithms.ts'
export { type Digest, digestOf, digestStream, type HashName, parseDigest } from './crypto/digest.ts'
export {
  parsePublicKeyJwk,
  parsePublicKeyPem,
  parsePublicKeySpki,
  type PublicJwk,
  type PublicKeyInfo,
  serializePublicKeyJwk,
  serializePublicKeyPem,
} from './crypto/public-key.ts'
export { verifyDigest, verifyMessage } from './crypto/verify.ts'
export {
  type Bundle,
  type BundleContent,
  type BundleSigner,
  parseBundle,
} from './formats/bundle.ts'
export { type Envelope, type EnvelopeSignature, parseEnvelope } from './formats/dsse.ts'
export { type JsonObject, type JsonValue } from './formats/json.ts'
export {
  type KeySet,
  type KeySetOptions,
  type NamedPublicKey,
  parseJwks,
  type SkippedKey,
} from './formats/jwks.ts'
export { type CompactJws, type JoseHeader, parseJws } from './formats/jws.ts'
export { type Claims, type Jwt, parseJwt } from './formats/jwt.ts'
export {
  PREDICATE_NAMES,
  resolvePredicateType,
  SIGN_PREDICATE_TYPE,
} from './formats/predicates/types.ts'
export {
  parseStatement,
  type Statement,
  STATEMENT_PAYLOAD_TYPE,
  type Subject,
} from './formats/statement.ts'
export { type Checkpoint, type LogIdentity, openCheckpoint } from './formats/checkpoint.ts'
export { type SignatureFacts } from './formats/hashedrekord.ts'
export { type NoteKey, parseNoteKey } from './formats/note-key.ts'
export { serializeSignatureLeaf } from './formats/signature-leaf.ts'
export { parseTlogProof, serializeTlogProof, type TlogProof } from './formats/tlog-proof.ts'
export { readWitnessKeys, type WitnessDemand } from './formats/witnesses.ts'
export { type KeyHistory, parseKeyHistory, type PublishedVersion } from './keys/key-history.ts'
export {
  assertPublicationCurrent,
  type CurrencyDemand,
  type PublicationSource,
  type PublicationTimes,
} from './keys/publication-times.ts'
export type { KeyState } from './keys/state.ts'
export {
  type Artifact,
  type ChunkConsumer,
  contentArtifact,
  digestArtifact,
} from './verification/artifact.ts'
export type { CertificateSigner, EvidenceDemand } from './verification/evidence.ts'
export type { TrustedTime } from './verification/key-validity.ts'
export { type FoundProof, logIdentity, verifyTlogProof } from './verification/log-proof.ts'
export { signatureFacts } from './verification/log-entries.ts'
export {
  type CertificateIdentity,
  type Check,
  type CheckId,
  type Policy,
  SIGNATURE_POLICY,
  type SourceDemand,
} from './verification/policy.ts'
export {
  type ArtifactDocument,
  type AttestationDocument,
  type SignerDocument,
} from './verification/result.ts'
export {
  pinKey,
  type TrustedKey,
  trustKeyHistory,
  type TrustMaterial,
} from './verification/trust.ts'
export { parseTrustedRoot } from './verification/trusted-root.ts'
export { type TokenPolicy } from './verification/token-policy.ts'
export {
  examineToken,
  type TokenContext,
  type TokenOutcome,
  type VerifiedToken,
  verifyJws,
  verifyToken,
} from './verification/verify-token.ts'
export {
  type VerificationContext,
  type VerifiedSignature,
  type VerifiedSigner,
  verifyBundle,
} from './verification/verify-bundle.ts'
