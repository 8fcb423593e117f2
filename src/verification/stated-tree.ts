/**
 * What the proof of a log entry states of its tree. Verifiers take root and size from the signed checkpoint; a
 * proof that states others contradicts itself, and is refused.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { parseCheckpoint } from '../formats/checkpoint.ts'
import { parseSignedNote } from '../formats/signed-note.ts'

/** A log entry, as a bundle has it. */
export interface StatedEntry {
  readonly inclusionProof?: StatedProof | undefined
}

/** An inclusion proof, as far as it states a tree. */
export interface StatedProof {
  readonly rootHash: Uint8Array
  /** Decimal. */
  readonly treeSize: string
  readonly checkpoint?: { readonly envelope: string } | undefined
}

/**
 * Makes sure that the root and the size of a proof, where it states them, are those of its checkpoint.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID
 */
export function assertStatedTree({ inclusionProof }: StatedEntry): void {
  if (inclusionProof?.checkpoint === undefined) return
  const { rootHash, treeSize, checkpoint } = inclusionProof
  const { root, size } = readCheckpoint(checkpoint.envelope)
  const isSameRoot = rootHash.length === 0 || Buffer.from(rootHash).equals(root)
  if (isSameRoot && ['0', String(size)].includes(treeSize)) return
  const message = 'the proof of a log entry states another tree than its checkpoint'
  throw new CountersignError('ERR_LOG_PROOF_INVALID', message)
}

function readCheckpoint(envelope: string): ReturnType<typeof parseCheckpoint> {
  try {
    return parseCheckpoint(parseSignedNote(Buffer.from(envelope)).text)
  } catch (cause) {
    const message = 'the proof of a log entry has a malformed checkpoint'
    throw new CountersignError('ERR_LOG_PROOF_INVALID', message, { cause })
  }
}
