import { verifyConsistency, verifyInclusion } from '../../../src/crypto/merkle.ts'
import { parseCheckpoint } from '../../../src/formats/checkpoint.ts'
import { parseNoteKey } from '../../../src/formats/note-key.ts'
import { parseSignedNote, verifySignedNote } from '../../../src/formats/signed-note.ts'
import { codeOf } from '../../support/errors.ts'
import { describeOwnVectors } from '../../support/own-vectors.ts'

interface Note {
  readonly data: string
  /** Verifier keys that are trusted. */
  readonly keys?: readonly string[]
}

const READERS: Readonly<Record<string, (note: Note) => unknown>> = {
  notes: ({ data, keys = [] }) =>
    verifySignedNote(parseSignedNote(Buffer.from(data, 'base64')), keys.map(parseNoteKey)),
  'verifier keys': ({ data }) => parseNoteKey(data),
  checkpoints: ({ data }) => parseCheckpoint(data),
}

describeOwnVectors<Note>('signed-notes', (note, { group }) => {
  const code = codeOf(() => READERS[group]?.(note))
  if (!['accepted', 'ERR_NOTE_INVALID'].includes(code)) throw new Error(`refused with ${code}`)
  return code === 'accepted'
})

interface Proof {
  readonly index: number
  readonly size: number
  readonly leaf: string
  readonly root: string
  readonly from: number
  readonly to: number
  readonly fromRoot: string
  readonly toRoot: string
  /** Hashes, joined by blanks. */
  readonly proof: string
}

const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')

function verifyProof(
  { from, fromRoot, index, leaf, root, size, to, toRoot, ...given }: Proof,
  kind: string,
): void {
  const proof = given.proof.split(' ').filter(Boolean).map(bytes)
  if (kind === 'inclusion') {
    verifyInclusion({ index, size, leaf: bytes(leaf), root: bytes(root), proof })
    return
  }
  const [earlier, later] = [
    { size: from, root: bytes(fromRoot) },
    { size: to, root: bytes(toRoot) },
  ]
  verifyConsistency({ from: earlier, to: later, proof })
}

describeOwnVectors<Proof>('merkle-proofs', (given, { group }) => {
  const code = codeOf(() => {
    verifyProof(given, group)
  })
  if (!['accepted', 'ERR_LOG_PROOF_INVALID'].includes(code)) throw new Error(`refused with ${code}`)
  return code === 'accepted'
})
