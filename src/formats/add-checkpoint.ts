/**
 * The request and the answer by which a log has its checkpoint cosigned (C2SP tlog-witness, add-checkpoint).
 * Both are attacker-controlled for their reader.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import { MAX_NOTE_BYTES, type NoteSignature, parseSignedNote } from './signed-note.ts'

/** What a log asks a witness. */
export interface AddCheckpoint {
  /** Size of the checkpoint that the witness cosigned last, or 0. */
  readonly oldSize: number
  /** Consistency proof from there. */
  readonly proof: readonly Uint8Array[]
  /** The signed note of the new checkpoint. */
  readonly note: Uint8Array
}

const HASH_BYTES = 32
const MAX_PROOF = 63
const MAX_HEAD_BYTES = 4096

/** Longest request that is read. */
export const MAX_ADD_CHECKPOINT_BYTES: number = MAX_NOTE_BYTES + MAX_HEAD_BYTES

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_NOTE_INVALID', `malformed add-checkpoint request: ${why}`)
}

/** Writes a request. */
export function serializeAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): Uint8Array {
  const lines = [`old ${oldSize}`, ...proof.map((hash) => encodeBase64(hash)), '', '']
  return Buffer.concat([Buffer.from(lines.join('\n')), note])
}

/**
 * Parses a request; its checkpoint is left as it is.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — not of its one form; ERR_INPUT_TOO_LARGE
 */
export function parseAddCheckpoint(input: Uint8Array): AddCheckpoint {
  if (input.length > MAX_ADD_CHECKPOINT_BYTES) {
    const message = `add-checkpoint request of over ${MAX_ADD_CHECKPOINT_BYTES} bytes`
    throw new CountersignError('ERR_INPUT_TOO_LARGE', message)
  }
  const bytes = Buffer.from(input)
  const end = bytes.indexOf('\n\n')
  if (end === -1 || end > MAX_HEAD_BYTES) throw malformed('it has no empty line behind the proof')
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\n')
  const oldSize = readTreeSize(/^old (\d{1,16})$/.exec(first)?.[1] ?? '')
  if (oldSize === undefined) throw malformed('its first line is not the old size')
  if (lines.length > MAX_PROOF) throw malformed(`its proof has over ${MAX_PROOF} hashes`)
  return { oldSize, proof: lines.map(parseHash), note: bytes.subarray(end + 2) }
}

function parseHash(line: string): Uint8Array {
  const hash = decodeBase64(line)
  if (hash?.length === HASH_BYTES) return hash
  throw malformed('a line of its proof is not a hash')
}

/** Reads a tree size as tlog-witness writes it; undefined if it is malformed. */
export function readTreeSize(decimal: string): number | undefined {
  if (!/^(0|[1-9]\d{0,15})$/.test(decimal)) return undefined
  const size = Number(decimal)
  return Number.isSafeInteger(size) ? size : undefined
}

/**
 * Parses the signature lines that a witness answers with.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — anything but signature lines; ERR_INPUT_TOO_LARGE
 */
export function parseSignatureLines(body: Uint8Array): readonly NoteSignature[] {
  const { text, signatures } = parseSignedNote(Buffer.concat([Buffer.from('-\n\n'), body]))
  if (text !== '-\n') throw new CountersignError('ERR_NOTE_INVALID', 'malformed signature lines')
  return signatures
}
