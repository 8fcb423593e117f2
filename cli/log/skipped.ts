/** What `log verify` and `audit verify` say of entries of a later release. */
import { printable } from '../../src/formats/printable.ts'
import { unsupportedFormat } from '../../src/formats/versions.ts'
import type { SkippedReport } from '../../src/log/later-release.ts'

/** Says what was skipped, and what follows from it; the empty text where that is nothing. */
export function renderSkipped(skipped: SkippedReport | undefined): string {
  if (skipped === undefined) return ''
  const { first } = skipped
  return [
    `skipped: ${countsOf(skipped)} of a later release`,
    '    they are there and unchanged, but what they say is not checked: use a release that is as new as the service',
    ...first.map((each) => `    ${printable(each)}`),
    '',
  ].join('\n')
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
