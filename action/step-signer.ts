/** What the modes sign and attest work with, whatever signs. */
import type {
  ArtifactSigner,
  SignatureOutput,
  SigningSubject,
} from '../src/artifacts/artifact-signer.ts'
import type { ActionSubject } from './subjects.ts'

/** One signature or attestation of the step. */
export type StepSignature = SignatureOutput<ActionSubject>

/** A signer, and what the summary says of it. */
export interface StepSigner {
  readonly signer: ArtifactSigner
  /** Where the key is. */
  readonly described: string
  /** What makes provenance. */
  readonly provenance: string
}

/** Makes a subject of the step one that can be signed. */
export function toSigningSubject(subject: ActionSubject): ActionSubject & SigningSubject {
  const { name, digest, image } = subject
  return { ...subject, subjectName: name, digests: [digest], isImage: image !== undefined }
}
