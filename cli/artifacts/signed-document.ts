/** The document of one signed artifact, as `sign --json` and `attest --json` list it. */
import type { Digest } from '../../src/crypto/digest.ts'
import type { AttachedDocument } from '../../src/artifacts/attach-signature.ts'
import type { ErrorDocument } from '../../src/verification/result.ts'

/** What became of one artifact. */
export interface SignedDocument {
  /** What the user called it. */
  readonly name: string
  /** The same, an image by its digest. */
  readonly pinned?: string
  readonly digest?: Digest
  readonly ok: boolean
  /** Path of the bundle file. */
  readonly bundle?: string
  /** What was attached to the image. */
  readonly attached?: readonly AttachedDocument[]
  /** Of the entry that the service's log has of it. */
  readonly logIndex?: number
  readonly error?: ErrorDocument
}
