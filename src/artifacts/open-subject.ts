/**
 * Artifacts that are to be signed or attested, opened, and where their bundles go.
 *
 * @packageDocumentation
 */
import type { SignatureOutput, SignFormat, SigningSubject } from './artifact-signer.ts'
import type { AttachedDocument } from './attach-signature.ts'
import type { HashName } from '../crypto/digest.ts'
import type { ExistingBundle } from './bundle-files.ts'
import type { ImageStores } from './image-stores.ts'

/** An artifact with its digests, and where its bundle goes. */
export interface OpenSubject extends SigningSubject {
  /** What the user called it, an image by its digest. */
  readonly pinned: string
  /** Bundle file that is to be written; undefined where the bundle is only attached. */
  readonly path: string | undefined
  /** Attaches what was signed to an image; absent if it is not an image, or must not be changed. */
  readonly attach?: (output: SignatureOutput) => Promise<readonly AttachedDocument[]>
}

/** How artifacts are opened. */
export interface OpenSubjectOptions {
  /** A file, or a folder that gets one for each artifact; default: beside the artifact. */
  readonly bundle: string | undefined
  readonly existing: ExistingBundle
  /** The hash that is signed of a file; else SHA-256, or whatever digests were given. */
  readonly hash?: HashName | undefined
  readonly stores: ImageStores
  /** An index with everything inside it. */
  readonly recursive: boolean
  readonly format: SignFormat
  /** Whether anything is attached to images. */
  readonly isAttached: boolean
}
