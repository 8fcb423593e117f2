/** Waiting, within a bound, until enough witnesses cosigned a checkpoint that covers what is about to be released. */
import { setTimeout as delay } from 'node:timers/promises'
import { CountersignError } from '../errors.ts'
import { parseSignedNote } from '../formats/signed-note.ts'
import type { LogReader, StoredCheckpoint } from './log-records.ts'
import type { SignedCheckpoint, TreeHead, TreeSigner } from './tree-signer.ts'
import { treeOf, type WitnessFeed } from './witness-feed.ts'

/** A signed checkpoint with the tree that it is of. */
export type SignedTreeHead = SignedCheckpoint & TreeHead

/** What the waiting stands on. */
export interface QuorumWaitOptions {
  readonly feed: WitnessFeed
  readonly log: LogReader
  readonly signer: TreeSigner
  /** Longest wait for the witnesses. */
  readonly maxWaitMs: number
}

/** Waits for the witnesses of a log. */
export interface QuorumWait {
  readonly log: LogReader
  /**
   * Answers a checkpoint of that tree, or of a later one, which the quorum cosigned.
   *
   * @throws {@link CountersignError} ERR_LOG_UNAVAILABLE — it did not in time, so nothing is released
   */
  readonly forQuorum: (signed: SignedTreeHead) => Promise<SignedTreeHead>
}

const PAUSE_MS = 100

/** Creates the wait. */
export function createQuorumWait(options: QuorumWaitOptions): QuorumWait {
  return { log: options.log, forQuorum: (signed) => forQuorum(signed, options) }
}

async function forQuorum(
  signed: SignedTreeHead,
  { feed, log, maxWaitMs, signer }: QuorumWaitOptions,
): Promise<SignedTreeHead> {
  const signal = AbortSignal.timeout(maxWaitMs)
  let offered = signed
  while (!signal.aborted) {
    const cosigned = await feed.witness(offered, signal)
    if (cosigned !== undefined) return { ...offered, note: cosigned.note }
    // Witnesses that saw a later tree, of another replica, cosign that one alone.
    const kept = coveringOf(signed, await log.witnessed())
    if (kept !== undefined && feed.isWitnessed(kept)) return kept
    await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined)
    const head = await signer.readHead(log)
    offered = { ...head, ...(await signer.sign(head)) }
  }
  throw new CountersignError(
    'ERR_LOG_UNAVAILABLE',
    `the witnesses did not cosign a checkpoint within ${maxWaitMs} ms`,
    {
      hint: 'nothing was released; try again, and see which witness does not answer: /readyz, and the log of the service',
      details: { maxWaitMs },
      cause: feed.failure(),
    },
  )
}

/** One of the same key: bundles name the key that signed. */
function coveringOf(
  signed: SignedTreeHead,
  kept: StoredCheckpoint | undefined,
): SignedTreeHead | undefined {
  if (kept === undefined || kept.size < signed.size) return undefined
  const { signatures } = parseSignedNote(Buffer.from(kept.note))
  const id = Buffer.from(signed.keyId).subarray(0, 4)
  if (!signatures.some((line) => id.equals(line.id))) return undefined
  return { ...treeOf(kept), note: kept.note, keyId: signed.keyId }
}
