/**
 * A bounded pool of sessions with one token: a PKCS#11 session does one thing at a time.
 *
 * @packageDocumentation
 */
import { toCancellation, untilCancelled } from '../../../basics/cancellation.ts'
import type { Handle } from './cryptoki.ts'
import { returnValueOf } from './errors.ts'
import { CKR_SESSION_COUNT } from './return-values.ts'

/** How sessions come and go. */
export interface SessionSource {
  readonly open: () => Handle
  readonly close: (session: Handle) => void
}

interface Waiter {
  readonly grant: (session: Handle) => void
  readonly refuse: (error: unknown) => void
}

/**
 * Lends sessions, opening them on demand up to a limit. Callers beyond it wait their turn. Where the
 * token gives fewer sessions than the limit, that becomes the limit.
 */
export class SessionPool {
  readonly #source: SessionSource
  #limit: number
  /** Sessions that exist, lent or idle. */
  #count = 0
  readonly #idle: Handle[] = []
  readonly #waiting = new Set<Waiter>()
  /** Set by close, which alone settles it together with the last release. */
  #closing: { readonly error: unknown; readonly drained: PromiseWithResolvers<void> } | undefined

  constructor(source: SessionSource, limit: number) {
    this.#source = source
    this.#limit = limit
  }

  /**
   * Lends a session for one piece of work. A caller whose signal is aborted is let go at once; the
   * session comes back when the work, which can't be stopped, is done.
   *
   * @throws what the work throws; what opening a session throws; the error the pool was closed with
   */
  async use<T>(work: (session: Handle) => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    const session = await this.#acquire(signal)
    return untilCancelled(this.#lend(session, work), signal)
  }

  /** Shows each session that is not lent. */
  visitIdle(visit: (session: Handle) => unknown): void {
    for (const session of this.#idle) visit(session)
  }

  /** Closes idle sessions now and lent ones as they come back; waits for the last. Waiters get `error`. */
  async close(error: unknown): Promise<void> {
    this.#closing ??= { error, drained: Promise.withResolvers() }
    for (const waiter of this.#waiting) waiter.refuse(error)
    this.#waiting.clear()
    this.#discardAll(this.#idle.splice(0))
    return this.#closing.drained.promise
  }

  async #lend<T>(session: Handle, work: (session: Handle) => T | Promise<T>): Promise<T> {
    try {
      return await work(session)
    } finally {
      this.#release(session)
    }
  }

  async #acquire(signal: AbortSignal | undefined): Promise<Handle> {
    if (this.#closing !== undefined) throw this.#closing.error
    return this.#idle.pop() ?? this.#openSession() ?? this.#wait(signal)
  }

  #openSession(): Handle | undefined {
    if (this.#count >= this.#limit) return undefined
    try {
      const session = this.#source.open()
      this.#count += 1
      return session
    } catch (error) {
      if (returnValueOf(error) !== CKR_SESSION_COUNT || this.#count === 0) throw error
      this.#limit = this.#count
      return undefined
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<Handle> {
    const { promise, resolve, reject } = Promise.withResolvers<Handle>()
    const waiter: Waiter = { grant: resolve, refuse: reject }
    const leave = (): void => {
      this.#waiting.delete(waiter)
      if (signal !== undefined) reject(toCancellation(signal))
    }
    signal?.addEventListener('abort', leave, { once: true })
    this.#waiting.add(waiter)
    if (signal?.aborted === true) leave()
    return promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  #release(session: Handle): void {
    if (this.#closing !== undefined) {
      this.#discardAll([session])
      return
    }
    const [next] = this.#waiting
    if (next === undefined) {
      this.#idle.push(session)
      return
    }
    this.#waiting.delete(next)
    next.grant(session)
  }

  /** Closes sessions of a pool that is closed, and lets it end with the last, whatever fails. */
  #discardAll(sessions: readonly Handle[]): void {
    const failures = sessions.flatMap((session) => this.#discard(session))
    if (this.#count === 0) this.#closing?.drained.resolve()
    if (failures.length > 0) throw failures[0]
  }

  /** Closes a session; answers what is not a failure of the token. */
  #discard(session: Handle): readonly unknown[] {
    this.#count -= 1
    try {
      this.#source.close(session)
      return []
    } catch (error) {
      // It is often dead already: that is why the pool is closed.
      return returnValueOf(error) === undefined ? [error] : []
    }
  }
}
