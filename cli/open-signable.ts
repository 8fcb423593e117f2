/**
 * Opening artifacts that are to be signed or attested: before any signature is made, so that a wrong
 * name or a bundle that is in the way is known in time.
 *
 * @packageDocumentation
 */
import { basename } from 'node:path'
import { CountersignError } from '../src/errors.ts'
import { assertWritable, placeBundle } from './bundle-files.ts'
import type { CommandEnvironment } from './command.ts'
import { digestLocal } from './local-artifact.ts'
import type { OpenSignableOptions, Signable } from './signable.ts'
import type { LocalTarget, Target } from '../src/artifacts/named-artifact.ts'
import { besidePath, bundleStem, describeNoPlace, targetPath } from './targets.ts'

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
    digests: await digestLocal(target, options.hash, environment),
    path,
  }
}

async function bundlePath(target: LocalTarget, given: string | undefined): Promise<string> {
  const place = await placeBundle(given, besidePath(target), bundleStem(target))
  if (place !== undefined) return place.path
  throw new CountersignError(
    'ERR_USAGE',
    `no output path for the bundle of "${target.name}": ${describeNoPlace(target)}`,
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
