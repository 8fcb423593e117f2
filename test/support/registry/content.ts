/** What a registry double holds: repositories with blobs, manifests and tags that may lag behind. */
import { digestOf } from '../../../src/crypto/digest.ts'

/** A manifest as it was pushed. */
export interface Manifest {
  readonly mediaType: string
  readonly bytes: Buffer
}

interface ManifestDocument {
  readonly artifactType?: string
  readonly subject?: { readonly digest: string }
  readonly config?: { readonly mediaType: string }
  readonly annotations?: Readonly<Record<string, string>>
}

/** How a list of referrers shows one. */
export interface Entry {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
}

/** How long writes stay unseen. */
export interface Consistency {
  /** Readings of a tag, or of a list of referrers, that still give its state before a write. */
  staleReads: number
}

interface Lagging<T> {
  readonly now: T
  readonly before: T
  staleReads: number
}

/** One repository. */
export class RepositoryContent {
  readonly blobs: Map<string, Buffer> = new Map<string, Buffer>()
  readonly manifests: Map<string, Manifest> = new Map<string, Manifest>()
  /** Uploads under way: the state that must come back, by id. */
  readonly uploads: Map<string, string> = new Map<string, string>()
  #started = 0
  readonly #tags = new Map<string, Lagging<string | undefined>>()
  readonly #referrers = new Map<string, Lagging<readonly Entry[]>>()

  /** Stores a manifest and lists it with its subject; answers the subject's digest. */
  putManifest(manifest: Manifest, { staleReads }: Consistency): string | undefined {
    const digest = digestOf(manifest.bytes)
    const document = JSON.parse(manifest.bytes.toString()) as ManifestDocument
    const subject = document.subject?.digest
    if (subject !== undefined && !this.manifests.has(digest)) {
      const before = this.#referrers.get(subject)?.now ?? []
      const now = [...before, entryOf(digest, manifest, document)]
      this.#referrers.set(subject, { now, before, staleReads })
    }
    this.manifests.set(digest, manifest)
    return subject
  }

  /** Moves a tag. */
  putTag(tag: string, digest: string, { staleReads }: Consistency): void {
    const before = this.#tags.get(tag)?.now
    this.#tags.set(tag, { now: digest, before, staleReads })
  }

  /** Starts an upload: its id, and a state with characters that a careless client would re-encode. */
  startUpload(): { id: string; state: string } {
    this.#started += 1
    const id = `upload-${this.#started}`
    const state = `${id}+%2F~`
    this.uploads.set(id, state)
    return { id, state }
  }

  /** The digest of a tag as one reader sees it. */
  readTag(tag: string): string | undefined {
    return see(this.#tags.get(tag))
  }

  /** The digest of a tag as it is. */
  tagNow(tag: string): string | undefined {
    return this.#tags.get(tag)?.now
  }

  /** The referrers of a subject as one reader sees them. */
  readReferrers(subject: string): readonly Entry[] {
    return see(this.#referrers.get(subject)) ?? []
  }
}

function see<T>(lagging: Lagging<T> | undefined): T | undefined {
  if (lagging === undefined) return undefined
  lagging.staleReads -= 1
  return lagging.staleReads >= 0 ? lagging.before : lagging.now
}

function entryOf(
  digest: string,
  { mediaType, bytes }: Manifest,
  document: ManifestDocument,
): Entry {
  const { artifactType = document.config?.mediaType, annotations } = document
  return { mediaType, digest, size: bytes.length, artifactType, annotations }
}
