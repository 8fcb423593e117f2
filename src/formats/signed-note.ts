/**
 * Signed notes (C2SP signed-note): a text and the signatures below it. The input is attacker-controlled,
 * so it is bounded, parsed, written again and compared.
 *
 * @packageDocumentation
 */
import { isUtf8 } from 'node:buffer'
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import { isNoteKeyName, type NoteKey } from './note-key.ts'

/** One signature line; name and id are unauthenticated hints. */
export interface NoteSignature {
  readonly name: string
  /** Four bytes. */
  readonly id: Uint8Array
  readonly signature: Uint8Array
}

/** A note as written; nothing of it is verified. */
export interface SignedNote {
  /** What is signed; ends in a newline. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A note whose text at least one trusted key vouches for. */
export interface VerifiedNote {
  readonly text: string
  /** The keys that signed, each once, in the order of those that were given. */
  readonly signers: readonly [NoteKey, ...NoteKey[]]
}

/** Longest note that is read. */
export const MAX_NOTE_BYTES: number = 64 * 1024
const MAX_SIGNATURES = 100
const ID_BYTES = 4
const NEWLINE = 0x0a

function invalid(why: string): CountersignError {
  return new CountersignError('ERR_NOTE_INVALID', `malformed signed note: ${why}`)
}

/**
 * Parses a note.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — anything but the one form a note has, or over 100
 * signatures; ERR_INPUT_TOO_LARGE — over 64 KiB
 */
export function parseSignedNote(input: Uint8Array): SignedNote {
  const written = decodeText(input)
  const blank = written.lastIndexOf('\n\n')
  if (blank === -1) throw invalid('it has no signatures')
  const lines = written.slice(blank + 2).split('\n')
  if (lines.pop() !== '' || lines.length === 0) throw invalid('it does not end in a signature line')
  if (lines.length > MAX_SIGNATURES) throw invalid('it has too many signatures')
  const note = { text: written.slice(0, blank + 1), signatures: lines.map(parseSignature) }
  if (serializeSignedNote(note) !== written) throw invalid('it is not in its one form')
  return note
}

function decodeText(input: Uint8Array): string {
  if (input.length > MAX_NOTE_BYTES) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `signed note of over ${MAX_NOTE_BYTES} bytes`)
  }
  if (!isUtf8(input)) throw invalid('not valid UTF-8')
  if (input.some((byte) => byte < 0x20 && byte !== NEWLINE)) {
    throw invalid('it holds a control character')
  }
  return Buffer.from(input).toString()
}

function parseSignature(line: string): NoteSignature {
  const [, name = '', base64 = ''] = /^— (\S+) (\S+)$/u.exec(line) ?? []
  const bytes = decodeBase64(base64)
  if (!isNoteKeyName(name) || bytes === undefined || bytes.length <= ID_BYTES) {
    throw invalid('a signature line is malformed')
  }
  return { name, id: bytes.subarray(0, ID_BYTES), signature: bytes.subarray(ID_BYTES) }
}

/** Writes a note. */
export function serializeSignedNote({ text, signatures }: SignedNote): string {
  const lines = signatures.map(
    ({ name, id, signature }) => `— ${name} ${encodeBase64(Buffer.concat([id, signature]))}\n`,
  )
  return `${text}\n${lines.join('')}`
}

/**
 * Verifies a note: at least one of the keys signed it, and no signature that names one of them fails.
 * Signatures of other keys count for nothing.
 *
 * @throws {@link CountersignError} ERR_NOTE_INVALID — none of the keys signed it, or a signature of one fails
 */
export function verifySignedNote(note: SignedNote, keys: readonly NoteKey[]): VerifiedNote {
  const text = Buffer.from(note.text)
  const signed = new Set<NoteKey>()
  for (const { name, id, signature } of note.signatures) {
    const named = keys.filter((key) => key.name === name && Buffer.from(key.id).equals(id))
    const signer = named.find((key) => key.verify(text, signature))
    if (signer !== undefined) signed.add(signer)
    else if (named.length > 0) throw failed(name)
  }
  const [first, ...others] = keys.filter((key) => signed.has(key))
  if (first === undefined) throw unsigned(note, keys)
  return { text: note.text, signers: [first, ...others] }
}

function failed(name: string): CountersignError {
  const message = `the signature of "${name.slice(0, 200)}" does not fit the note`
  return new CountersignError('ERR_NOTE_INVALID', message, {
    hint: 'the note was modified, or signed without the key; do not use it',
  })
}

function unsigned(note: SignedNote, keys: readonly NoteKey[]): CountersignError {
  const names = note.signatures.map(({ name }) => name).join(', ')
  const expected = keys.map(({ vkey }) => vkey).join(', ')
  const message = `no trusted key signed the note; its signatures name ${names.slice(0, 200)}`
  return new CountersignError('ERR_NOTE_INVALID', message, {
    hint: 'check the verifier key: ask the operator of the log for it again',
    details: { expected: expected.slice(0, 500) },
  })
}
