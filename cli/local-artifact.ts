/**
 * Opening artifacts of this machine: files as streams, standard input once, digests as they are.
 *
 * @packageDocumentation
 */
import { existsSync, type Stats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestHash, digestStream, type HashName } from '../src/crypto/digest.ts'
import { CountersignError } from '../src/errors.ts'
import { readFileChunks } from '../src/files.ts'
import { normalizeImageName, serializeImageReference } from '../src/formats/image-reference.ts'
import { assertListedContent } from '../src/formats/checksums.ts'
import { quoteForShell } from '../src/formats/shell-word.ts'
import { type Artifact, contentArtifact, digestArtifact } from '../src/verification/artifact.ts'
import { withProgress } from './progress.ts'
import type { CommandEnvironment } from './command.ts'
import type { LocalTarget } from '../src/artifacts/named-artifact.ts'

/** An artifact, and its first digest that anybody asked for. */
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
  target: LocalTarget,
  environment: CommandEnvironment,
): Promise<LocalArtifact> {
  const { name } = target
  if (target.kind === 'digests') return rememberDigest(digestArtifact(name, target.digests))
  const content = await openContent(target, environment)
  const known = await checkListed(target, content)
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
  target: LocalTarget,
  hash: HashName | undefined,
  environment: CommandEnvironment,
): Promise<readonly [Digest, ...Digest[]]> {
  if (target.kind === 'digests') {
    const [first, ...more] = target.digests
    return hash === undefined && first !== undefined
      ? [first, ...more]
      : [chooseDigest(target, hash ?? 'sha256')]
  }
  const content = await openContent(target, environment)
  const [listed, ...more] = await checkListed(target, content)
  if (hash === undefined && listed !== undefined) return [listed, ...more]
  const signed = hash ?? 'sha256'
  const known = [listed, ...more].find((one) => one !== undefined && digestHash(one) === signed)
  return [known ?? (await digestStream(content.read(), [signed]))[signed]]
}

/** Compares a file with its lines in a checksum file, and answers its digests by their hashes. */
async function checkListed(
  target: LocalTarget & { kind: 'file' | 'stdin' },
  content: Content,
): Promise<readonly Digest[]> {
  if (target.kind !== 'file' || target.listed === undefined) return []
  if (!content.isRepeatable) {
    throw new CountersignError('ERR_FILE_READ', `"${target.path}" is not a file`)
  }
  await assertListedContent(target.path, target.listed, content.read())
  return target.listed
}

function chooseDigest(target: LocalTarget & { kind: 'digests' }, hash: HashName): Digest {
  const digest = target.digests.find((one) => digestHash(one) === hash)
  if (digest !== undefined) return digest
  const known = target.digests.map(digestHash).join(', ')
  throw new CountersignError(
    'ERR_ALGORITHM_UNSUPPORTED',
    `the key signs ${hash} digests, and "${target.name}" is known by its ${known} only`,
    { hint: `give the ${hash} digest, or the file itself` },
  )
}

interface Content {
  readonly read: () => AsyncIterable<Uint8Array>
  /** Whether it can be read more than once: not so a pipe. */
  readonly isRepeatable: boolean
}

async function openContent(
  target: LocalTarget & { kind: 'file' | 'stdin' },
  environment: CommandEnvironment,
): Promise<Content> {
  if (target.kind === 'stdin') {
    const progress = { label: 'reading standard input' }
    const read = (): AsyncIterable<Uint8Array> =>
      withProgress(environment.context.stdin, environment, progress)
    return { read, isRepeatable: false }
  }
  const { path } = target
  const found = await findFile(path)
  const progress = { label: `hashing ${path}`, total: found?.size }
  const read = (): AsyncIterable<Uint8Array> =>
    withProgress(readFileChunks(path), environment, progress)
  return { read, isRepeatable: found?.isFile() ?? false }
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
  const folder = quoteForShell(path.startsWith('-') ? `./${path}` : path).replace(/\/+$/, '')
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

/** The image that somebody means who forgot the scheme: `ghcr.io/acme/app:1`, `alpine@sha256:…`. */
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
