/**
 * The artifact a verification is about, as the core sees it: digests, and a stream where the content
 * is at hand. The core opens no file; the caller passes a function that reads it.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { type Digest, digestHash, formatDigest, type HashName } from '../crypto/digest.ts'

/** An artifact to be verified. */
export interface Artifact {
  /** What people call it: path or reference. */
  readonly name: string
  /** Its digest by one hash; undefined where the content is not at hand and no such digest is known. */
  digest(hash: HashName): Promise<Digest | undefined>
  /** Streams the content once through all consumers and remembers its digest; absent without content. */
  readonly stream?: (hash: HashName, consumers: readonly ChunkConsumer[]) => Promise<Digest>
}

/** Takes a content chunk by chunk. */
export interface ChunkConsumer {
  update(chunk: Uint8Array): void
}

/**
 * An artifact known by its digests alone.
 *
 * @example
 * ```ts
 * import { digestArtifact } from 'countersign/verify'
 *
 * const digest = 'sha256:50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c'
 * console.log(digestArtifact('app.tar.gz', [digest]).name) // app.tar.gz
 * ```
 */
export function digestArtifact(name: string, digests: readonly Digest[]): Artifact {
  const byHash = new Map(digests.map((digest) => [digestHash(digest), digest]))
  return { name, digest: (hash) => Promise.resolve(byHash.get(hash)) }
}

/**
 * An artifact whose content can be read, chunk by chunk and more than once.
 *
 * @param open - starts reading from the beginning; called once for each hash that is asked for
 * @param known - digests of the content that were computed already
 *
 * @example
 * ```ts
 * import { contentArtifact } from 'countersign/verify'
 * import { createReadStream } from 'node:fs'
 *
 * const artifact = contentArtifact('app.tar.gz', () => createReadStream('app.tar.gz'))
 * console.log((await artifact.digest('sha256'))?.slice(0, 7)) // sha256:
 * ```
 */
export function contentArtifact(
  name: string,
  open: () => AsyncIterable<Uint8Array>,
  known: readonly Digest[] = [],
): Artifact {
  const digests = new Map(known.map((digest) => [digestHash(digest), digest]))
  const stream = async (hash: HashName, consumers: readonly ChunkConsumer[]): Promise<Digest> => {
    const running = createHash(hash)
    for await (const chunk of open()) {
      running.update(chunk)
      for (const consumer of consumers) consumer.update(chunk)
    }
    const digest = formatDigest(hash, running.digest())
    digests.set(hash, digest)
    return digest
  }
  return {
    name,
    digest: async (hash) => digests.get(hash) ?? (await stream(hash, [])),
    stream,
  }
}
