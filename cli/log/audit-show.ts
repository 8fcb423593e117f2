/** `countersign audit show`. */
import { digestHex } from '../../src/crypto/digest.ts'
import { readFileBounded } from '../../src/files.ts'
import { MAX_BUNDLE_BYTES } from '../../src/formats/bundle.ts'
import { canonicalBundleDigest } from '../../src/formats/canonical-bundle.ts'
import { parseJson } from '../../src/formats/json.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import type { EntryContent } from '../../src/log/entry-format.ts'
import { labelsOf } from '../../src/log/entry-labels.ts'
import type { CommandEnvironment } from '../command.ts'
import type { Outcome } from '../context.ts'
import { labelledEntries, newestEntries, type PlacedEntry } from './entries.ts'
import { type LogSourceFlags, openLog } from './source.ts'
import { schema } from '../render/json.ts'
import { renderEntry } from '../render/audit.ts'

/** Options of the command. */
export interface ShowAuditFlags extends LogSourceFlags {
  readonly key?: string | undefined
  readonly kid?: string | undefined
  readonly digest?: string | undefined
  readonly jti?: string | undefined
  readonly bundle?: string | undefined
  readonly type?: LogEntry['type'] | undefined
  readonly from?: Date | undefined
  readonly to?: Date | undefined
  readonly limit: number
}

/** Labels to look for, the one that finds fewest entries first. */
const FILTERS = ['bundle', 'jti', 'digest', 'kid', 'key', 'type'] as const

/**
 * Lists entries, the newest first.
 *
 * @throws {@link CountersignError} ERR_USAGE — no log is named; and those of reading it, and a named bundle
 */
export async function showAudit(
  folder: string | undefined,
  flags: ShowAuditFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  const { source, server } = await openLog(folder, { ...flags, isAudit: true }, environment)
  const wanted = { ...flags, bundle: await bundleDigest(flags.bundle) }
  const labels = FILTERS.flatMap((name) => {
    const value = wanted[name]
    return value === undefined ? [] : [`${name}:${value}`]
  })
  const [label] = labels
  const { signal } = context
  const found: PlacedEntry[] = []
  const entries =
    server === undefined || label === undefined
      ? newestEntries(source, { signal })
      : labelledEntries(server, label, { signal })
  let unread = 0
  for await (const placed of entries) {
    if (placed.content.kind === 'unknown' && labels.length > 0) unread += 1
    if (isWanted(placed.content, labels, flags)) found.push(placed)
    if (found.length >= flags.limit) break
  }
  if (unread > 0)
    terminal.say(`not listed: ${unread} of a later release, which may be about it too`)
  terminal.say('not verified; to verify it: countersign audit verify')
  return {
    exitCode: 0,
    report: found
      .map(({ index, content }) => renderEntry(index, content, terminal.report))
      .join(''),
    document: {
      schema: schema('log-entries'),
      ok: true,
      exitCode: 0,
      isVerified: false,
      entries: found.map(toDocument),
    },
  }
}

/** By its canonical form, which is the one that was released. */
async function bundleDigest(text: string | undefined): Promise<string | undefined> {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text
  return digestHex(canonicalBundleDigest(await readFileBounded(text, MAX_BUNDLE_BYTES)))
}

/** An entry that is not understood is of no time and about nothing, as far as can be known. */
function isWanted(
  content: EntryContent,
  labels: readonly string[],
  { from, to }: ShowAuditFlags,
): boolean {
  if (content.kind === 'unknown') return labels.length === 0
  const { entry } = content
  if (from !== undefined && entry.time < from) return false
  if (to !== undefined && entry.time >= to) return false
  if (labels.length === 0) return true
  const own = labelsOf(entry)
  return labels.every((label) => own.includes(label))
}

/** As it is in the log, with what this release does not know. */
function toDocument({ index, data }: PlacedEntry): object {
  return { index, entry: parseJson(data) }
}
