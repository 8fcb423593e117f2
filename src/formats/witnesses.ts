/**
 * Whether enough witnesses cosigned a checkpoint. A witness cosigns one tree of a log only, so a second log under
 * the same key has no cosignatures of witnesses that saw the first.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { readCosignature } from './cosignature.ts'
import { type NoteKey, parseNoteKey } from './note-key.ts'
import { parseSignedNote, type SignedNote, verifySignedNote } from './signed-note.ts'

/** Witnesses that are trusted, and how many of them must have cosigned. */
export interface WitnessDemand {
  /** Of {@link readWitnessKeys}: no two of one key pair. */
  readonly keys: readonly NoteKey[]
  readonly count: number
}

/** A verified cosignature. */
export interface Cosignature {
  readonly witness: NoteKey
  /** When the witness stated that the checkpoint is the largest it saw. */
  readonly time: Date
}

/**
 * Reads the verifier keys of witnesses. A cosignature does not commit to the name of its witness, so one key pair
 * under two names would count twice: it is refused.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — malformed, not the key of a witness, or a key pair that is
 * named twice
 *
 * @example
 * ```ts
 * import { readWitnessKeys } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const witnesses = readWitnessKeys([(await readFile('log/witness.vkey', 'utf8')).trim()])
 * console.log(witnesses.length) // 1
 * ```
 */
export function readWitnessKeys(vkeys: readonly string[]): readonly NoteKey[] {
  const keys = vkeys.map(parseNoteKey)
  const seen = new Set<string>()
  for (const { kind, key, vkey } of keys) {
    if (kind !== 'cosignature') throw unusable(vkey, 'is not the key of a witness')
    if (seen.has(key.kid)) throw unusable(vkey, 'has the key pair of another witness')
    seen.add(key.kid)
  }
  return keys
}

/**
 * The cosignatures of trusted witnesses over a checkpoint, one for each witness, the newest of several. Lines of
 * other keys do not count.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — the text is not a checkpoint, or a line of a trusted witness
 * does not verify
 */
export function readCosignatures(
  note: SignedNote,
  witnesses: readonly NoteKey[],
): readonly Cosignature[] {
  readWitnessable(note.text)
  const text = Buffer.from(note.text)
  const isSigned = witnesses.some((witness) => linesOf(note, witness).length > 0)
  if (!isSigned) return []
  const { signers } = verifySignedNote(note, witnesses)
  return signers.map((witness) => {
    const times = linesOf(note, witness)
      .filter(({ signature }) => witness.verify(text, signature))
      .map(({ signature }) => readCosignature(signature)?.time ?? 0)
    return { witness, time: new Date(Math.max(...times) * 1000) }
  })
}

/**
 * Reads the text of a checkpoint that witnesses cosign. One with an empty line could be read as two notes: as
 * one of what is above it, and as one of all of it.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — malformed
 */
export function readWitnessable(text: string): Checkpoint {
  const checkpoint = parseCheckpoint(text)
  if (!checkpoint.extensions.includes('')) return checkpoint
  throw new CountersignError('ERR_NOTE_INVALID', 'malformed checkpoint: it has an empty line')
}

/**
 * Makes sure that enough witnesses cosigned a checkpoint; answers their cosignatures.
 *
 * @throws {@link CountersignError} ERR_WITNESS_MISSING — fewer did; ERR_NOTE_INVALID — as
 * {@link readCosignatures}, or malformed; ERR_INPUT_TOO_LARGE
 */
export function assertWitnessed(
  note: Uint8Array,
  { keys, count }: WitnessDemand,
): readonly Cosignature[] {
  const found = readCosignatures(parseSignedNote(note), keys)
  if (found.length >= count) return found
  const names = found.map(({ witness }) => witness.name)
  const by = names.length === 0 ? '' : ` (${names.join(', ').slice(0, 200)})`
  const message = `the checkpoint has cosignatures of ${found.length} trusted witnesses${by}, expected ${count}`
  throw new CountersignError('ERR_WITNESS_MISSING', message, {
    hint: 'take a newer proof, which more witnesses may have cosigned; if none exists, do not rely on it, and ask the operator of the log',
    details: { expected: count, actual: found.length },
  })
}

function linesOf({ signatures }: SignedNote, { name, id }: NoteKey): SignedNote['signatures'] {
  return signatures.filter((line) => line.name === name && Buffer.from(line.id).equals(id))
}

function unusable(vkey: string, why: string): CountersignError {
  return new CountersignError('ERR_NOTE_INVALID', `verifier key "${vkey.slice(0, 200)}" ${why}`, {
    hint: 'name each witness once, by the verifier key that its operator publishes (signature type 4)',
  })
}
