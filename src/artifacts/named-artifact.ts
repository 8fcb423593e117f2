/** What a command line names: an image, or content on this machine. */
import type { Digest } from '../crypto/digest.ts'
import type { LayoutArtifact, RegistryArtifact } from '../formats/artifact-reference.ts'

/** An image or index, in a registry or a layout. */
export interface ImageTarget {
  readonly kind: 'image'
  readonly name: string
  readonly reference: RegistryArtifact | LayoutArtifact
}

/** Content on this machine, or digests of content that is elsewhere. `name` is what the user wrote. */
export type LocalTarget =
  | {
      readonly kind: 'file'
      readonly name: string
      readonly path: string
      /** What a checksum file says of it; its content must have these digests. */
      readonly listed?: readonly Digest[]
      readonly isElsewhere?: boolean
    }
  | { readonly kind: 'stdin'; readonly name: string }
  | {
      readonly kind: 'digests'
      readonly name: string
      readonly digests: readonly Digest[]
      /** Where the file would be, of a name in a checksum file. */
      readonly path?: string
      /** Neither in the current folder nor in that of the list, which chooses no other place for bundles. */
      readonly isElsewhere?: boolean
    }

/** One artifact of a command line. */
export type Target = ImageTarget | LocalTarget
