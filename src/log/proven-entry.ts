/** Reading single entries of a stored log, each with the proof that it is in the tree. */
import { CountersignError } from '../errors.ts'
import type { LogEntry } from './entry.ts'
import { parseEntry } from './entry-format.ts'
import type { LogReader } from './log-records.ts'
import { leafHash, verifyInclusion } from '../crypto/merkle.ts'
import { proveInclusion } from './proofs.ts'
import { nodesOfTiles } from './tiles.ts'

/** What is read of a stored log to find an entry and prove it. */
export type LogTree = Pick<LogReader, 'find' | 'entries' | 'tile' | 'head'>

/**
 * Reads entries as of this moment. Their rows alone prove nothing: an attacker with write access to the
 * database can change them, but not the tree above them unnoticed by readers of the log.
 *
 * @throws {@link CountersignError} from the reading: ERR_LOG_PROOF_INVALID — no such entry, or it is not what
 * the tree has there
 */
export async function openProvenLog(log: LogTree): Promise<(index: number) => Promise<LogEntry>> {
  const { root, size } = await log.head()
  const node = nodesOfTiles((level, tile) => log.tile(level, tile))
  return async (index) => {
    const [data] = await log.entries(index, index + 1)
    if (data === undefined || index >= size) throw notInTree(index)
    const proof = await proveInclusion(index, size, node)
    verifyInclusion({ index, size, leaf: leafHash(data), root, proof })
    return parseEntry(data)
  }
}

/**
 * Reads one entry.
 *
 * @throws {@link CountersignError} as {@link openProvenLog}
 */
export async function readProvenEntry(log: LogTree, index: number): Promise<LogEntry> {
  const read = await openProvenLog(log)
  return read(index)
}

function notInTree(index: number): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `the log has no entry ${index}`, {
    hint: 'the database was changed by hand: verify the log, and restore the database from a backup',
    reason: 'log-damaged',
    details: { entry: index },
  })
}
