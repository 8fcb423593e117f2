/**
 * The one way a key's versions change: under the lock of the key, by compare-and-swap, together with the
 * log entries that say so and the number of the publication that shows it. All of it or nothing.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { Key, KeyVersion } from '../keys/key.ts'
import type { KeyMoment } from '../keys/lifecycle.ts'
import { appendEntries } from '../log/append.ts'
import type { StateEntry } from '../log/entry.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Operator, RotationContext } from './context.ts'
import { assertTold, certificatesSha256 } from './told-versions.ts'

/** What was changed. */
export interface Change {
  readonly key: Key
  /** All versions of the key afterwards. */
  readonly versions: readonly KeyVersion[]
  /** Those that changed, in order; one may be there twice. */
  readonly changed: readonly KeyVersion[]
  /** Of the publication that shows it. */
  readonly sequence: number
}

/** Decides on a change: answers the versions that are new or different, in the order they are written. */
export type Decide = (
  moment: KeyMoment,
  records: StoreTransaction,
) => readonly KeyVersion[] | Promise<readonly KeyVersion[]>

/** What to write into the log beside the states. */
export interface Done {
  readonly by: Operator
}

/**
 * Changes the versions of one key. It is decided anew, under the lock, whenever the transaction has to
 * run again.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such key; ERR_STATE_CONFLICT — somebody changed
 * a version meanwhile; ERR_KEY_EXISTS — a kid is taken; ERR_LOG_PROOF_INVALID — the log does not tell what
 * the store says of a version; what `decide` throws, and the store
 */
export function changeKey(
  context: RotationContext,
  name: string,
  done: Done,
  decide: Decide,
): Promise<Change> {
  return context.store.transaction(async (records) => {
    await records.keys.lockKey(name)
    const moment = await readMoment(records, name, context.now())
    const changed = await decide(moment, records)
    await assertAllTold(records, moment, changed)
    const states = new Map(moment.versions.map((version) => [version.version, version]))
    const steps: (readonly [KeyVersion | undefined, KeyVersion])[] = []
    for (const version of changed) {
      const before = states.get(version.version)
      await (before === undefined
        ? records.keys.insertVersion(version)
        : records.keys.replaceVersion(version))
      steps.push([before, version])
      states.set(version.version, version)
    }
    const sequence = await records.keys.nextSequence()
    const entries = steps.map(([before, after]) =>
      toEntry(before, after, { ...done, key: moment.key, time: moment.now, sequence }),
    )
    // Last: it locks the log for every replica.
    await appendEntries(records.log, entries)
    records.announce()
    const versions = [...states.values()].toSorted((a, b) => a.version - b.version)
    return { key: moment.key, versions, changed, sequence }
  })
}

/** A transition starts from what the log tells: an entry over a row that somebody slipped in would vouch for it. */
async function assertAllTold(
  { log }: StoreTransaction,
  { key, versions }: KeyMoment,
  changed: readonly KeyVersion[],
): Promise<void> {
  const numbers = new Set(changed.map(({ version }) => version))
  for (const before of versions) {
    if (numbers.has(before.version)) await assertTold(log, before, key.use)
  }
}

/**
 * Reads a key with its versions; changes nothing.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND
 */
export async function readMoment(
  records: StoreTransaction,
  name: string,
  now: Date,
): Promise<KeyMoment> {
  const keys = await records.keys.keys()
  const key = keys.find((candidate) => candidate.name === name)
  if (key !== undefined) return { key, versions: await records.keys.versions(name), now }
  throw new CountersignError('ERR_KEY_NOT_FOUND', `there is no key "${name}"`, {
    hint: 'see which there are: countersign key list',
    details: { key: name },
  })
}

function toEntry(
  before: KeyVersion | undefined,
  after: KeyVersion,
  done: Done & { readonly key: Key; readonly time: Date; readonly sequence: number },
): StateEntry {
  const { by, key, time, sequence } = done
  return {
    type: 'state',
    time,
    requestId: by.requestId,
    caller: by.caller,
    key: { name: after.key, version: after.version, kid: after.publicKey.kid },
    use: key.use,
    from: before?.state,
    to: after.state,
    action: before === undefined ? originOf(after) : actionBetween(before, after),
    reason: by.reason,
    compromisedSince: after.compromisedSince,
    certificatesSha256: certificatesSha256(after),
    isForced: after.isForced,
    sequence,
  }
}

function originOf({ origin }: KeyVersion): string {
  return origin === 'external' ? 'import' : 'create'
}

/** Each state is entered by one action; only the two that stay in a state tell more. */
function actionBetween(before: KeyVersion, after: KeyVersion): string {
  if (before.compromisedSince?.getTime() !== after.compromisedSince?.getTime()) return 'revoke'
  switch (after.state) {
    case 'pending':
      return 'publish'
    case 'active':
      return 'activate'
    case 'retired':
      return 'retire'
    case 'revoked':
      return 'revoke'
    case 'destroyed':
      return 'destroy'
  }
}
