/**
 * The checkpointer: signs what the log has become. It signs nothing that does not continue what was
 * signed before, so a database changed behind the service's back gets no signature.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import { type Checkpoint, openCheckpoint, serializeCheckpoint } from '../formats/checkpoint.ts'
import { logVerifierKey } from '../formats/note-key.ts'
import { serializeSignedNote } from '../formats/signed-note.ts'
import type { Signer } from '../signing/signer.ts'
import type { LogTransactions } from './group-appender.ts'
import type { LogHead, LogReader, LogRecords, StoredCheckpoint } from './log-records.ts'
import { verifyConsistency } from './merkle.ts'
import { proveConsistency, treeRoot } from './proofs.ts'
import { nodesOfTiles } from './tiles.ts'
import { type StartTimer, startTimer as startNodeTimer } from './timer.ts'

/** The keys of a log. */
export interface LogKeys {
  /** Signs now; Ed25519. */
  readonly signer: Signer
  /** Those that signed before, as far as a checkpoint of theirs may be the newest. */
  readonly earlier?: readonly PublicKeyInfo[] | undefined
}

/** How a checkpointer works. */
export interface CheckpointerOptions<Records extends { readonly log: LogRecords }> {
  readonly store: LogTransactions<Records> & { readonly log: LogReader }
  /** Name of the log for ever: the service's address without its scheme. */
  readonly origin: string
  readonly openKeys: () => Promise<LogKeys>
  /** Least time between two checkpoints of this replica; default 1 s. */
  readonly intervalMs?: number
  readonly startTimer?: StartTimer
  /** Told of everything that keeps a checkpoint from being signed; it is tried again. */
  readonly onError: (error: CountersignError) => void
}

/** Signs checkpoints; disposing it signs the last one and stops. */
export interface Checkpointer extends AsyncDisposable {
  /** Signs now and then at every interval in which the log grew. Any replica may, and all may at once. */
  start(): void
  /**
   * Signs a checkpoint if the log grew since the last; answers that, or the last.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — the log does not continue what was signed
   * before; ERR_NOTE_INVALID — the stored checkpoint is not of this log; ERR_ALGORITHM_UNSUPPORTED — the
   * log's key is not of Ed25519; and those of store and signer
   */
  checkpoint(): Promise<StoredCheckpoint>
  /** What kept the last checkpoint from being signed; undefined once one is signed, or where nothing was due. */
  failure(): CountersignError | undefined
}

/** Creates a checkpointer; it rests until it is started or asked. */
export function createCheckpointer<Records extends { readonly log: LogRecords }>(
  options: CheckpointerOptions<Records>,
): Checkpointer {
  const { intervalMs = 1000, startTimer = startNodeTimer, onError } = options
  /** The largest this replica signed or saw; what the database says can't take it back. */
  let last: Checkpoint | undefined
  let stopTimer: (() => void) | undefined
  let running: Promise<void> = Promise.resolve()
  let failure: CountersignError | undefined

  async function checkpoint(): Promise<StoredCheckpoint> {
    const { log } = options.store
    // In this order: the head is never older than a checkpoint read before it.
    const stored = await log.checkpoint()
    const head = await log.head()
    if (stored?.size === head.size && last?.size === head.size) return stored
    const keys = await options.openKeys()
    const previous = largest(last, stored && openStored(stored, options.origin, keys))
    await assertContinues(previous, head, log)
    last = largest(last, { origin: options.origin, extensions: [], ...head })
    if (stored?.size === head.size) return stored
    const signed = await sign(head, options.origin, keys.signer)
    await options.store.transaction((records) => records.log.putCheckpoint(signed))
    return signed
  }

  async function tick(): Promise<void> {
    try {
      await checkpoint()
      failure = undefined
    } catch (error) {
      failure = toCountersignError(error)
      onError(failure)
    }
  }

  function run(): void {
    running = tick().then(() => {
      if (stopTimer !== undefined) stopTimer = startTimer(run, intervalMs)
    })
  }

  return {
    checkpoint,
    failure: () => failure,
    start: () => {
      if (stopTimer !== undefined) return
      stopTimer = () => undefined
      run()
    },
    [Symbol.asyncDispose]: async () => {
      stopTimer?.()
      stopTimer = undefined
      await running
      await tick()
    },
  }
}

function openStored({ note }: StoredCheckpoint, origin: string, keys: LogKeys): Checkpoint {
  const known = [keys.signer.key, ...(keys.earlier ?? [])]
  return openCheckpoint(Buffer.from(note), {
    keys: known.map((key) => logVerifierKey(origin, key)),
    origin,
  })
}

function largest(
  one: Checkpoint | undefined,
  another: Checkpoint | undefined,
): Checkpoint | undefined {
  if (one === undefined || another === undefined) return one ?? another
  return another.size > one.size ? another : one
}

/** The tiles lead to the head's root, and from what was signed before to it. */
async function assertContinues(
  from: Checkpoint | undefined,
  to: LogHead,
  log: LogReader,
): Promise<void> {
  if (from !== undefined && to.size < from.size) throw wentBack(from.size, to.size)
  const node = nodesOfTiles((level, index) => log.tile(level, index))
  const root = await treeRoot(to.size, node)
  verifyConsistency({ from: { size: to.size, root }, to, proof: [] })
  if (from === undefined) return
  verifyConsistency({ from, to, proof: await proveConsistency(from.size, to.size, node) })
}

function wentBack(before: number, now: number): CountersignError {
  const message = `a checkpoint was signed at ${before} entries, and the log has ${now}: it went back`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: 'was the database restored from a backup? entries are missing that others may have seen',
    details: { before, now },
  })
}

async function sign(head: LogHead, origin: string, signer: Signer): Promise<StoredCheckpoint> {
  const { name, id } = logVerifierKey(origin, signer.key)
  const text = serializeCheckpoint({ origin, extensions: [], ...head })
  const signature = await signer.sign(Buffer.from(text))
  const note = serializeSignedNote({ text, signatures: [{ name, id, signature }] })
  return { size: head.size, note }
}
