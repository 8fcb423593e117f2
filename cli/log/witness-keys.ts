/** The witnesses that a command line demands: those that are named, or those pinned on this machine. */
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import type { NoteKey } from '../../src/formats/note-key.ts'
import { printable } from '../../src/formats/printable.ts'
import { readWitnessKeys, type WitnessDemand } from '../../src/formats/witnesses.ts'
import type { Context } from '../context.ts'
import { readPin } from '../trust/home.ts'

/** Options that demand witnesses. */
export interface WitnessFlags {
  readonly requireWitness?: number | undefined
  /** Verifier keys, or files with one on each line. */
  readonly witnessKey?: readonly string[] | undefined
}

const MAX_FILE_BYTES = 64 * 1024

/**
 * Reads which witnesses must have cosigned; undefined where none is demanded.
 *
 * @throws {@link CountersignError} ERR_USAGE — more are demanded than are trusted, or keys are named and nothing
 * is demanded; ERR_NOTE_INVALID, ERR_FILE_READ — a key that cannot be used; ERR_TRUST_INVALID — the pinned trust
 */
export async function readWitnessDemand(
  { requireWitness: count = 0, witnessKey }: WitnessFlags,
  context: Pick<Context, 'env'>,
): Promise<WitnessDemand | undefined> {
  if (count === 0) {
    if (witnessKey === undefined) return undefined
    throw usage('--witness-key names whose cosignatures count, and none is demanded', {
      hint: 'add --require-witness N',
    })
  }
  const keys =
    witnessKey === undefined
      ? ((await readPin(context))?.witnesses ?? [])
      : await readNamedWitnesses(witnessKey)
  if (keys.length >= count) return { keys, count }
  throw usage(`--require-witness ${count}, and ${keys.length} witnesses are trusted`, {
    hint: 'name their keys with --witness-key VKEY or --witness-key FILE, or pin them: countersign trust init URL --witness-key VKEY',
  })
}

/**
 * Reads witness keys: each a verifier key, or a file with one on each line.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID, ERR_FILE_READ
 */
export async function readNamedWitnesses(named: readonly string[]): Promise<readonly NoteKey[]> {
  const texts = await Promise.all(named.map(readVkeys))
  return readWitnessKeys(texts.flat())
}

async function readVkeys(text: string): Promise<readonly string[]> {
  if (/^[^+\s]+\+[0-9a-f]{8}\+/.test(text)) return [text]
  const bytes = await readFileBounded(text, MAX_FILE_BYTES)
  const lines = Buffer.from(bytes).toString().split('\n')
  return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
}

/** A demand for people: `at least 2 of w.example/1, w.example/2`. */
export function describeWitnesses({ count, keys }: WitnessDemand): string {
  return `at least ${count} of ${keys.map(({ name }) => printable(name)).join(', ')}`
}

function usage(message: string, { hint }: { readonly hint: string }): CountersignError {
  return new CountersignError('ERR_USAGE', message, { hint })
}
