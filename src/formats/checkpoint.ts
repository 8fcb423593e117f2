/**
 * Checkpoints (C2SP tlog-checkpoint): what a log says of itself, as the text of a signed note. The
 * input is attacker-controlled.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import type { NoteKey } from './note-key.ts'
import { parseSignedNote, verifySignedNote } from './signed-note.ts'

/** Size and root of one log at one moment. */
export interface Checkpoint {
  /** Which log: a URL without its scheme, the same for ever. */
  readonly origin: string
  readonly size: number
  /** Root of the Merkle tree: as long as the log's hash is, which the format does not say. */
  readonly root: Uint8Array
  /** Lines that others may have put below; without meaning here. */
  readonly extensions: readonly string[]
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_NOTE_INVALID', `malformed checkpoint: ${why}`)
}

/**
 * Parses the text of a checkpoint, without its signatures.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — anything but the one form a checkpoint has, or a size
 * beyond 2^53 - 1
 */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', decimal = '', base64 = '', ...rest] = text.split('\n')
  if (origin === '') throw malformed('it has no origin')
  const size = /^(0|[1-9]\d*)$/.test(decimal) ? Number(decimal) : NaN
  if (!Number.isSafeInteger(size)) throw malformed('its size is not a decimal number')
  const root = decodeBase64(base64)
  if (root === undefined || root.length === 0) throw malformed('its root is not base64')
  if (rest.pop() !== '') throw malformed('it does not end in a newline')
  const checkpoint = { origin, size, root, extensions: rest }
  if (serializeCheckpoint(checkpoint) !== text) throw malformed('it is not in its one form')
  return checkpoint
}

/** Writes the text of a checkpoint: what is signed. */
export function serializeCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  return [origin, String(size), encodeBase64(root), ...extensions, ''].join('\n')
}

/** By what a log's checkpoints are known. */
export interface LogIdentity {
  /** The log's keys; each may sign alone. */
  readonly keys: readonly NoteKey[]
  /** Default: the name that the key which signed has. */
  readonly origin?: string | undefined
}

/**
 * Parses a signed checkpoint and verifies it: one of the log's keys signed it, and it is of that log.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — malformed, not signed by any of the keys, or of
 * another log; ERR_INPUT_TOO_LARGE
 *
 * @example
 * ```ts
 * import { logIdentity, openCheckpoint, parseTrustedRoot } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const log = logIdentity(await parseTrustedRoot(await readFile('log/trusted-root.json')))
 * const { size } = openCheckpoint(await readFile('log/transparency.txt'), log)
 * console.log(size > 0) // true
 * ```
 */
export function openCheckpoint(note: Uint8Array, { keys, origin }: LogIdentity): Checkpoint {
  const { text, signers } = verifySignedNote(parseSignedNote(note), keys)
  const checkpoint = parseCheckpoint(text)
  const expected = origin === undefined ? signers.map(({ name }) => name) : [origin]
  if (!expected.includes(checkpoint.origin)) {
    const found = checkpoint.origin.slice(0, 200)
    const message = `a checkpoint of the log "${found}", not of "${expected.join('", "')}"`
    throw new CountersignError('ERR_NOTE_INVALID', message)
  }
  return checkpoint
}
