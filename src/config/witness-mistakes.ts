/** What the schema cannot say of the witnesses of a configuration. */
import { parseNoteKey } from '../formats/note-key.ts'
import type { LogSection } from './sections/serve.ts'
import type { Path } from './schema-node.ts'
import { BOTH_LOGS, type LogSettings, toLogSettings } from './service-settings.ts'

/** A mistake in the section `log`. */
interface WitnessMistake {
  readonly path: Path
  readonly message: string
}

/**
 * A witness that is named twice would count twice, and a quorum of more than there are is never reached. The forms
 * of the section have been checked.
 */
export function witnessMistakes(log: LogSection): readonly WitnessMistake[] {
  const settings = toLogSettings(log)
  const mistakes: WitnessMistake[] = [...namedTwice(settings)]
  if (isQuorumTooLarge(settings)) {
    const message = 'a log has fewer witnesses, expected no more than it has'
    mistakes.push({ path: ['log', 'witnessQuorum'], message })
  }
  const isIdle = !settings.witnesses.some(({ logs }) => logs.includes('transparency'))
  if (settings.waitForWitnessesSeconds !== undefined && isIdle) {
    const message = 'the transparency log has no witnesses to wait for'
    mistakes.push({ path: ['log', 'waitForWitnesses'], message })
  }
  return mistakes
}

function namedTwice({ witnesses }: LogSettings): readonly WitnessMistake[] {
  const kids = witnesses.map(({ key }) => parseNoteKey(key).key.kid)
  return kids.flatMap((kid, index) => {
    const path = ['log', 'witnesses', String(index), 'key']
    const message = 'has the key pair of another witness: name each once'
    return kids.indexOf(kid) === index ? [] : [{ path, message }]
  })
}

function isQuorumTooLarge({ witnesses, witnessQuorum }: LogSettings): boolean {
  if (witnessQuorum === undefined) return false
  const counts = BOTH_LOGS.map((log) => witnesses.filter(({ logs }) => logs.includes(log)).length)
  return counts.every((count) => count === 0) || counts.some((n) => n > 0 && n < witnessQuorum)
}
