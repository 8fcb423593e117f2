/**
 * Opening artifacts that are to be signed or attested: before any signature is made, so that a wrong
 * name or a bundle that is in the way is known in time.
 *
 * @packageDocumentation
 */
import { basename } from 'node:path'
import { CountersignError } from '../errors.ts'
import { assertWritable, placeBundle } from './bundle-files.ts'
import { digestLocal } from './local-content.ts'
import type { OpenSubjectOptions, OpenSubject } from './open-subject.ts'
import {
  besidePath,
  bundleStem,
  contentPath,
  describeNoPlace,
  type NamedArtifact,
  type NamedContent,
} from './named-artifact.ts'
import type { ArtifactWorld } from './world.ts'

/**
 * Opens a file, standard input or digests.
 *
 * @throws {@link CountersignError} ERR_USAGE — nothing says where the bundle goes; ERR_FILE_WRITE — there is
 * one already; and the errors of reading the artifact
 */
async function openContentSubject(
  named: NamedContent,
  options: OpenSubjectOptions,
  world: ArtifactWorld,
): Promise<OpenSubject> {
  const { name } = named
  const path = await bundlePath(named, options.bundle)
  await assertWritable(path, options.existing)
  const file = contentPath(named)
  return {
    name,
    pinned: name,
    isImage: false,
    subjectName: file === undefined ? undefined : basename(file),
    digests: await digestLocal(named, options.hash, world),
    path,
  }
}

async function bundlePath(named: NamedContent, given: string | undefined): Promise<string> {
  const place = await placeBundle(given, besidePath(named), bundleStem(named))
  if (place !== undefined) return place.path
  throw new CountersignError(
    'ERR_USAGE',
    `no output path for the bundle of "${named.name}": ${describeNoPlace(named)}`,
    { hint: 'name a file for it', reason: 'bundle-place-unknown' },
  )
}

/** Opens one artifact; a recursive image is several. */
export async function openSubjects(
  named: NamedArtifact,
  options: OpenSubjectOptions,
  world: ArtifactWorld,
): Promise<readonly OpenSubject[]> {
  if (named.kind !== 'image') return [await openContentSubject(named, options, world)]
  // Loaded late: files are signed without a registry client.
  const { openImageSubjects } = await import('./open-image-subjects.ts')
  return openImageSubjects(named, options, world)
}

/**
 * Refuses artifacts that would each overwrite the other's bundle.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertDistinctBundles(subjects: readonly OpenSubject[]): void {
  const paths = subjects.flatMap(({ path }) => path ?? [])
  const seen = new Set<string>()
  const twice = paths.find((path) => seen.size === seen.add(path).size)
  if (twice === undefined) return
  throw new CountersignError('ERR_USAGE', `two artifacts would have their bundle in "${twice}"`, {
    hint: 'name a folder for the bundles, and name every artifact once',
    reason: 'bundle-place-shared',
  })
}
