/**
 * The artifacts a command line names, from its arguments and from checksum files.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../src/errors.ts'
import { printable } from '../../src/formats/printable.ts'
import { BUNDLE_SUFFIX } from '../../src/artifacts/bundle-files.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { readChecksumTargets } from '../../src/artifacts/checksum-list.ts'
import { type NamedArtifact, parseNamedArtifact } from '../../src/artifacts/named-artifact.ts'

/**
 * Reads the artifacts of a command line, in its order, those of the checksum file last.
 *
 * @param options - `maxBytes` of the checksum file; default 4 MiB
 *
 * @throws {@link CountersignError} ERR_USAGE — none at all, or standard input twice; ERR_REFERENCE_INVALID;
 * ERR_FILE_READ, ERR_INPUT_TOO_LARGE — the checksum file
 */
export async function readTargets(
  names: readonly string[],
  checksums: string | undefined,
  terminal: Pick<Terminal, 'say'>,
  { maxBytes }: { readonly maxBytes?: number | undefined } = {},
): Promise<readonly NamedArtifact[]> {
  const targets = withoutBundles(names.map(parseNamedArtifact), terminal)
  if (targets.filter(({ kind }) => kind === 'stdin').length > 1) {
    throw new CountersignError('ERR_USAGE', 'standard input (-) can be read only once')
  }
  const listed = checksums === undefined ? [] : await readChecksumTargets(checksums, maxBytes)
  const unread = listed.filter(({ kind }) => kind === 'digests').length
  if (unread > 0) {
    terminal.say(`${unread} of ${listed.length} listed files are not here: only digests are known`)
  }
  if (targets.length + listed.length > 0) return [...targets, ...listed]
  throw new CountersignError('ERR_USAGE', 'no artifact was named', {
    hint: 'name files, oci:// images, digests or -, or give --checksums FILE',
  })
}

/**
 * Leaves out the bundles of other artifacts that are named: a shell writes `dist/*` with both. What is left
 * out is neither signed nor verified, so it is said.
 */
function withoutBundles(
  targets: readonly NamedArtifact[],
  terminal: Pick<Terminal, 'say'>,
): readonly NamedArtifact[] {
  const paths = new Set(targets.flatMap((one) => (one.kind === 'file' ? [one.path] : [])))
  return targets.filter((target) => {
    const isBundle =
      target.kind === 'file' &&
      target.path.endsWith(BUNDLE_SUFFIX) &&
      paths.has(target.path.slice(0, -BUNDLE_SUFFIX.length))
    if (isBundle)
      terminal.say(`skipped ${printable(target.name)}: the bundle of another artifact here`)
    return !isBundle
  })
}
