/**
 * Holds what a service publishes of its keys against its log: every version, its state and its window must
 * follow from state entries. Otherwise an attacker with write access to the service's database could add a key
 * whose creation was never logged.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeySet } from '../formats/jwks.ts'
import type { KeyHistory, PublishedVersion } from '../keys/key-history.ts'
import type { StateFacts } from './entry.ts'
import { followState, type LoggedVersion } from './logged-version.ts'

/** State entries of a log, in their order. */
export class LoggedStates {
  readonly #entries: { readonly index: number; readonly entry: StateFacts }[] = []

  /** Number of the newest publication that the entries record; 0 where there are none. */
  get sequence(): number {
    return this.#entries.at(-1)?.entry.sequence ?? 0
  }

  /** Takes the next entry. */
  add(index: number, entry: StateFacts): void {
    this.#entries.push({ index, entry })
  }

  /**
   * All versions, by kid, as they were at a publication; what was done later does not count.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — entries do not follow from each other
   */
  at(sequence: number): ReadonlyMap<string, LoggedVersion> {
    const logged = new Map<string, LoggedVersion>()
    for (const { index, entry } of this.#entries) {
      if (entry.sequence > sequence) break
      const { kid } = entry.key
      logged.set(kid, followState(logged.get(kid), index, entry))
    }
    return logged
  }
}

/**
 * Makes sure that a key history says what the log records, and leaves nothing out of the keys it has.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it does not; names the first kid
 */
export function assertLoggedHistory(states: LoggedStates, history: KeyHistory): void {
  const logged = states.at(history.sequence)
  for (const published of history.versions) {
    const { kid } = published.key
    const why = differenceOf(published, logged.get(kid))
    if (why !== undefined) throw unlogged('the key history', kid, why)
  }
  for (const { kid } of history.trustKeys ?? []) {
    const why = unservedBecause(logged.get(kid), ['pending', 'active'])
    if (why !== undefined) throw unlogged('the key history', kid, why)
  }
  for (const { kid } of history.auditLog?.keys ?? []) {
    const why = unservedBecause(logged.get(kid), ['pending', 'active', 'retired', 'destroyed'])
    if (why !== undefined) throw unlogged('the key history', kid, why)
  }
  assertComplete(logged, history)
}

/**
 * Makes sure that a key set has keys only that the log records, and none that it records as revoked.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it has; names the first kid
 */
export function assertLoggedKeySet(states: LoggedStates, { keys, sequence }: KeySet): void {
  const logged = states.at(sequence ?? Infinity)
  for (const { key } of keys) {
    const why = unservedBecause(logged.get(key.kid), ['pending', 'active', 'retired'])
    if (why !== undefined) throw unlogged('the key set', key.kid, why)
  }
}

/** A version that is left out would hide its revocation. */
function assertComplete(
  logged: ReadonlyMap<string, LoggedVersion>,
  { skipped = [], versions }: KeyHistory,
): void {
  const names = new Set(versions.map(({ name }) => name))
  const kids = new Set([...versions.map(({ key }) => key.kid), ...skipped.map(({ kid }) => kid)])
  for (const [kid, { key, publishedAt }] of logged) {
    if (publishedAt === undefined || kids.has(kid) || !names.has(key.name)) continue
    throw unlogged('the key history', kid, `it lacks ${key.name}@${key.version}`)
  }
}

function unservedBecause(
  logged: LoggedVersion | undefined,
  states: readonly LoggedVersion['state'][],
): string | undefined {
  if (logged === undefined) return 'the log has no such version'
  if (logged.publishedAt === undefined) return 'by the log it was never published'
  return states.includes(logged.state) ? undefined : `by the log it is ${logged.state}`
}

function differenceOf(
  published: PublishedVersion,
  logged: LoggedVersion | undefined,
): string | undefined {
  if (logged === undefined) return 'the log has no such version'
  const [actual, expected] = [publishedFacts(published), loggedFacts(logged)]
  const fact = Object.keys(expected).find((each) => expected[each] !== actual[each])
  if (fact !== undefined) {
    return `${fact} is ${actual[fact] ?? 'not set'}, and ${expected[fact] ?? 'not set'} by the log`
  }
  const { end } = published.validFor
  const isLong = logged.revokedAt !== undefined && end !== undefined && end > logged.revokedAt
  return isLong ? `its window ends at ${end.toISOString()}, after its revocation` : undefined
}

type Facts = Readonly<Record<string, string | undefined>>

function publishedFacts(published: PublishedVersion): Facts {
  const { name, version, use, origin, state, validFor, compromisedSince } = published
  return {
    version: `${name}@${version}`,
    use,
    origin,
    state,
    start: validFor.start?.toISOString(),
    compromisedSince: compromisedSince?.toISOString(),
    end: validFor.end && 'set',
  }
}

/** What an imported key pair signed before counts, so its window has no start. */
function startOf({ origin, activatedAt, revokedAt, retiredAt }: LoggedVersion): Date | undefined {
  return origin === 'external' ? undefined : (activatedAt ?? revokedAt ?? retiredAt)
}

/** When a window ends is a matter of the key's lag too, which the log does not record. */
function loggedFacts(logged: LoggedVersion): Facts {
  const { key, use, origin, state, compromisedSince, ...times } = logged
  return {
    version: `${key.name}@${key.version}`,
    use,
    origin,
    // Destroyed after it was compromised, it is published as compromised.
    state: compromisedSince === undefined ? state : 'revoked',
    start: startOf(logged)?.toISOString(),
    compromisedSince: compromisedSince?.toISOString(),
    end: (times.retiredAt ?? times.revokedAt) && 'set',
  }
}

function unlogged(what: string, kid: string, why: string): CountersignError {
  const message = `kid ${kid} in ${what} does not match the log: ${why}`
  return new CountersignError('ERR_LOG_PROOF_INVALID', message, {
    hint: "do not rely on these keys: they may have been inserted into the service's database; ask its operator",
    details: { kid },
  })
}
