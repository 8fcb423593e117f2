/** Brings the keys of a configuration into the store, and waits until each can sign. */
import { setTimeout } from 'node:timers/promises'
import { CountersignError } from '../errors.ts'
import type { Key } from '../keys/key.ts'
import { activeVersion, isUnused } from '../keys/lifecycle.ts'
import { changePolicy, isSamePolicy } from '../keys/policy.ts'
import { appendEntries } from '../log/append.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { RotationContext } from './context.ts'
import { isSameRules, isStricter, rulesSha256 } from './key-rules.ts'
import type { Scheduler } from './scheduler.ts'

/** How to wait for first versions. */
export interface EnsureKeysOptions {
  readonly scheduler: Pick<Scheduler, 'runOnce'>
  /** Ends the waiting. */
  readonly signal: AbortSignal
  /** Why other rules than those of the store are to count from now on; left out: stricter ones alone. */
  readonly acceptRules?: string | undefined
  /** Waits between two looks; default: a timer. */
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

const LOOK_EVERY_MS = 250

/**
 * Records keys, updates rules and provider of those that are known (what was cached or issued under the
 * old policy keeps its waits, see {@link changePolicy}), and settles once each has an active version, by
 * whichever replica's work; the scheduler runs only where one has none. A key whose signing was
 * stopped is not waited for. Where replicas share the store, a key whose rules are neither stricter nor
 * accepted stays as it is. Keys that are in the store and not in the list stay as they are.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a key is in the store with another use or algorithm;
 * ERR_KEY_NOT_USABLE — the signal was aborted first; names the keys that can't sign yet; ERR_CLOCK — rules
 * change, and the clock is wrong
 */
export async function ensureKeys(
  context: RotationContext,
  keys: readonly Key[],
  options: EnsureKeysOptions,
): Promise<void> {
  const { scheduler, signal, delay = pause } = options
  await context.store.transaction((records) => putKeys(records, keys, context, options))
  for (let looks = 1; ; looks += 1) {
    // First: other due work, on backends that may be unavailable, must not delay callers whose keys sign.
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

async function putKeys(
  records: StoreTransaction,
  keys: readonly Key[],
  context: RotationContext,
  options: RulesOptions,
): Promise<void> {
  // Two replicas that start at once would each note what only they replaced; by name, so that neither
  // waits for a lock of the other's.
  const names = keys.map(({ name }) => name)
  for (const name of names.toSorted()) await records.keys.lockKey(name)
  const known = await records.keys.keys()
  for (const key of keys) {
    const before = known.find(({ name }) => name === key.name)
    if (before === undefined) {
      await records.keys.putKey(key)
      continue
    }
    assertSameKey(before, key)
    if (isSameRules(before, key)) await records.keys.putKey({ ...before, provider: key.provider })
    else if (await mayChange(records, { before, key }, options)) {
      await changeRules(records, { before, key }, context, options)
    }
  }
  records.announce()
}

type RulesOptions = Pick<EnsureKeysOptions, 'acceptRules'>

interface Change {
  readonly before: Key
  readonly key: Key
}

/** The last replica to start must not loosen the rules of all; an SQLite store has but one. */
async function mayChange(
  records: StoreTransaction,
  { before, key }: Change,
  { acceptRules }: RulesOptions,
): Promise<boolean> {
  const isShared = (await records.clock()) !== undefined
  return acceptRules !== undefined || !isShared || isStricter(key, before)
}

/** Windows and waits that are published follow from the policy, so another one is a publication. */
async function changeRules(
  records: StoreTransaction,
  { before, key }: Change,
  { clock, now, randomMark }: RotationContext,
  { acceptRules: reason }: RulesOptions,
): Promise<void> {
  const { keys } = records
  await keys.putKey({ ...key, ...changePolicy(before, key.policy, now()) })
  if (!isSamePolicy(before.policy, key.policy)) await keys.nextSequence()
  const entry = {
    type: 'keyRules',
    time: await clock.check(records),
    requestId: `start-${randomMark()}`,
    caller: undefined,
    resource: key.name,
    rulesSha256: rulesSha256(key),
    maxTokenLifetimeSeconds: key.policy.maxTokenLifetimeSeconds,
    reason,
  } as const
  await appendEntries(records, [entry])
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
