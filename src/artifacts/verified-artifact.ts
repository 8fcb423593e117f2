/**
 * What artifacts are verified with, and how that ended.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import type { CountersignError } from '../errors.ts'
import { type Artifact, digestArtifact } from '../verification/artifact.ts'
import { type ArtifactDocument, toArtifactDocument } from '../verification/result.ts'
import type { Verdict } from '../verification/verify-artifact.ts'
import type { VerificationContext } from '../verification/verify-bundle.ts'
import type { AttachmentFormat } from '../oci/attachments.ts'
import type { ImageStores } from './image-stores.ts'

/** What one call verifies with. */
export interface VerificationJob extends VerificationContext {
  /** A file, or a folder that has one for each artifact; default: beside a file, or attached to an image. */
  readonly bundle?: string | undefined
  readonly stores: ImageStores
  /** Also every image inside an index. */
  readonly recursive?: boolean
  readonly format?: AttachmentFormat | undefined
  /** Most bundles read of one image. */
  readonly maxAttached?: number | undefined
}

/** How the verification of one artifact ended. */
export interface VerifiedArtifact {
  readonly document: ArtifactDocument
  /** What the user called it, an image by its digest. */
  readonly pinned: string
  /** What the document was made of. */
  readonly verdict: Verdict
  /** Absent on success only. */
  readonly error?: CountersignError
}

/** What is known of an artifact beside its name. */
export interface KnownArtifact {
  readonly digest?: Digest | undefined
  readonly pinned?: string
  /** A checksum file lists it, and there is no such file. */
  readonly digestOnly?: true
}

/** The result of a verdict. */
export function toVerified(
  { name }: Artifact,
  verdict: Verdict,
  { digest, pinned = name, digestOnly }: KnownArtifact,
): VerifiedArtifact {
  const found = toArtifactDocument(name, digest, verdict)
  const document = { ...found, ...(digestOnly && { digestOnly }) }
  const verified = { document, pinned, verdict }
  return verdict.ok ? verified : { ...verified, error: verdict.error }
}

/** The result of an artifact that never came to a verdict. */
export function refused(
  name: string,
  error: CountersignError,
  known: KnownArtifact = {},
): VerifiedArtifact {
  return toVerified(digestArtifact(name, []), { ok: false, error, examined: [] }, known)
}
