/**
 * Until when a published key history counts. It is signed with these times, so that an old copy undoes a
 * revocation for a bounded time only, whatever a cache or an attacker on the way serves.
 *
 * @packageDocumentation
 */
import { CountersignError, type CountersignErrorOptions } from '../errors.ts'
import { addSeconds } from './deadlines.ts'

/** The times that a publication is signed with. */
export interface PublicationTimes {
  /** When it was signed. */
  readonly issuedAt: Date
  /** A client that can reach the service refuses it from then on. */
  readonly expires: Date
  /** A client without a connection refuses it from then on; no earlier than `expires`. */
  readonly offlineUntil: Date
}

/** How long publications count, from the moment they are signed. */
export interface PublicationLifetimes {
  readonly expiresSeconds: number
  readonly offlineSeconds: number
}

/** How a publication reached the verifier: from its service now, or as a copy that was saved. */
export type PublicationSource = 'online' | 'offline'

/** The moment a publication is judged at, and how. */
export interface CurrencyDemand {
  readonly now: Date
  readonly source: PublicationSource
  /** Refuses what was signed longer ago; it shortens what the publication itself allows, never more. */
  readonly maxAgeSeconds?: number | undefined
  /** What was read, for messages: an address or a path. */
  readonly place: string
}

/** How far the clock of the signer may be ahead of the verifier's. */
const CLOCK_TOLERANCE_SECONDS = 300

/** The times of a publication that is signed now. */
export function createTimes(issuedAt: Date, lifetimes: PublicationLifetimes): PublicationTimes {
  return {
    issuedAt,
    expires: addSeconds(issuedAt, lifetimes.expiresSeconds),
    offlineUntil: addSeconds(issuedAt, lifetimes.offlineSeconds),
  }
}

/**
 * Makes sure that a publication counts now. Unsigned ones may have no times; only a saved copy of such a one
 * is taken, since a service always signs.
 *
 * @throws {@link CountersignError} ERR_TRUST_EXPIRED — its time is over, or it is from the future, as with a
 * clock that was set back; ERR_TRUST_INVALID — it has no times to judge by
 *
 * @example
 * ```ts
 * import { assertPublicationCurrent, parseKeyHistory, parsePublicKeyPem } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const trustKey = parsePublicKeyPem(await readFile('trust-key.pub', 'utf8'))
 * const { times } = parseKeyHistory(await readFile('keys.json'), trustKey)
 * assertPublicationCurrent(times, { now: new Date(), source: 'offline', place: 'keys.json' })
 * ```
 */
export function assertPublicationCurrent(
  times: PublicationTimes | undefined,
  demand: CurrencyDemand,
): void {
  const { now, place } = demand
  if (times === undefined) {
    if (demand.source === 'offline' && demand.maxAgeSeconds === undefined) return
    throw new CountersignError('ERR_TRUST_INVALID', `${place} does not say when it was issued`, {
      hint: 'use the key history that a service signed: /trust/keys.json',
    })
  }
  const { issuedAt } = times
  const end = endOf(times, demand)
  if (issuedAt > addSeconds(now, CLOCK_TOLERANCE_SECONDS)) {
    throw expired(
      `${place} was issued at ${issuedAt.toISOString()}, after this machine's time ${now.toISOString()}`,
      { times, now, remedy: { hint: 'set the clock of this machine, then try again' } },
    )
  }
  if (now < end) return
  throw expired(`${place} expired at ${end.toISOString()} (now: ${now.toISOString()})`, {
    times,
    now,
    remedy: REMEDIES[demand.source],
  })
}

const REMEDIES: Readonly<Record<PublicationSource, Remedy>> = {
  online: {
    hint: "check this machine's clock and its connection; if both are right, a cache or an attacker on the way replays an old copy, or the service cannot sign with its trust key: tell its operator",
  },
  offline: {
    hint: "check this machine's clock; if it is right, fetch a new copy while connected: /trust/keys.json of the service",
    reason: 'saved-trust-expired',
  },
}

function endOf(times: PublicationTimes, { source, maxAgeSeconds }: CurrencyDemand): Date {
  const end = source === 'online' ? times.expires : times.offlineUntil
  if (maxAgeSeconds === undefined) return end
  const asked = addSeconds(times.issuedAt, maxAgeSeconds)
  return asked < end ? asked : end
}

type Remedy = Pick<CountersignErrorOptions, 'hint' | 'reason'>

interface Expiry {
  readonly times: PublicationTimes
  readonly now: Date
  readonly remedy: Remedy
}

function expired(message: string, { times, now, remedy }: Expiry): CountersignError {
  return new CountersignError('ERR_TRUST_EXPIRED', message, {
    ...remedy,
    details: {
      issuedAt: times.issuedAt.toISOString(),
      expires: times.expires.toISOString(),
      offlineUntil: times.offlineUntil.toISOString(),
      now: now.toISOString(),
    },
  })
}
