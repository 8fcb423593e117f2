/**
 * The appender: entries of requests at the same time share one commit. A group starts as soon as no
 * other is being written; while one is, the next one collects.
 *
 * @packageDocumentation
 */
import { setImmediate } from 'node:timers/promises'
import { assertNotCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import { appendEncoded, type EdgeMemories, encodeEntry, type TwoLogs } from './append.ts'
import type { Admit, Appender, AppendOptions, KeepAnswers, ProvenPlace } from './appender.ts'
import type { DenialEntry, LogEntry } from './entry.ts'
import { proveAtEdge, proveUnder } from './leaf-proof.ts'
import type { LogHead } from './log-records.ts'
import { PendingEntry } from './pending-entry.ts'
import { type StartTimer, startTimer as startNodeTimer } from '../basics/timer.ts'
import type { QuorumWait } from './quorum-wait.ts'
import type { SignedCheckpoint, TreeSigner } from './tree-signer.ts'

/** Opens transactions on the store of both logs. */
export interface LogTransactions<Records extends TwoLogs> {
  transaction<T>(work: (records: Records) => Promise<T>): Promise<T>
}

/** Longest that a caller waits for the logs to be written. */
export const DEFAULT_WAIT_MS = 5000

/** How an appender works. */
export interface AppenderOptions<Records extends TwoLogs> {
  readonly store: LogTransactions<Records>
  /** Signs the transparency log, once for each group that it says something of. */
  readonly signer: TreeSigner
  /** Waits for the witnesses of the transparency log before a group is released; the callers' wait has to allow for it. */
  readonly witness?: QuorumWait | undefined
  /** Runs under the lock of the log's head. */
  readonly admit: Admit<Records>
  /** Keeps the answers that go with entries; left out, none may go with one. */
  readonly keepAnswers?: KeepAnswers<Records>
  readonly now: () => Date
  /** Most entries of one commit; default 256. */
  readonly maxGroup?: number
  /** Longest that a caller waits; default 5 s. */
  readonly maxWaitMs?: number
  /** Entries that may wait for a commit; one more is refused at once; default 4096. */
  readonly maxQueue?: number
  readonly startTimer?: StartTimer
}

/**
 * Creates an appender. Disposing it lets what waits be written, as long as its callers wait for it.
 *
 * @throws {@link CountersignError} from append, beside what {@link Appender} says: ERR_OVERLOADED — too
 * many entries wait; ERR_INPUT_TOO_LARGE — it is longer than an entry may be; ERR_CANCELLED, ERR_TIMEOUT —
 * by the caller's signal
 */
export function createAppender<Records extends TwoLogs>(
  options: AppenderOptions<Records>,
): Appender {
  const { maxWaitMs = DEFAULT_WAIT_MS, maxQueue = 4096, startTimer = startNodeTimer } = options
  const queue: PendingEntry[] = []
  const waiting = new Set<Promise<unknown>>()
  const memories: EdgeMemories = { audit: {}, transparency: {} }
  let isWriting = false
  let isDisposed = false

  async function writeAll(): Promise<void> {
    isWriting = true
    let group: readonly PendingEntry[]
    do {
      // A whole turn of the event loop, so that entries of the same moment share a commit.
      await setImmediate()
      group = takeGroup(queue, options)
      if (group.length > 0) await writeGroup(group, { ...options, memories })
    } while (group.length > 0)
    isWriting = false
  }

  function enqueue(
    entry: LogEntry,
    { answer: kept, leaf, signal }: AppendOptions,
  ): Promise<ProvenPlace> {
    if (isDisposed) throw unavailable('the log is closed')
    assertNotCancelled(signal)
    dropSettled(queue, maxQueue)
    if (queue.length >= maxQueue) throw overloaded(queue.length)
    const pending = new PendingEntry(entry, {
      ...{ maxWaitMs, startTimer, signal, leaf, answer: kept },
    })
    queue.push(pending)
    const { answer } = pending
    waiting.add(answer)
    if (!isWriting) void writeAll()
    return answer.finally(() => waiting.delete(answer))
  }

  return {
    // async, so that a refusal is a rejection as everything else.
    append: async (entry, options = {}) => enqueue(entry, options),
    [Symbol.asyncDispose]: async () => {
      isDisposed = true
      await Promise.allSettled(waiting)
    },
  }
}

/** Takes the next entries that a caller still waits for. */
function takeGroup(
  queue: PendingEntry[],
  { maxGroup = 256 }: { readonly maxGroup?: number },
): readonly PendingEntry[] {
  const group: PendingEntry[] = []
  while (group.length < maxGroup) {
    const next = queue.shift()
    if (next === undefined) break
    if (!next.isSettled) group.push(next)
  }
  return group
}

/** Callers that left make room. */
function dropSettled(queue: PendingEntry[], maxQueue: number): void {
  if (queue.length < maxQueue) return
  const kept = queue.filter(({ isSettled }) => !isSettled)
  queue.splice(0, queue.length, ...kept)
}

type GroupOptions<Records extends TwoLogs> = AppenderOptions<Records> & {
  readonly memories: EdgeMemories
}

type AppendOutcome = ProvenPlace | CountersignError

/** Writes a group in one transaction and notifies each caller; never rejects. */
async function writeGroup<Records extends TwoLogs>(
  group: readonly PendingEntry[],
  options: GroupOptions<Records>,
): Promise<void> {
  let outcomes: readonly AppendOutcome[]
  try {
    const written = await options.store.transaction((records) =>
      writeRecords(records, group, options),
    )
    outcomes = await proveAll(written, group, options)
  } catch (cause) {
    const isNamed =
      CountersignError.is(cause, 'ERR_CLOCK') || CountersignError.is(cause, 'ERR_LOG_UNAVAILABLE')
    const error = isNamed ? cause : unavailable('the log could not be written', cause)
    for (const pending of group) pending.reject(error)
    return
  }
  for (const [place, pending] of group.entries()) {
    const outcome = outcomes[place]
    if (CountersignError.is(outcome)) pending.reject(outcome)
    else if (outcome !== undefined) pending.fulfil(outcome)
  }
}

async function writeRecords<Records extends TwoLogs>(
  records: Records,
  group: readonly PendingEntry[],
  { admit, keepAnswers, memories, now, signer }: GroupOptions<Records>,
): Promise<Written> {
  // Before admission: what is revoked after this comes behind these entries in the log.
  const head = await records.log.lockHead()
  const admitted = await admit(
    records,
    group.map(({ entry }) => entry),
  )
  if (admitted.length !== group.length) throw new TypeError('admission must answer for every entry')
  const refusals = await keepAll(
    records,
    { group, refusals: admitted, start: head.size },
    keepAnswers,
  )
  const { transparencyLog } = records
  if (group.some(({ encoded }) => encoded.leaf !== undefined)) {
    await signer.readHead(transparencyLog)
  }
  const encoded = group.map(({ entry, encoded }, place) => {
    const refusal = refusals[place]
    return refusal === undefined ? encoded : encodeEntry(toDenial(entry, refusal, now()))
  })
  const { places, head: published } = await appendEncoded(records, head, encoded, memories)
  return { outcomes: places.map((place, index) => refusals[index] ?? place), head: published }
}

/** A group under the lock of the head. */
interface AdmittedGroup {
  readonly group: readonly PendingEntry[]
  readonly refusals: readonly (CountersignError | undefined)[]
  /** Where its first entry will be. */
  readonly start: number
}

/** Keeps the answers of entries that may be appended; one that comes second is refused as well. */
async function keepAll<Records extends TwoLogs>(
  records: Records,
  { group, refusals, start }: AdmittedGroup,
  keepAnswers: KeepAnswers<Records> | undefined,
): Promise<readonly (CountersignError | undefined)[]> {
  const answers = group.flatMap(({ kept }, place) =>
    kept === undefined || refusals[place] !== undefined
      ? []
      : [{ place, answer: { ...kept, body: kept.body(start + place) } }],
  )
  if (answers.length === 0) return refusals
  if (keepAnswers === undefined) throw new TypeError('this appender keeps no answers')
  const areKept = await keepAnswers(
    records,
    answers.map(({ answer }) => answer),
  )
  const late = new Set(answers.flatMap(({ place }, n) => (areKept[n] === true ? [] : [place])))
  return refusals.map((refusal, place) => (late.has(place) ? answeredBefore() : refusal))
}

/** Makes the error of an answer that comes second. */
export function answeredBefore(): CountersignError {
  return new CountersignError('ERR_STATE_CONFLICT', 'another replica has answered this request', {
    hint: 'send it again with the same Idempotency-Key',
    retryAfterSeconds: 1,
  })
}

/** What a transaction came to. */
interface Written {
  readonly outcomes: readonly AppendOutcome[]
  /** Of the transparency log, where it grew. */
  readonly head: LogHead | undefined
}

/**
 * One checkpoint for all of a group: what it commits to is durable, and the next group waits for it, as long as
 * a caller would at most.
 */
async function proveAll<Records extends TwoLogs>(
  { outcomes, head }: Written,
  group: readonly PendingEntry[],
  options: GroupOptions<Records>,
): Promise<readonly AppendOutcome[]> {
  const { edge } = options.memories.transparency
  if (head === undefined || edge === undefined) return outcomes
  const { size, root } = head
  const { witness } = options
  const signed = { ...(await signInTime(head, options)), root }
  const covering = witness === undefined ? signed : await witness.forQuorum(signed)
  const { keyId, note: checkpoint } = covering
  return Promise.all(
    outcomes.map(async (outcome, place) => {
      const leaf = group[place]?.encoded.leaf?.data
      if (CountersignError.is(outcome)) return outcome
      const { publicIndex: index } = outcome
      if (index === undefined || leaf === undefined) return outcome
      if (witness !== undefined && covering.size !== size) {
        return { ...outcome, proof: await proveUnder(witness.log, covering, { leaf, index }) }
      }
      const hashes = await proveAtEdge(edge, index)
      return { ...outcome, proof: { leaf, index, size, root, hashes, checkpoint, keyId } }
    }),
  )
}

/** A backend that hangs may not hear that it is abandoned, and the next group must not wait for it. */
async function signInTime<Records extends TwoLogs>(
  head: LogHead,
  { maxWaitMs = DEFAULT_WAIT_MS, signer, startTimer = startNodeTimer }: AppenderOptions<Records>,
): Promise<SignedCheckpoint> {
  const limit = new AbortController()
  const late = Promise.withResolvers<never>()
  const stop = startTimer(() => {
    const error = unsigned(new Error(`it did not answer within ${maxWaitMs} ms`))
    late.reject(error)
    limit.abort(error)
  }, maxWaitMs)
  try {
    return await Promise.race([signer.sign(head, limit.signal), late.promise])
  } catch (cause) {
    throw unsigned(cause)
  } finally {
    stop()
  }
}

/** What was written stays: its leaves are proven with those of the next group. */
function unsigned(cause: unknown): CountersignError {
  if (CountersignError.is(cause, 'ERR_LOG_UNAVAILABLE')) return cause
  const message = 'the key of the transparency log did not sign a checkpoint'
  return new CountersignError('ERR_LOG_UNAVAILABLE', message, {
    hint: 'nothing was released; try again, and see whether the key whose use is log answers',
    cause,
  })
}

const ACTIONS: Readonly<Record<string, string>> = {
  signature: 'sign',
  attestation: 'attest',
  token: 'issueToken',
  timestamp: 'timestamp',
}

/** What the log says in place of an entry that may not be appended. */
function toDenial(entry: LogEntry, refusal: CountersignError, time: Date): DenialEntry {
  const { requestId, caller } = entry
  const action = ACTIONS[entry.type] ?? ('action' in entry ? entry.action : entry.type)
  const resource = resourceOf(entry)
  const { code, message: reason } = refusal
  return { type: 'denial', time, requestId, caller, action, resource, code, reason }
}

function resourceOf(entry: LogEntry): string {
  if ('key' in entry) return entry.key.name
  return 'resource' in entry ? entry.resource : entry.type
}

function overloaded(waiting: number): CountersignError {
  return new CountersignError('ERR_OVERLOADED', `${waiting} entries wait for the log already`, {
    hint: 'try again a little later',
    details: { waiting },
  })
}

function unavailable(message: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_LOG_UNAVAILABLE', message, {
    hint: 'nothing was released; try again, and see whether the database answers',
    cause,
  })
}
