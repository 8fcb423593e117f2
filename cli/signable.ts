/**
 * Artifacts that are to be signed or attested: opened first, so that a wrong name or a bundle that is
 * in the way is known before any signature is made.
 *
 * @packageDocumentation
 */
import { basename } from 'node:path'
import type { Digest, HashName } from '../src/crypto/digest.ts'
import { CountersignError } from '../src/errors.ts'
import { assertWritable, type ExistingBundle, placeBundle } from './bundle-files.ts'
import type { LegacyImageSignature, SignedBundle } from '../src/signing/sign-artifact.ts'
import { digestLocal } from './local-artifact.ts'
import type { CommandEnvironment } from './run.ts'
import type { Stores } from './stores.ts'
import { bundleStem, type LocalTarget, type Target, targetPath } from './targets.ts'

/** What was made for one artifact; at least one of them is there. */
export interface Made {
  readonly bundle: SignedBundle | undefined
  /** The signature of an image in cosign's older form. */
  readonly legacy: LegacyImageSignature | undefined
}

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

/** One thing that was attached to an image. */
export interface AttachedDocument {
  readonly format: 'bundle' | 'legacy'
  /** Of the manifest that was attached. */
  readonly digest?: Digest
  readonly listedBy: string
}

/** In which form an image's signature is attached: as cosign 3 reads it, as cosign 2 does, or both. */
export type SignFormat = 'bundle' | 'legacy' | 'both'

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

/**
 * Opens a file, standard input or digests.
 *
 * @throws {@link CountersignError} ERR_USAGE — nothing says where the bundle goes; ERR_FILE_WRITE — there is
 * one already; and the errors of reading the artifact
 */
async function openLocalSignable(
  target: LocalTarget,
  options: OpenSignableOptions,
  environment: CommandEnvironment,
): Promise<Signable> {
  const { name } = target
  const path = await bundlePath(target, options.bundle)
  await assertWritable(path, options.existing)
  const file = targetPath(target)
  return {
    name,
    pinned: name,
    isImage: false,
    subjectName: file === undefined ? undefined : basename(file),
    digests: await readDigests(target, options.hash, environment),
    path,
  }
}

async function readDigests(
  target: LocalTarget,
  hash: HashName | undefined,
  environment: CommandEnvironment,
): Promise<Signable['digests']> {
  const [first, ...more] = target.kind === 'digests' ? target.digests : []
  if (hash === undefined && first !== undefined) return [first, ...more]
  return [await digestLocal(target, hash ?? 'sha256', environment)]
}

async function bundlePath(target: LocalTarget, given: string | undefined): Promise<string> {
  const place = await placeBundle(given, targetPath(target), bundleStem(target))
  if (place !== undefined) return place.path
  throw new CountersignError(
    'ERR_USAGE',
    `nothing says where the bundle of "${target.name}" goes, for it is no file`,
    { hint: 'give --bundle FILE' },
  )
}

/** Opens one artifact of a command line; a recursive image is several. */
export async function openSignables(
  target: Target,
  options: OpenSignableOptions,
  environment: CommandEnvironment,
): Promise<readonly Signable[]> {
  if (target.kind !== 'image') return [await openLocalSignable(target, options, environment)]
  // Loaded late: files are signed without a registry client.
  const { openImageSignables } = await import('./image-signable.ts')
  return openImageSignables(target, options, environment)
}

/**
 * Refuses artifacts that would each overwrite the other's bundle.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertDistinctBundles(signables: readonly Signable[]): void {
  const paths = signables.flatMap(({ path }) => path ?? [])
  const twice = paths.find((path, index) => paths.indexOf(path) !== index)
  if (twice === undefined) return
  throw new CountersignError('ERR_USAGE', `two artifacts would have their bundle in "${twice}"`, {
    hint: 'give --bundle a folder (FOLDER/), and name every artifact once',
  })
}
