/**
 * Bundle files: beside the file they are about, or where `--bundle` says. Several bundles in one file
 * stand one a line (JSONL).
 *
 * @packageDocumentation
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CountersignError } from '../src/errors.ts'
import { hasErrno, readFileBounded, writeFileAtomically } from '../src/files.ts'
import { MAX_BUNDLE_BYTES, splitBundles } from '../src/formats/bundle.ts'
import { parseJson } from '../src/formats/json.ts'
import type { Attached } from '../src/verification/verify-artifact.ts'
import { BUNDLE_SUFFIX as SUFFIX } from './bundle-suffix.ts'
import { findFile } from './local-artifact.ts'
import type { LocalTarget } from '../src/artifacts/named-artifact.ts'
import { targetPath } from './targets.ts'

/** Where a bundle lies, and whether the user said so. */
export interface BundlePlace {
  readonly path: string
  readonly isGiven: boolean
}

/** What becomes of a bundle file that is already there. */
export type ExistingBundle = 'refuse' | 'overwrite' | 'append'

/**
 * Finds the place of an artifact's bundle: `--bundle` names a file, or a folder that has one for each
 * artifact; without it the bundle lies beside the artifact. Undefined where none of that is.
 *
 * @param stem - file name of the bundle in a folder, without suffix
 */
export async function placeBundle(
  given: string | undefined,
  beside: string | undefined,
  stem: string,
): Promise<BundlePlace | undefined> {
  if (given === undefined) {
    return beside === undefined ? undefined : { path: `${beside}${SUFFIX}`, isGiven: false }
  }
  const path = (await isFolder(given)) ? join(given, `${stem}${SUFFIX}`) : given
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
 * @throws {@link CountersignError} ERR_USAGE — it is no file; ERR_ARTIFACT_NOT_FOUND — there is none of
 * that name; and as {@link readBundles}
 */
export async function readBundlesBeside(target: LocalTarget): Promise<readonly Uint8Array[]> {
  const path = targetPath(target)
  if (path === undefined) {
    throw new CountersignError('ERR_USAGE', `no bundle lies beside "${target.name}"`, {
      hint: 'name an image, or a file',
    })
  }
  const found = await readBundles({ path: `${path}${SUFFIX}`, isGiven: false })
  if (found.length === 0 && target.kind === 'file') await findFile(path)
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
export async function writeBundle(
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

/** One bundle on one line, whatever blank space it was written with. */
export function toLine(bundle: Uint8Array): string {
  return JSON.stringify(parseJson(bundle, { maxBytes: MAX_BUNDLE_BYTES }))
}

function alreadyThere(path: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_FILE_WRITE', `there is a bundle at "${path}" already`, {
    hint: '--overwrite replaces it, and sign --append adds to it',
    details: { path, errno: 'EEXIST' },
    cause,
  })
}
