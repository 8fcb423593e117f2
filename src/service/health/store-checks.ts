/** What `/readyz` asks of the store: that it answers, takes writes, agrees with the log and has the right time. */
import type { Checkpointer } from '../../log/checkpointer.ts'
import type { CheckedClock, MachineClock } from '../../rotation/checked-clock.ts'
import type { StoreAnchor } from '../../rotation/store-anchor.ts'
import type { StoreKeyring } from '../../rotation/store-keyring.ts'
import type { Store } from '../../store/store.ts'
import type { ReadinessCheck } from '../context.ts'

/** What the checks stand on. */
export interface StoreCheckOptions {
  readonly store: Store
  readonly clock: CheckedClock
  readonly machine: Pick<MachineClock, 'monotonicMs'>
  /** Whether what the service can do its work without makes it unready too. */
  readonly isStrict: boolean
}

/** What knows more of the store than the store itself. */
export interface StoreWatchers {
  readonly anchor: StoreAnchor
  /** Of both logs. */
  readonly checkpointers: readonly Pick<Checkpointer, 'failure'>[]
  readonly keyring: StoreKeyring
}

/** Makes the checks. */
export function storeChecks(
  { clock, isStrict, machine: { monotonicMs }, store }: StoreCheckOptions,
  { anchor, checkpointers, keyring }: StoreWatchers,
): () => readonly ReadinessCheck[] {
  const assertWritable = writeProbe(store, monotonicMs)
  return () => [
    { name: 'store', check: () => store.ping() },
    {
      name: 'log',
      check: async () => {
        await assertWritable()
        const failures = checkpointers.map((checkpointer) => checkpointer.failure())
        // What passes by itself is of the store or the key, which have checks of their own.
        const failure = failures.find((each) => each?.retryable === false)
        if (failure !== undefined) throw failure
      },
    },
    { name: 'key states', check: () => assertAllLogged(keyring) },
    {
      name: 'clock',
      check: async () => {
        await clock.check(store)
      },
    },
    anchorCheck(anchor, isStrict),
  ]
}

/** A store that is behind signs nothing; an anchor that cannot be written stops no signature. */
function anchorCheck(anchor: StoreAnchor, isStrict: boolean): ReadinessCheck {
  return {
    name: 'anchor',
    isAdvisory: !isStrict && anchor.isCurrent,
    check: () => assertWith(anchor.assertKept),
  }
}

/** Readiness is public and unlimited, and each check may write to the disk: at most one write in this time. */
const PROBE_MS = 1000

/** Writes, at most once a second: a store that answers and takes no writes (a full disk) is not ready. */
function writeProbe(store: Store, monotonicMs: () => number): () => Promise<void> {
  let writtenAt = Number.NEGATIVE_INFINITY
  return async () => {
    if (monotonicMs() - writtenAt < PROBE_MS) return assertLockable(store)
    await store.assertWritable()
    writtenAt = monotonicMs()
  }
}

/** Takes the lock that every entry is written under, and writes nothing. */
async function assertLockable(store: Store): Promise<void> {
  await store.transaction(async ({ log }) => {
    await log.lockHead()
  })
}

/** Rows inserted by an attacker are not published; this check reports them to the operator. */
function assertAllLogged({ unlogged }: Pick<StoreKeyring, 'unlogged'>): Promise<void> {
  const [first] = unlogged
  return first === undefined ? Promise.resolve() : Promise.reject(first)
}

/** As a check: what is thrown is a rejection. */
export async function assertWith(throwing: () => void): Promise<void> {
  throwing()
  return Promise.resolve()
}
