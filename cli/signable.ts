/**
 * Artifacts that are to be signed or attested, opened, and what is made for them.
 *
 * @packageDocumentation
 */
import type {
  SignatureOutput,
  SignFormat,
  SigningSubject,
} from '../src/artifacts/artifact-signer.ts'
import type { AttachedDocument } from '../src/artifacts/attach-signature.ts'
import type { HashName } from '../src/crypto/digest.ts'
import type { ExistingBundle } from './bundle-files.ts'
import type { Stores } from './stores.ts'

/** An artifact with its digests, and where its bundle goes. */
export interface Signable extends SigningSubject {
  /** What the user called it, an image by its digest. */
  readonly pinned: string
  /** Bundle file that is to be written; undefined where the bundle is only attached. */
  readonly path: string | undefined
  /** Attaches what was signed to an image; absent for what is none, or is not to be changed. */
  readonly attach?: (output: SignatureOutput) => Promise<readonly AttachedDocument[]>
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
