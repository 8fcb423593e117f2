/** Brings the keys of a configuration into the store, and waits until each can sign. */
import { setTimeout } from 'node:timers/promises'
import { CountersignError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import { activeVersion, isUnused } from '../keys/lifecycle.ts'
import { changePolicy, isSamePolicy } from '../keys/policy.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { RotationContext } from './context.ts'
import type { Scheduler } from './scheduler.ts'

/** How to wait for first versions. */
export interface EnsureKeysOptions {
  readonly scheduler: Pick<Scheduler, 'runOnce'>
  /** Ends the waiting. */
  readonly signal: AbortSignal
  /** Waits between two looks; default: a timer. */
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

const LOOK_EVERY_MS = 250

/**
 * Records keys, updates policy and provider of those that are known (what was cached or issued under the
 * old policy keeps its waits, see {@link changePolicy}), and settles once each has an active version, by
 * whichever replica's work; the scheduler runs only where one has none. A key whose signing somebody
 * stopped is not waited for. Keys that are in the store and not in the list stay as they are.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a key is in the store with another use or algorithm;
 * ERR_KEY_NOT_USABLE — the signal was aborted first; names the keys that can't sign yet
 */
export async function ensureKeys(
  context: RotationContext,
  keys: readonly Key[],
  options: EnsureKeysOptions,
): Promise<void> {
  const { scheduler, signal, delay = pause } = options
  await context.store.transaction((records) => putKeys(records, keys, context.now()))
  for (let looks = 1; ; looks += 1) {
    // First: what else is due, on backends that may be away, keeps nobody waiting whose keys sign.
    const waiting = await context.store.transaction((records) => findWaiting(records, keys))
    if (waiting.length === 0) return
    if (signal.aborted) throw notReady(waiting)
    if (looks > 1) await delay(LOOK_EVERY_MS, signal).catch(() => undefined)
    await scheduler.runOnce()
  }
}

function pause(ms: number, signal: AbortSignal): Promise<unknown> {
  return setTimeout(ms, undefined, { signal })
}

async function putKeys(records: StoreTransaction, keys: readonly Key[], now: Date): Promise<void> {
  // Two replicas that start at once would each note what only they replaced; by name, so that neither
  // waits for a lock of the other's.
  const names = keys.map(({ name }) => name)
  for (const name of names.toSorted()) await records.keys.lockKey(name)
  const known = await records.keys.keys()
  for (const key of keys) {
    const before = known.find(({ name }) => name === key.name)
    if (before !== undefined) assertSameKey(before, key)
    await putKey(records, before, key, now)
  }
  records.announce()
}

/** Windows and waits that are published follow from the policy, so another one is a publication. */
async function putKey(
  { keys }: StoreTransaction,
  before: Key | undefined,
  key: Key,
  now: Date,
): Promise<void> {
  if (before === undefined) {
    await keys.putKey(key)
    return
  }
  await keys.putKey({ ...key, ...changePolicy(before, key.policy, now) })
  if (!isSamePolicy(before.policy, key.policy)) await keys.nextSequence()
}

function assertSameKey(before: Key, after: Key): void {
  for (const member of ['use', 'algorithm'] as const) {
    if (before[member] === after[member]) continue
    throw new CountersignError(
      'ERR_CONFIG_INVALID',
      `keys.${after.name}.${member} is ${after[member]}, and the key is ${before[member]} in the store`,
      { hint: 'use and algorithm of a key never change: give the new one a name of its own' },
    )
  }
}

async function findWaiting(
  records: StoreTransaction,
  keys: readonly Key[],
): Promise<readonly string[]> {
  const versions = await records.keys.versions()
  return keys
    .map(({ name }) => name)
    .filter((name) => {
      const own = versions.filter(({ key }) => key === name)
      return isUnused(own) && activeVersion(own) === undefined
    })
}

function notReady(names: readonly string[]): CountersignError {
  return new CountersignError(
    'ERR_KEY_NOT_USABLE',
    `no version of ${names.map((name) => `"${name}"`).join(', ')} could be made yet`,
    { hint: 'see the alerts above for why; the service tries again when it is started' },
  )
}
