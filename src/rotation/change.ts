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
import type { VersionStep } from '../keys/protected-actions.ts'
import { stepOf, type VersionChange, versionsOf } from '../keys/version-change.ts'
import type { LogEntry, StateEntry } from '../log/entry.ts'
import type { StoreTransaction } from '../store/store.ts'
import type { Operator, RotationContext } from './context.ts'
import { assertVersionsLogged, certificatesSha256 } from './logged-versions.ts'

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

/** Decides on a change: answers its steps, in the order they are written. */
export type Decide = (
  moment: KeyMoment,
  records: StoreTransaction,
) => readonly VersionChange[] | Promise<readonly VersionChange[]>

/** What to write into the log beside the states. */
export interface Done {
  readonly by: Operator
  /** Whether it stops signing, and so is made whatever the clock shows. */
  readonly isRevocation?: boolean
}

/**
 * Changes the versions of one key. The change is decided under the lock, again whenever the transaction
 * is retried.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND — no such key; ERR_STATE_CONFLICT — a version was
 * changed concurrently; ERR_KEY_EXISTS — a kid is taken; ERR_LOG_PROOF_INVALID — the log does not record what
 * the store says of a version; ERR_CLOCK — the clock is wrong, and it is not a revocation; what `decide` throws, and the store
 */
export function changeKey(
  context: RotationContext,
  name: string,
  done: Done,
  decide: Decide,
): Promise<Change> {
  return withRetries(done.isRevocation === true ? REVOCATION_ATTEMPTS : 1, () =>
    changeOnce(context, name, done, decide),
  )
}

/** A revocation waits for no lock of the key, so what others change meanwhile makes it try again. */
const REVOCATION_ATTEMPTS = 5

async function withRetries<T>(attempts: number, work: () => Promise<T>): Promise<T> {
  for (let left = attempts - 1; ; left -= 1) {
    try {
      return await work()
    } catch (error) {
      if (left === 0 || !CountersignError.is(error, 'ERR_STATE_CONFLICT')) throw error
    }
  }
}

function changeOnce(
  context: RotationContext,
  name: string,
  done: Done,
  decide: Decide,
): Promise<Change> {
  return context.store.transaction(async (records) => {
    if (done.isRevocation !== true) await records.keys.lockKey(name)
    const { clock } = context
    const now = await (done.isRevocation === true
      ? clock.checkOrEstimate(records)
      : clock.check(records))
    const moment = await readMoment(records, name, now)
    const changes = await decide(moment, records)
    const changed = versionsOf(changes)
    await assertAllLogged(records, moment, changed)
    for (const change of changes) assertNeverRevoked(context, change)
    const consent = await askConsent(changes, done, records)
    for (const { before, after } of changes) {
      await (before === undefined
        ? records.keys.insertVersion(after)
        : records.keys.replaceVersion(after))
    }
    const sequence = await records.keys.nextSequence()
    const entries = changes.map((change) =>
      toEntry(change, { ...done, key: moment.key, time: moment.now, sequence }),
    )
    // Last: it locks the log for every replica.
    await appendEntries(records, [...consent, ...entries])
    records.announce()
    const states = new Map([...moment.versions, ...changed].map((one) => [one.version, one]))
    const versions = [...states.values()].toSorted((a, b) => a.version - b.version)
    return { key: moment.key, versions, changed, sequence }
  })
}

/** A store that was restored may have forgotten a version that was revoked, and so take its key pair as new. */
function assertNeverRevoked({ anchor }: RotationContext, { before, after }: VersionChange): void {
  const { key, publicKey, version } = after
  const since = before === undefined ? anchor?.revokedSince(publicKey.kid) : undefined
  if (since === undefined) return
  const message = `the key pair of ${key}@${version} was revoked before, since ${since.toISOString()}`
  throw new CountersignError('ERR_KEY_REVOKED', message, {
    hint: 'use another key pair: one that was revoked never signs again',
    details: { key, version, kid: publicKey.kid },
  })
}

function askConsent(
  changes: readonly VersionChange[],
  { by }: Done,
  records: StoreTransaction,
): Promise<readonly LogEntry[]> {
  const steps = changes.map(stepOf)
  return by.consent?.(steps, records) ?? Promise.resolve([])
}

/**
 * Asks for consent to what changes no version, and logs it.
 *
 * @throws {@link CountersignError} what the consent throws, and the store
 */
export function consentTo(
  { store }: Pick<RotationContext, 'store'>,
  name: string,
  step: VersionStep,
  { consent }: Pick<Operator, 'consent'>,
): Promise<void> {
  if (consent === undefined) return Promise.resolve()
  return store.transaction(async (records) => {
    await records.keys.lockKey(name)
    await appendEntries(records, await consent([step], records))
  })
}

/** A transition starts from what the log states: an entry over a row that an attacker inserted would vouch for it. */
async function assertAllLogged(
  { log }: StoreTransaction,
  { key, versions }: KeyMoment,
  changed: readonly KeyVersion[],
): Promise<void> {
  const numbers = new Set(changed.map(({ version }) => version))
  for (const before of versions) {
    if (numbers.has(before.version)) await assertVersionsLogged(log, before, key.use)
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
    hint: 'list the keys to see which there are',
    reason: 'no-such-key',
    details: { key: name },
  })
}

function toEntry(
  change: VersionChange,
  done: Done & { readonly key: Key; readonly time: Date; readonly sequence: number },
): StateEntry {
  const { by, key, time, sequence } = done
  const { action, before, after } = change
  return {
    type: 'state',
    time,
    requestId: by.requestId,
    caller: by.caller,
    key: { name: after.key, version: after.version, kid: after.publicKey.kid },
    use: key.use,
    from: before?.state,
    to: after.state,
    action,
    reason: by.reason,
    compromisedSince: after.compromisedSince,
    certificatesSha256: certificatesSha256(after),
    uri: action === 'relocate' ? after.uri : undefined,
    isForced: after.isForced,
    sequence,
  }
}
