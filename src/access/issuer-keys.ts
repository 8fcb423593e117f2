/**
 * The keys of one issuer (OpenID Connect Discovery 1.0 section 4, RFC 7517 section 5), fetched when they are
 * needed, as seldom as that allows, and kept through an outage for a bounded time.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../cancellation.ts'
import type { BoundedGet, BoundedGetAnswer } from '../client/bounded-get.ts'
import { CountersignError } from '../errors.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { type NamedPublicKey, parseJwks } from '../formats/jwks.ts'
import type { IssuerSettings } from './settings.ts'

/** Finds the keys of one issuer. */
export interface IssuerKeys {
  /**
   * The issuer's keys, fetched again where the one that is asked for is not among them.
   *
   * @param kid - attacker-controlled; at most every 30 s it makes us ask the issuer again
   * @throws {@link CountersignError} ERR_NETWORK, ERR_TIMEOUT — the key is not known, and the issuer does
   * not answer as it must: no word about the token; ERR_CANCELLED
   */
  keysFor(kid: string | undefined, signal?: AbortSignal): Promise<readonly NamedPublicKey[]>
}

/** What {@link createIssuerKeys} needs. */
export interface IssuerKeysOptions {
  readonly settings: Pick<IssuerSettings, 'issuer' | 'jwksUri' | 'jwks'>
  readonly get: BoundedGet
  readonly now: () => Date
  /** Told of every failed fetch, also where older keys still serve. */
  readonly onFailure?: ((error: CountersignError) => void) | undefined
}

const DEFAULT_AGE_SECONDS = 300
const MIN_AGE_SECONDS = 60
const MAX_AGE_SECONDS = 3600
/** How long keys serve past their age while the issuer does not answer. */
const MAX_STALE_SECONDS = 3600
/** Between two fetches, after one that succeeded and after one that failed. */
const COOLDOWN_SECONDS = 30
const FAILURE_COOLDOWN_SECONDS = 5

const JSON_TYPES = ['application/json', 'application/jwk-set+json']

/**
 * Makes the finder of an issuer's keys; nothing is fetched before the first question.
 *
 * @throws {@link CountersignError} ERR_TRUST_INVALID, ERR_JSON_INVALID — of configured keys
 */
export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { jwks } = options.settings
  if (jwks === undefined) return new FetchedKeys(options)
  const { keys } = parseJwks(jwks)
  return { keysFor: () => Promise.resolve(keys) }
}

interface KeptKeys {
  readonly keys: readonly NamedPublicKey[]
  /** Seconds since 1970. */
  readonly freshUntil: number
}

class FetchedKeys implements IssuerKeys {
  readonly #options: IssuerKeysOptions
  // Written by #refresh alone, of which one runs at a time.
  #kept: KeptKeys | undefined
  #failure: CountersignError | undefined
  #triedAt = -Infinity
  #flight: Promise<void> | undefined

  constructor(options: IssuerKeysOptions) {
    this.#options = options
  }

  async keysFor(kid: string | undefined, signal?: AbortSignal): Promise<readonly NamedPublicKey[]> {
    const known = this.#find(kid, 0)
    if (known !== undefined) return known
    if (this.#flight !== undefined || this.#mayAsk()) {
      this.#flight ??= this.#refresh().finally(() => (this.#flight = undefined))
      await untilCancelled(this.#flight, signal)
    }
    const found = this.#find(kid, MAX_STALE_SECONDS)
    if (found !== undefined) return found
    // The key may be one that the issuer could not tell us about.
    if (this.#failure !== undefined) throw this.#failure
    return this.#kept?.keys ?? []
  }

  /** The keys, where the one asked for is among them and they are no older than they may be. */
  #find(kid: string | undefined, staleSeconds: number): readonly NamedPublicKey[] | undefined {
    const kept = this.#kept
    if (kept === undefined || this.#now() >= kept.freshUntil + staleSeconds) return undefined
    return kept.keys.some((key) => key.kid === kid) ? kept.keys : undefined
  }

  #now(): number {
    return this.#options.now().getTime() / 1000
  }

  #mayAsk(): boolean {
    const pause = this.#failure === undefined ? COOLDOWN_SECONDS : FAILURE_COOLDOWN_SECONDS
    const passed = this.#now() - this.#triedAt
    // A clock that was put back must not stop us from asking.
    return passed >= pause || passed < 0
  }

  async #refresh(): Promise<void> {
    this.#triedAt = this.#now()
    try {
      const { keys, maxAgeSeconds } = await fetchKeys(this.#options)
      this.#kept = { keys, freshUntil: this.#now() + maxAgeSeconds }
      this.#failure = undefined
    } catch (error) {
      this.#failure = toOutage(this.#options.settings.issuer, error)
      this.#options.onFailure?.(this.#failure)
    }
  }
}

async function fetchKeys({
  settings,
  get,
}: IssuerKeysOptions): Promise<{ keys: readonly NamedPublicKey[]; maxAgeSeconds: number }> {
  const url = new URL(settings.jwksUri ?? (await discoverJwksUri(settings.issuer, get)))
  const answer = await get({ url, mediaTypes: JSON_TYPES })
  return { keys: parseJwks(answer.body).keys, maxAgeSeconds: maxAgeOf(answer) }
}

/** Reads where the keys are from metadata that must be of exactly this issuer (section 4.3). */
async function discoverJwksUri(issuer: string, get: BoundedGet): Promise<string> {
  const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { body } = await get({ url, mediaTypes: JSON_TYPES })
  const malformed = (why: string): CountersignError => unusable(`malformed metadata: ${why}`)
  const metadata = readObject(parseJson(body), malformed, 'the document')
  const actual = metadata.text('issuer')
  if (actual !== issuer) throw unusable(`they are of another issuer: "${actual.slice(0, 200)}"`)
  const jwksUri = metadata.text('jwks_uri')
  if (!URL.canParse(jwksUri)) throw malformed('jwks_uri is no address')
  return jwksUri
}

function unusable(why: string): CountersignError {
  return new CountersignError('ERR_NETWORK', why)
}

function maxAgeOf({ headers }: BoundedGetAnswer): number {
  const [, said] = /(?:^|[\s,])max-age=(\d{1,9})/i.exec(headers['cache-control'] ?? '') ?? []
  const seconds = said === undefined ? DEFAULT_AGE_SECONDS : Number(said)
  return Math.min(Math.max(seconds, MIN_AGE_SECONDS), MAX_AGE_SECONDS)
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
