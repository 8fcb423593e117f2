/**
 * Artifacts that are to be signed or attested, opened, and what is made for them.
 *
 * @packageDocumentation
 */
import type { Digest, HashName } from '../src/crypto/digest.ts'
import type { AttachedDocument, Made, SignFormat } from '../src/artifacts/attach-signature.ts'
import type { ExistingBundle } from './bundle-files.ts'
import type { Stores } from './stores.ts'

/** An artifact with its digests, and where its bundle goes. */
export interface Signable {
  /** What the user called it. */
  readonly name: string
  /** The same, an image by its digest. */
  readonly pinned: string
  readonly isImage: boolean
  /** What a statement calls it; a digest alone has no name. */
  readonly subjectName?: string | undefined
  /** What cosign's older form calls an image. */
  readonly dockerReference?: string
  readonly digests: readonly [Digest, ...Digest[]]
  /** Bundle file that is to be written; undefined where the bundle is only attached. */
  readonly path: string | undefined
  /** Attaches what was made to an image; absent for what is none, or is not to be changed. */
  readonly attach?: (made: Made) => Promise<readonly AttachedDocument[]>
}

/** How artifacts are opened. */
export interface OpenSignableOptions {
  /** `--bundle`: a file, or a folder that gets one for each artifact. */
  readonly bundle: string | undefined
  readonly existing: ExistingBundle
  /** The hash that is signed of a file; else SHA-256, or whatever digests were given. */
  readonly hash?: HashName | undefined
  readonly stores: Stores
  /** An index with everything inside it. */
  readonly recursive: boolean
  readonly format: SignFormat
  /** Whether anything is attached to images. */
  readonly isAttached: boolean
}
