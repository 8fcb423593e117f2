/**
 * Bundle files: beside the file they are about, or where the user says. Several bundles in one file stand
 * one a line (JSONL).
 *
 * @packageDocumentation
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestOf } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { hasErrno, readFileBounded, writeFileAtomically } from '../files.ts'
import { MAX_BUNDLE_BYTES, splitBundles } from '../formats/bundle.ts'
import { parseJson } from '../formats/json.ts'
import type { Attached } from '../verification/verify-artifact.ts'
import { findFile } from './local-content.ts'
import { contentPath, type NamedContent } from './named-artifact.ts'

/** How the name of a bundle beside its file ends. */
export const BUNDLE_SUFFIX = '.sigstore.json'

/** Where a bundle lies, and whether the user said so. */
export interface BundlePlace {
  readonly path: string
  readonly isGiven: boolean
}

/** What becomes of a bundle file that is already there. */
export type ExistingBundle = 'refuse' | 'overwrite' | 'append'

/**
 * Finds the place of an artifact's bundle: a file is given, or a folder that has one for each
 * artifact; else the bundle lies beside the artifact. Undefined where none of that is.
 *
 * @param stem - file name of the bundle in a folder, without suffix
 */
export async function placeBundle(
  given: string | undefined,
  beside: string | undefined,
  stem: string,
): Promise<BundlePlace | undefined> {
  if (given === undefined) {
    return beside === undefined ? undefined : { path: `${beside}${BUNDLE_SUFFIX}`, isGiven: false }
  }
  const path = (await isFolder(given)) ? join(given, `${stem}${BUNDLE_SUFFIX}`) : given
  return { path, isGiven: true }
}

/** Whether a path names a folder: by its last character, or because one is there. */
async function isFolder(path: string): Promise<boolean> {
  if (path.endsWith('/')) return true
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/**
 * Reads the bundles at a place; none where no file lies beside an artifact. All of it is
 * attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_FILE_READ — a file that was named is missing, or one can't be read;
 * ERR_INPUT_TOO_LARGE, ERR_BUNDLE_INVALID, ERR_JSON_INVALID
 */
export async function readBundles(place: BundlePlace): Promise<readonly Attached[]> {
  const { path, isGiven } = place
  const bytes = await readFileBounded(path, MAX_BUNDLE_BYTES).catch((error: unknown) => {
    if (!isGiven && hasErrno(error, 'ENOENT')) return undefined
    throw error
  })
  if (bytes === undefined) return []
  const bundles = splitBundles(bytes)
  return bundles.map((bundle, index) => ({
    kind: 'bundle',
    source: bundles.length === 1 ? path : `${path} line ${index + 1}`,
    bytes: bundle,
  }))
}

/**
 * Reads the bundles beside a local artifact, as they are.
 *
 * @throws {@link CountersignError} ERR_USAGE — it is not a file; ERR_ARTIFACT_NOT_FOUND — none exists of
 * that name; and as {@link readBundles}
 */
export async function readBundlesBeside(content: NamedContent): Promise<readonly Uint8Array[]> {
  const path = contentPath(content)
  if (path === undefined) {
    throw new CountersignError('ERR_USAGE', `no bundle lies beside "${content.name}"`, {
      hint: 'name an image, or a file',
    })
  }
  const found = await readBundles({ path: `${path}${BUNDLE_SUFFIX}`, isGiven: false })
  if (found.length === 0 && content.kind === 'file') await findFile(path)
  return found.flatMap((item) => (item.kind === 'bundle' ? [item.bytes] : []))
}

/**
 * Makes sure that a bundle can be written, before anything is signed.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE — a file is there, and it may not be replaced
 */
export async function assertWritable(path: string, existing: ExistingBundle): Promise<void> {
  if (existing !== 'refuse') return
  const found = await stat(path).catch(() => undefined)
  if (found !== undefined) throw alreadyThere(path)
}

/**
 * Writes a bundle in one step: the file holds the whole of it, or is as it was.
 *
 * @throws {@link CountersignError} ERR_FILE_WRITE; and of the file that is appended to: ERR_FILE_READ,
 * ERR_BUNDLE_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE
 */
async function writeBundle(
  path: string,
  bundle: Uint8Array,
  existing: ExistingBundle,
): Promise<void> {
  const earlier =
    existing === 'append' ? await readBundles({ path, isGiven: false }) : ([] as const)
  const lines = earlier.flatMap((item) => (item.kind === 'bundle' ? [toLine(item.bytes)] : []))
  const last = lines.length === 0 ? Buffer.from(bundle).toString('utf8').trimEnd() : toLine(bundle)
  const text = [...lines, last].map((line) => `${line}\n`).join('')
  const overwrite = existing !== 'refuse'
  await writeFileAtomically(path, text, { overwrite }).catch((error: unknown) => {
    throw hasErrno(error, 'EEXIST') ? alreadyThere(path, error) : error
  })
}

/** Writes one bundle to its place. */
export type BundleWriter = (path: string, bundle: Uint8Array) => Promise<void>

/**
 * Makes the writer of one run: a bundle that several artifacts share is written once, and several bundles of
 * one file are added to each other.
 */
export function createBundleWriter(existing: ExistingBundle): BundleWriter {
  // By their digests: a million bundles would not fit.
  const files = new Map<string, Map<Digest, Promise<void>>>()
  return (path, bundle) => {
    const written = files.get(path) ?? new Map<Digest, Promise<void>>()
    files.set(path, written)
    const earlier = [...written.values()].at(-1)
    const write = async (): Promise<void> => {
      await earlier
      await writeBundle(path, bundle, earlier === undefined ? existing : 'append')
    }
    const digest = digestOf(bundle)
    const writing = written.get(digest) ?? write()
    written.set(digest, writing)
    return writing
  }
}

/** One bundle on one line, whatever blank space it was written with. */
export function toLine(bundle: Uint8Array): string {
  return JSON.stringify(parseJson(bundle, { maxBytes: MAX_BUNDLE_BYTES }))
}

function alreadyThere(path: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_FILE_WRITE', `the bundle "${path}" already exists`, {
    reason: 'bundle-exists',
    details: { path, errno: 'EEXIST' },
    cause,
  })
}
