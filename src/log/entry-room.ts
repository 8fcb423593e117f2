/** Whether the log has room for the entry of a signature, known before anything is signed. */
import { MAX_ENTRY_BYTES } from './entry-bundle.ts'
import { toEntryCaller } from './entry-caller.ts'
import { assertEntrySize } from './entry-format.ts'
import type { SignatureEntry } from './entry.ts'

/** What is known of an entry before it is signed, and has no bound of its own. */
export type KnownMembers = Pick<SignatureEntry, 'requestId' | 'caller' | 'key' | 'digests'>

/** All else together, at most: a predicate type of 1024 characters, hashes, times, ids, and the public entry. */
const OTHER_BYTES = 8192
/** So many digests always have room. */
const FEW_DIGESTS = 64

/**
 * Makes sure that the log has room for the entry of a signature.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — it would not be logged, so it must not be made
 */
export function assertRoomFor({ requestId, caller, key, digests }: KnownMembers): void {
  if (digests.length <= FEW_DIGESTS) return
  const known = { requestId, caller: caller && toEntryCaller(caller), key, digests }
  assertEntrySize(Buffer.byteLength(JSON.stringify(known)) + OTHER_BYTES, MAX_ENTRY_BYTES)
}
