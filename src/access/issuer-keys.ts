/**
 * The keys of one issuer (RFC 7517 section 5), loaded when they are needed, as seldom as that allows, and
 * kept through an outage for a bounded time.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../basics/cancellation.ts'
import type { BoundedGet } from '../client/bounded-get.ts'
import { CountersignError } from '../errors.ts'
import { isKeyNamed, type KeyName, type NamedPublicKey } from '../formats/jwks.ts'
import {
  fetchedKeys,
  fileKeys,
  type IssuerKeySource,
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

/** How long keys serve past their age while the issuer does not answer. */
const MAX_STALE_SECONDS = 3600

/** Makes the finder of an issuer's keys; nothing is loaded before the first question. */
export function createIssuerKeys({ settings, get, ...options }: IssuerKeysOptions): IssuerKeys {
  const { issuer, jwks } = settings
  const source = jwks === undefined ? fetchedKeys(settings, get) : fileKeys(jwks, settings)
  return new KeptKeys(issuer, source, options)
}

interface Kept {
  readonly keys: readonly NamedPublicKey[]
  /** Seconds since 1970. */
  readonly freshUntil: number
}

class KeptKeys implements IssuerKeys {
  readonly #issuer: string
  readonly #source: IssuerKeySource
  readonly #options: Pick<IssuerKeysOptions, 'now' | 'onFailure'>
  // Written by #refresh alone, of which one runs at a time.
  #kept: Kept | undefined
  #failure: CountersignError | undefined
  #triedAt = -Infinity
  #flight: Promise<void> | undefined

  constructor(
    issuer: string,
    source: IssuerKeySource,
    options: Pick<IssuerKeysOptions, 'now' | 'onFailure'>,
  ) {
    this.#issuer = issuer
    this.#source = source
    this.#options = options
  }

  async keysFor(name: KeyName, signal?: AbortSignal): Promise<readonly NamedPublicKey[]> {
    const known = this.#find(name, 0)
    if (known !== undefined) return known
    if (this.#flight !== undefined || this.#mayAsk()) {
      this.#flight ??= this.#refresh().finally(() => (this.#flight = undefined))
      await untilCancelled(this.#flight, signal)
    }
    const found = this.#find(name, MAX_STALE_SECONDS)
    if (found !== undefined) return found
    // The key may be one that the issuer could not tell us about.
    if (this.#failure !== undefined) throw this.#failure
    return this.#kept?.keys ?? []
  }

  /** The keys, where the one asked for is among them and they are no older than they may be. */
  #find(name: KeyName, staleSeconds: number): readonly NamedPublicKey[] | undefined {
    const kept = this.#kept
    if (kept === undefined || this.#now() >= kept.freshUntil + staleSeconds) return undefined
    return kept.keys.some((key) => isKeyNamed(key, name)) ? kept.keys : undefined
  }

  #now(): number {
    return this.#options.now().getTime() / 1000
  }

  #mayAsk(): boolean {
    const { success, failure } = this.#source.pauseSeconds
    const pause = this.#failure === undefined ? success : failure
    const passed = this.#now() - this.#triedAt
    // A clock that was put back must not stop us from asking.
    return passed >= pause || passed < 0
  }

  async #refresh(): Promise<void> {
    this.#triedAt = this.#now()
    try {
      const { keys, freshSeconds } = await this.#source.load()
      this.#kept = { keys, freshUntil: this.#now() + freshSeconds }
      this.#failure = undefined
    } catch (error) {
      this.#failure = toOutage(this.#issuer, error)
      this.#options.onFailure?.(this.#failure)
    }
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
