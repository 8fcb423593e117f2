/** Holds the name of the log in the store against the one that is configured, before anything is signed. */
import { CountersignError } from '../errors.ts'
import { parseCheckpoint } from '../formats/checkpoint.ts'
import { parseSignedNote } from '../formats/signed-note.ts'
import type { Store } from '../store/store.ts'

/**
 * Makes sure that the log goes on under its name: under another, no checkpoint would continue those that others
 * keep.
 *
 * @param isAnew - begins it anew under the name: entries stay, and what was signed under another name counts
 * no more
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — it has another name; ERR_NOTE_INVALID — its checkpoint
 * is malformed
 */
export async function settleLogName(
  store: Pick<Store, 'log' | 'transaction'>,
  origin: string,
  isAnew: boolean,
): Promise<void> {
  const stored = await store.log.checkpoint()
  if (stored === undefined) return
  const { origin: found } = parseCheckpoint(parseSignedNote(Buffer.from(stored.note)).text)
  if (found === origin) return
  if (!isAnew) throw anotherLog(found, origin)
  await store.transaction(({ log }) => log.dropCheckpoint())
}

function anotherLog(found: string, origin: string): CountersignError {
  const message = `the log in the store is "${found}", and log.origin (or issuer, without it) says "${origin}"`
  return new CountersignError('ERR_CONFIG_INVALID', message, {
    hint: `a log keeps its name for ever: set log.origin to ${found}; where entries were lost and it has to begin anew, see docs/runbooks/restore.md`,
    details: { found, origin },
  })
}
