/** What `log verify` and `audit verify` say of entries of a later release. */
import { unsupportedFormat } from '../../src/formats/versions.ts'
import type { SkippedReport } from '../../src/log/later-release.ts'
import { CONTINUED, type Row } from '../render/layout.ts'

/** What was skipped, and what follows from it; no rows where that is nothing. */
export function describeSkipped(skipped: SkippedReport | undefined): readonly Row[] {
  if (skipped === undefined) return []
  return [
    ['skipped', `${countsOf(skipped)} of a later release, present and unchanged`],
    [CONTINUED, 'their content is not checked: use a release as new as the service'],
    ...skipped.first.map((each): Row => [CONTINUED, each]),
  ]
}

/**
 * Makes sure that everything was understood.
 *
 * @throws CountersignError ERR_FORMAT_UNSUPPORTED — something was skipped
 */
export function assertNothingSkipped(skipped: SkippedReport | undefined): void {
  if (skipped === undefined) return
  const [first = ''] = skipped.first
  throw unsupportedFormat(`the log has ${countsOf(skipped)} of a later release; ${first}`)
}

function countsOf({ entries, members }: SkippedReport): string {
  const counts = [
    entries === 0 ? undefined : `${entries} ${entries === 1 ? 'entry' : 'entries'}`,
    members === 0 ? undefined : `${members} ${members === 1 ? 'member' : 'members'}`,
  ]
  return counts.filter((count) => count !== undefined).join(' and ')
}
