/**
 * The token that calls to one server are made with: renewed when two thirds of its life are over, and replaced by
 * another once it has ended.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../../basics/cancellation.ts'
import { CountersignError } from '../../errors.ts'
import { readLease, type TokenLease } from './answers.ts'
import { createTokenSource, type LoginContext, type TokenSource } from './login.ts'

/** A token in use; times in ms since the epoch. */
interface HeldToken {
  readonly value: string
  readonly isRenewable: boolean
  readonly renewAt: number
  readonly endsAt: number
}

/** What a session takes. */
export interface SessionContext extends LoginContext {
  readonly now: () => number
}

/** Holds one token at a time, for all calls. */
export class BaoSession {
  readonly #context: SessionContext
  readonly #source: TokenSource
  #held: Promise<HeldToken> | undefined

  constructor(context: SessionContext) {
    this.#context = context
    this.#source = createTokenSource(context)
  }

  /** Gives the token for a call that is made now. */
  async token(signal?: AbortSignal): Promise<string> {
    const holding = this.#held ?? this.#hold(this.#acquire())
    const held = await untilCancelled(holding, signal)
    if (this.#context.now() < held.renewAt) return held.value
    // All calls that find it due wait for one renewal.
    const renewing = this.#held === holding ? this.#hold(this.#renew(held)) : this.#held
    return renewing === undefined
      ? this.token(signal)
      : (await untilCancelled(renewing, signal)).value
  }

  /**
   * Gives a token in place of one that the server takes no longer: of a new login, or what is now where the other
   * came from; undefined where that is the same.
   */
  async replace(refused: string, signal?: AbortSignal): Promise<string | undefined> {
    const held = this.#held === undefined ? undefined : await untilCancelled(this.#held, signal)
    // Another call may have replaced it meanwhile.
    if (held?.value === refused) this.#held = undefined
    const next = await this.token(signal)
    return next === refused ? undefined : next
  }

  #hold(coming: Promise<HeldToken>): Promise<HeldToken> {
    this.#held = coming
    // A failure is not held: what caused it may be over at the next call.
    coming.catch(() => {
      if (this.#held === coming) this.#held = undefined
    })
    return coming
  }

  async #acquire(): Promise<HeldToken> {
    return this.#toHeld(await this.#source.acquire())
  }

  async #renew(held: HeldToken): Promise<HeldToken> {
    const now = this.#context.now()
    const renewed = held.isRenewable && now < held.endsAt ? await this.#extend(held) : undefined
    if (renewed !== undefined) return renewed
    if (this.#source.isLogin || now >= held.endsAt) return this.#acquire()
    return { ...held, renewAt: held.endsAt }
  }

  /** Undefined: it gets no more time, as at the end of its greatest life. */
  async #extend(held: HeldToken): Promise<HeldToken | undefined> {
    const { send, namespace } = this.#context
    const path = 'auth/token/renew-self'
    const call = { method: 'POST', path, mount: 'auth/token', namespace } as const
    try {
      const lease = readLease(await send({ ...call, token: held.value, body: {} }))
      const renewed = this.#toHeld(lease)
      return renewed.endsAt > held.endsAt ? renewed : undefined
    } catch (error) {
      if (CountersignError.is(error, 'ERR_NOT_ALLOWED')) return undefined
      throw error
    }
  }

  #toHeld({ token, seconds, isRenewable }: TokenLease): HeldToken {
    const now = this.#context.now()
    const lifeMs = seconds === undefined ? Infinity : seconds * 1000
    return { value: token, isRenewable, renewAt: now + (lifeMs * 2) / 3, endsAt: now + lifeMs }
  }
}
