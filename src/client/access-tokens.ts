/** Bearer tokens of a cloud, held until shortly before they end. */
import { untilCancelled } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'

/** A token; its end in ms since the epoch. */
export interface AccessToken {
  readonly value: string
  readonly endsAt: number
}

/** A call that takes seconds must not outlive its token. */
const MARGIN_MS = 60_000

/** One token at a time, for all calls. */
export class AccessTokens {
  readonly #acquire: () => Promise<AccessToken>
  readonly #now: () => number
  #held: Promise<AccessToken> | undefined

  constructor(acquire: () => Promise<AccessToken>, now: () => number) {
    this.#acquire = acquire
    this.#now = now
  }

  /** Gives a token that is valid now; calls at one time wait for one. */
  async token(signal?: AbortSignal): Promise<string> {
    const holding = this.#held ?? this.#hold()
    const held = await untilCancelled(holding, signal)
    if (this.#now() < held.endsAt - MARGIN_MS) return held.value
    const renewing = this.#held === holding ? this.#hold() : (this.#held ?? this.#hold())
    return (await untilCancelled(renewing, signal)).value
  }

  /** Makes a call with a token; where that is refused, once more with another. */
  async use<T>(call: (token: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const token = await this.token(signal)
    try {
      return await call(token)
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_NOT_AUTHENTICATED')) throw error
      const next = await this.#replace(token, signal)
      if (next === undefined) throw error
      return call(next)
    }
  }

  /** Gives a token in place of one that was refused; undefined where there is no other. */
  async #replace(refused: string, signal?: AbortSignal): Promise<string | undefined> {
    const held = this.#held === undefined ? undefined : await untilCancelled(this.#held, signal)
    // Another call may have replaced it meanwhile.
    if (held?.value === refused) this.#held = undefined
    const next = await this.token(signal)
    return next === refused ? undefined : next
  }

  #hold(): Promise<AccessToken> {
    const coming = this.#acquire()
    this.#held = coming
    // A failure is not held: what caused it may be over at the next call.
    coming.catch(() => {
      if (this.#held === coming) this.#held = undefined
    })
    return coming
  }
}
