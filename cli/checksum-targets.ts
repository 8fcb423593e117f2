/**
 * The artifacts of a checksum file. Like `sha256sum -c`, countersign reads the files that are there; a
 * list alone never vouches for their content.
 *
 * @packageDocumentation
 */
import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { Digest } from '../src/crypto/digest.ts'
import { isWithin, readFileBounded } from '../src/files.ts'
import { parseChecksums } from '../src/formats/checksums.ts'
import { mapInOrder } from '../src/in-order.ts'
import type { LocalTarget } from './target.ts'

const MAX_CHECKSUM_BYTES = 4 * 1024 * 1024
const AT_ONCE = 8

/**
 * Reads a checksum file. A file listed with digests of several hashes is one artifact; one that is not
 * there is known by its digests alone.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID, ERR_FILE_READ, ERR_INPUT_TOO_LARGE
 */
export async function readChecksumTargets(list: string): Promise<readonly LocalTarget[]> {
  const checksums = parseChecksums(await readFileBounded(list, MAX_CHECKSUM_BYTES))
  const byName = Map.groupBy(checksums, ({ name }) => name)
  return mapInOrder([...byName], AT_ONCE, ([name, lines]) =>
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
): Promise<LocalTarget> {
  const path = await findListed(name, folder)
  const place = path ?? name
  const isElsewhere = !(await isWithin(place, '.')) && !(await isWithin(place, folder))
  return path === undefined
    ? { kind: 'digests', name, digests, path: name, isElsewhere }
    : { kind: 'file', name, path, listed: digests, isElsewhere }
}

/** A name is relative to the current folder, as for sha256sum; failing that, to the folder of its list. */
async function findListed(name: string, folder: string): Promise<string | undefined> {
  if (await isThere(name)) return name
  const beside = join(folder, name)
  return !isAbsolute(name) && (await isThere(beside)) ? beside : undefined
}

const ABSENT: ReadonlySet<unknown> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'])

/** What cannot be looked at counts as there: reading it says why not. */
async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => !(error instanceof Error && 'code' in error && ABSENT.has(error.code)),
  )
}
