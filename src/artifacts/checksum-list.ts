/** The artifacts of a checksum file. */
import { dirname } from 'node:path'
import type { Digest } from '../crypto/digest.ts'
import { findListedFile, isWithin, readFileBounded } from '../files.ts'
import { MAX_CHECKSUM_BYTES, parseChecksums } from '../formats/checksums.ts'
import { mapConcurrent } from '../basics/map-concurrent.ts'
import type { NamedContent } from './named-artifact.ts'

const AT_ONCE = 8

/**
 * Reads a checksum file. A file listed with digests of several hashes is one artifact; one that is not
 * there is known by its digests alone.
 *
 * @param maxBytes - of the file; default 4 MiB
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID, ERR_FILE_READ, ERR_INPUT_TOO_LARGE
 */
export async function readChecksumTargets(
  list: string,
  maxBytes: number = MAX_CHECKSUM_BYTES,
): Promise<readonly NamedContent[]> {
  const checksums = parseChecksums(await readFileBounded(list, maxBytes), maxBytes)
  const byName = Map.groupBy(checksums, ({ name }) => name)
  return mapConcurrent([...byName], AT_ONCE, ([name, lines]) =>
    toTarget(
      name,
      lines.map(({ digest }) => digest),
      dirname(list),
    ),
  )
}

async function toTarget(
  name: string,
  digests: readonly Digest[],
  folder: string,
): Promise<NamedContent> {
  // As for sha256sum; failing that, relative to the folder of the list.
  const path = await findListedFile(name, ['', folder])
  const place = path ?? name
  const isElsewhere = !(await isWithin(place, '.')) && !(await isWithin(place, folder))
  return path === undefined
    ? { kind: 'digests', name, digests, path: name, isElsewhere }
    : { kind: 'file', name, path, listed: digests, isElsewhere }
}
