/** Files with proofs of log entries: beside a bundle, or where the user says. */
import { hasErrno, readFileBounded } from '../files.ts'
import { MAX_TLOG_PROOF_BYTES, parseTlogProof, TLOG_PROOF_SUFFIX } from '../formats/tlog-proof.ts'
import type { FoundProof } from '../verification/log-proof.ts'

/** Where the proof of a bundle's log entry lies by itself. */
export function proofBeside(bundle: string): string {
  return `${bundle}${TLOG_PROOF_SUFFIX}`
}

/**
 * Reads a proof.
 *
 * @throws {@link CountersignError} ERR_FILE_READ; ERR_LOG_PROOF_INVALID, ERR_NOTE_INVALID, ERR_INPUT_TOO_LARGE — it
 * is not one
 */
export async function readLogProof(path: string): Promise<FoundProof> {
  return { source: path, proof: parseTlogProof(await readFileBounded(path, MAX_TLOG_PROOF_BYTES)) }
}

/** Reads proofs that are named; as {@link readLogProof}. */
export function readLogProofs(paths: readonly string[] = []): Promise<readonly FoundProof[]> {
  return Promise.all(paths.map(readLogProof))
}

/** Reads the proof that lies beside a bundle, if one is there; as {@link readLogProof}. */
export async function readProofBeside(bundle: string): Promise<readonly FoundProof[]> {
  try {
    return [await readLogProof(proofBeside(bundle))]
  } catch (error) {
    if (hasErrno(error, 'ENOENT') || hasErrno(error, 'ENOTDIR')) return []
    throw error
  }
}
