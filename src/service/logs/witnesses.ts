/** The witnesses of the service's logs: those that are configured, reached over HTTP, and what they are offered. */
import type { CountersignError } from '../../errors.ts'
import type { Store } from '../../store/store.ts'
import type { ReadinessCheck } from '../context.ts'
import type { Lifecycle } from '../composition/lifecycle.ts'
import { createWitnessClient } from '../../client/witness-client.ts'
import { parseNoteKey } from '../../formats/note-key.ts'
import { type AskedWitness, WitnessFeed } from '../../log/witness-feed.ts'

/** Which log is cosigned. */
export type WitnessedLog = 'transparency' | 'audit'

/** What the configuration says of witnesses. */
export interface WitnessSettings {
  readonly witnesses: readonly {
    /** Verifier key. */
    readonly key: string
    readonly url: string
    readonly logs: readonly WitnessedLog[]
  }[]
  readonly witnessQuorum: number | undefined
  readonly waitForWitnessesSeconds: number | undefined
}

/** Who cosigns the checkpoints of a log. */
export interface LogWitnesses {
  readonly of: Readonly<Record<WitnessedLog, readonly AskedWitness[]>>
  /** How many of them make a checkpoint a witnessed one; undefined: all. */
  readonly quorum: number | undefined
  /** Longest that a signature waits for them; undefined: it does not. */
  readonly maxWaitMs: number | undefined
}

/**
 * Reads whom the configuration names.
 *
 * @throws {@link CountersignError} ERR_USAGE — an address that is neither https nor this machine
 */
export function openWitnesses(
  { waitForWitnessesSeconds, witnesses, witnessQuorum: quorum }: WitnessSettings,
  fetch: typeof globalThis.fetch,
): LogWitnesses {
  const deadline = (milliseconds: number): AbortSignal => AbortSignal.timeout(milliseconds)
  const clients = witnesses.map(({ key, logs, url }) => ({
    logs,
    client: createWitnessClient({
      key: parseNoteKey(key),
      url: new URL(url),
      runtime: { fetch, deadline },
    }),
  }))
  const of = (log: WitnessedLog): readonly AskedWitness[] =>
    clients.filter(({ logs }) => logs.includes(log)).map(({ client }) => client)
  const maxWaitMs = waitForWitnessesSeconds && waitForWitnessesSeconds * 1000
  return { of: { transparency: of('transparency'), audit: of('audit') }, quorum, maxWaitMs }
}

/** What offering checkpoints stands on. */
export interface WitnessingOptions {
  readonly store: Store
  readonly witnesses: LogWitnesses
  /** Between two rounds. */
  readonly everyMs: number
  readonly onAlert: (error: CountersignError) => void
}

const LOGS = { transparency: 'transparencyLog', audit: 'log' } as const

/** Starts to offer the checkpoints of a log; undefined where it has no witnesses. */
export function startWitnessing(
  name: WitnessedLog,
  { everyMs, onAlert, store, witnesses: { of, quorum } }: WitnessingOptions,
  lifecycle: Lifecycle,
): WitnessFeed | undefined {
  const witnesses = of[name]
  if (witnesses.length === 0) return undefined
  const feed = new WitnessFeed({
    log: store[LOGS[name]],
    witnesses,
    quorum: quorum ?? witnesses.length,
    keep: (checkpoint, isWitnessed) =>
      store.transaction((records) => records[LOGS[name]].putCosigned(checkpoint, isWitnessed)),
    onError: onAlert,
  })
  lifecycle.every(everyMs, () => feed.round(), onAlert)
  return feed
}

/** What `/readyz` says of witnesses: of those that signatures wait for, it makes the service not ready. */
export function witnessCheck(
  feeds: readonly WitnessFeed[],
  { maxWaitMs }: LogWitnesses,
): readonly ReadinessCheck[] {
  if (feeds.length === 0) return []
  const isShort = feeds.some((feed) => feed.isShort())
  return [
    {
      name: 'witnesses',
      isAdvisory: maxWaitMs === undefined || !isShort,
      check: async () => {
        const failure = feeds.map((feed) => feed.failure()).find((found) => found !== undefined)
        if (failure !== undefined) throw failure
        return Promise.resolve()
      },
    },
  ]
}
