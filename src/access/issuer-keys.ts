/**
 * The keys of one issuer (RFC 7517 section 5), loaded when they are needed, as seldom as that allows, and
 * kept through an outage for a bounded time.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../basics/cancellation.ts'
import type { BoundedGet } from '../client/bounded-get.ts'
import { createJwksCache } from '../client/jwks-cache.ts'
import { CountersignError } from '../errors.ts'
import type { KeyName, NamedPublicKey } from '../formats/jwks.ts'
import {
  FILE_BOUNDS,
  getFromFile,
  getFromIssuer,
  type KeySourceSettings,
} from './issuer-key-source.ts'

/** Finds the keys of one issuer. */
export interface IssuerKeys {
  /**
   * The issuer's keys, loaded again where the one that is asked for is not among them.
   *
   * @param name - attacker-controlled; at most every 30 s it makes us ask the issuer again
   * @throws {@link CountersignError} ERR_NETWORK, ERR_TIMEOUT — the key is not known, and the issuer does
   * not answer as it must: no word about the token; ERR_CANCELLED
   */
  keysFor(name: KeyName, signal?: AbortSignal): Promise<readonly NamedPublicKey[]>
}

/** What {@link createIssuerKeys} needs. */
export interface IssuerKeysOptions {
  readonly settings: KeySourceSettings
  readonly get: BoundedGet
  readonly now: () => Date
  /** Called with every failed load, also where older keys still serve. */
  readonly onFailure?: ((error: CountersignError) => void) | undefined
}

/** Makes the finder of an issuer's keys; nothing is loaded before the first question. */
export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { settings, get, now, onFailure } = options
  const { issuer, jwksUri, jwks, algorithms } = settings
  const keys = createJwksCache({
    url: new URL(jwksUri ?? issuer),
    get: jwks === undefined ? getFromIssuer(settings, get) : getFromFile(jwks),
    now,
    // Replicas of one service are too few to spread.
    random: () => 0,
    algorithms,
    ...(jwks !== undefined && { bounds: FILE_BOUNDS }),
    onFailure: (error) => onFailure?.(toOutage(issuer, error)),
  })
  return {
    keysFor: async ({ kid, alg }, signal) => {
      try {
        return await untilCancelled(keys.keysFor(kid, alg), signal)
      } catch (error) {
        throw CountersignError.is(error, 'ERR_CANCELLED') ? error : toOutage(issuer, error)
      }
    },
  }
}

/** Whatever an issuer does wrong is an outage of it, for which no caller can be blamed. */
function toOutage(issuer: string, cause: unknown): CountersignError {
  const code = CountersignError.is(cause, 'ERR_TIMEOUT') ? 'ERR_TIMEOUT' : 'ERR_NETWORK'
  const why = CountersignError.is(cause) ? cause.message : 'unexpected failure'
  return new CountersignError(code, `can't get the keys of the issuer "${issuer}": ${why}`, {
    hint:
      CountersignError.is(cause) && cause.hint !== undefined
        ? cause.hint
        : 'try again; if it lasts, look at the metadata of the issuer',
    details: { issuer },
    cause,
  })
}
