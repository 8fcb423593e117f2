/**
 * Opening artifacts of this machine: files as streams, standard input once, digests as they are.
 *
 * @packageDocumentation
 */
import { existsSync, type Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestHash, digestStream, type HashName } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { readFileChunks } from '../files.ts'
import { normalizeImageName, serializeImageReference } from '../formats/image-reference.ts'
import { assertListedContent } from '../formats/checksums.ts'
import { quotePathForShell } from '../formats/shell-word.ts'
import { type Artifact, contentArtifact, digestArtifact } from '../verification/artifact.ts'
import type { NamedContent } from './named-artifact.ts'
import type { ArtifactWorld } from './world.ts'

/** Where content that is no file comes from, and what watches reading. */
export type ContentWorld = Pick<ArtifactWorld, 'stdin' | 'watch'>

/** An artifact, and the first of its digests that was asked for. */
export interface LocalArtifact extends Artifact {
  readonly seen: () => Digest | undefined
}

/**
 * Opens a local artifact for verification. A file is read when a digest is asked for, chunk by chunk;
 * standard input, which can't be read again, at once and with every hash.
 *
 * @throws {@link CountersignError} also from the artifact: ERR_ARTIFACT_NOT_FOUND, ERR_FILE_READ,
 * ERR_CANCELLED
 */
export async function openLocalArtifact(
  named: NamedContent,
  world: ContentWorld,
): Promise<LocalArtifact> {
  const { name } = named
  if (named.kind === 'digests') return rememberDigest(digestArtifact(name, named.digests))
  const content = await openContent(named, world)
  const known = await checkListed(named, content)
  if (content.isRepeatable) return rememberDigest(contentArtifact(name, content.read, known))
  const digests = await digestStream(content.read(), ['sha256', 'sha384', 'sha512'])
  return rememberDigest(digestArtifact(name, Object.values(digests)))
}

/**
 * Makes the digests that are signed: one of the hash that the key signs; without a hash those of the
 * checksum file, or else SHA-256.
 *
 * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND, ERR_FILE_READ, ERR_CANCELLED;
 * ERR_ALGORITHM_UNSUPPORTED — the artifact is known by digests of other hashes only; ERR_DIGEST_MISMATCH — a
 * file is not what its checksum file says
 */
export async function digestLocal(
  named: NamedContent,
  hash: HashName | undefined,
  world: ContentWorld,
): Promise<readonly [Digest, ...Digest[]]> {
  if (named.kind === 'digests') {
    const [first, ...more] = named.digests
    return hash === undefined && first !== undefined
      ? [first, ...more]
      : [chooseDigest(named, hash ?? 'sha256')]
  }
  const content = await openContent(named, world)
  const [listed, ...more] = await checkListed(named, content)
  if (hash === undefined && listed !== undefined) return [listed, ...more]
  const signed = hash ?? 'sha256'
  const known = [listed, ...more].find((one) => one !== undefined && digestHash(one) === signed)
  return [known ?? (await digestStream(content.read(), [signed]))[signed]]
}

/** Compares a file with its lines in a checksum file, and answers its digests by their hashes. */
async function checkListed(
  named: NamedContent & { kind: 'file' | 'stdin' },
  content: Content,
): Promise<readonly Digest[]> {
  if (named.kind !== 'file' || named.listed === undefined) return []
  if (!content.isRepeatable) {
    throw new CountersignError('ERR_FILE_READ', `"${named.path}" is not a file`)
  }
  await assertListedContent(named.path, named.listed, content.read())
  return named.listed
}

function chooseDigest(named: NamedContent & { kind: 'digests' }, hash: HashName): Digest {
  const digest = named.digests.find((one) => digestHash(one) === hash)
  if (digest !== undefined) return digest
  const known = named.digests.map(digestHash).join(', ')
  throw new CountersignError(
    'ERR_ALGORITHM_UNSUPPORTED',
    `the key signs ${hash} digests, and "${named.name}" is known by its ${known} only`,
    { hint: `give the ${hash} digest, or the file itself` },
  )
}

interface Content {
  readonly read: () => AsyncIterable<Uint8Array>
  /** Whether it can be read more than once: not so a pipe. */
  readonly isRepeatable: boolean
}

async function openContent(
  named: NamedContent & { kind: 'file' | 'stdin' },
  world: ContentWorld,
): Promise<Content> {
  const { stdin, watch = unwatched } = world
  if (named.kind === 'stdin') {
    if (stdin === undefined) throw new TypeError('standard input is not at hand')
    return { read: () => watch(stdin, { label: 'reading standard input' }), isRepeatable: false }
  }
  const { path } = named
  const found = await findFile(path)
  const reading = { label: `hashing ${path}`, total: found?.size }
  const read = (): AsyncIterable<Uint8Array> => watch(readFileChunks(path), reading)
  return { read, isRepeatable: found?.isFile() ?? false }
}

function unwatched(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return chunks
}

/**
 * Looks at a file before it is read, for the errors people make; any other is reading's to tell.
 *
 * @throws {@link CountersignError} ERR_ARTIFACT_NOT_FOUND — no such file; ERR_FILE_READ — it is a folder
 */
export async function findFile(path: string): Promise<Stats | undefined> {
  const found = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw noFile(path)
    return undefined
  })
  if (found?.isDirectory() !== true) return found
  throw new CountersignError('ERR_FILE_READ', `"${path}" is a folder`, {
    hint: await folderHint(path),
  })
}

/** How to name what is in a folder, in words that work when typed. */
async function folderHint(path: string): Promise<string> {
  if (existsSync(join(path, 'oci-layout'))) {
    return `to name the image layout in it, write oci-layout://${path}`
  }
  const entries = await readdir(path, { withFileTypes: true }).catch(() => [])
  const visible = entries.filter(({ name }) => !name.startsWith('.'))
  const folder = quotePathForShell(path).replace(/\/+$/, '')
  if (visible.length === 0) return 'it is empty; name files'
  const hasFolders = visible.some((entry) => entry.isDirectory())
  return hasFolders
    ? `to name all files in it, write $(find ${folder} -type f), or make an archive of it`
    : `to name all files in it, write ${folder}/*`
}

function noFile(path: string): CountersignError {
  const image = toImageName(path)
  const hint =
    image === undefined ? 'check the path' : `to name an image in a registry, write oci://${image}`
  return new CountersignError('ERR_ARTIFACT_NOT_FOUND', `no such file: "${path}"`, { hint })
}

/** The image that is meant where the scheme was forgotten: `ghcr.io/acme/app:1`, `alpine@sha256:…`. */
function toImageName(path: string): string | undefined {
  if (!/^[^./][^:@]*(:\d+\/[^:@]+)?(:[\w.-]+|@sha\d+:[0-9a-f]+)$/.test(path)) return undefined
  try {
    return serializeImageReference(normalizeImageName(path))
  } catch {
    // Not the name of an image either: then it was meant as a path.
    return undefined
  }
}

function rememberDigest(artifact: Artifact): LocalArtifact {
  const { stream } = artifact
  let seen: Digest | undefined
  const remember = <T extends Digest | undefined>(digest: T): T => {
    seen ??= digest
    return digest
  }
  return {
    name: artifact.name,
    seen: () => seen,
    digest: async (hash) => remember(await artifact.digest(hash)),
    ...(stream && { stream: async (hash, takers) => remember(await stream(hash, takers)) }),
  }
}
