/**
 * A connection with one token that outlives its sessions. When they die (the network HSM restarted, the
 * card was pulled, another library of this process closed everything), it opens new ones; if even
 * that fails, and no other code is using the module, it initializes the module again, because some see a
 * token that came back only then.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../../../basics/cancellation.ts'
import { CountersignError } from '../../../errors.ts'
import { disposedProvider } from '../../provider.ts'
import type { Cryptoki, Handle } from './cryptoki.ts'
import { isStale, notLoggedIn, remedyOf, tokenNotPresent, toPkcs11Failure } from './errors.ts'
import { Link } from './link.ts'
import { ensureInitialized, type Pkcs11Module } from './module.ts'
import { RefusedPins, type Refusals } from './pin.ts'
import { listTokens, type Token } from './slots.ts'

/** What work on a token needs. */
export interface TokenWork {
  /** For people: `signing`, `reading the key`. */
  readonly operation: string
  /** Where to find the PIN; left out for work that needs no login. */
  readonly pin?: (() => Promise<string | undefined>) | undefined
  readonly signal?: AbortSignal | undefined
}

/** What work on a token is given. */
export interface TokenSession {
  readonly cryptoki: Cryptoki
  readonly session: Handle
  readonly link: Link
}

/** What the connections of a process share. */
export interface ConnectionOptions {
  /** Of each token. */
  readonly maxSessions: number
  /** PINs that were refused before. */
  readonly refusals: Refusals
  /** Hears whether a person is to enter a PIN at the token now. */
  readonly onPinPad: (isWaiting: boolean) => void
}

/** Runs work on one token, with sessions from a pool. */
export class TokenConnection {
  readonly token: Token
  readonly #module: Pkcs11Module
  readonly #options: ConnectionOptions
  readonly #refusedPins: RefusedPins
  /** Set by #connect once the token has answered; dropped by #drop. */
  #link: Link | undefined
  /** The link being made, for all who need one. */
  #connecting: Promise<Link> | undefined
  /** Whether the last link could not be made at all: more than sessions has died. */
  #isModuleSuspect = false
  /** Settles when the sessions of every dropped link are closed; extended by #discard. */
  #drained: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(module: Pkcs11Module, token: Token, options: ConnectionOptions) {
    this.#module = module
    this.token = token
    this.#options = options
    const { serial, label } = token
    this.#refusedPins = new RefusedPins(
      JSON.stringify([module.path, serial, label]),
      options.refusals,
    )
  }

  /**
   * Runs work with a session of its own, logged in where `pin` is given. Work that fails because
   * handles have died runs again with fresh ones, so it must be safe to repeat: twice at the most, where
   * the first cure was not enough or no new session could be had.
   *
   * @throws {@link CountersignError} what the failure maps to (errors.ts); ERR_PIN_WRONG,
   * ERR_PIN_LOCKED — of the login; ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted
   */
  async run<T>(options: TokenWork, work: (given: TokenSession) => T | Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(options, work, attempt)
      } catch (error) {
        const remedy = remedyOf(error)
        const isLight = !isStale(error) && remedy !== 'operator'
        const attempts = isLight || this.#isModuleSuspect ? 3 : 2
        if (remedy !== 'operator' && attempt < attempts) continue
        throw toPkcs11Failure(error, `${options.operation} with token "${this.token.label}"`)
      }
    }
  }

  /** Uses every idle session once: some tokens drop those that rest. Where one has died, all are opened again. */
  keepAlive(): void {
    const link = this.#link
    if (link === undefined) return
    try {
      link.touchIdle()
    } catch (error) {
      if (!isStale(error)) throw error
      this.#drop(link, error)
    }
  }

  /** Closes all sessions, after the work under way is done. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#connecting?.catch(() => undefined)
    if (this.#link !== undefined) this.#drop(this.#link, disposedProvider('pkcs11'))
    await this.#drained
  }

  async #attempt<T>(
    options: TokenWork,
    work: (given: TokenSession) => T | Promise<T>,
    attempt: number,
  ): Promise<T> {
    const { pin, signal } = options
    const link = this.#link ?? (await untilCancelled(this.#connect(), signal))
    const { cryptoki, handles } = link
    try {
      if (pin !== undefined) await untilCancelled(link.login(pin), signal)
      return await link.use((session) => work({ cryptoki, session, link }), signal)
    } catch (thrown) {
      const error = pin !== undefined && (await hidesKeys(thrown, link)) ? notLoggedIn() : thrown
      this.#cure(link, handles, error, attempt)
      throw error
    }
  }

  /** Prepares the next attempt by what the failure asks for, and where that has not helped, with fresh sessions. */
  #cure(link: Link, handles: object, error: unknown, attempt: number): void {
    const remedy = remedyOf(error)
    if (remedy === 'operator') return
    const isLight = !isStale(error) && attempt === 1
    if (!isLight) this.#drop(link, error)
    else if (remedy !== 'retry') link.forget(handles)
  }

  #connect(): Promise<Link> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async #open(): Promise<Link> {
    if (this.#isClosed) throw disposedProvider('pkcs11')
    if (this.#isModuleSuspect) {
      await this.#drained
      this.#module.restart()
    }
    this.#isModuleSuspect = true
    ensureInitialized(this.#module.cryptoki)
    const link = new Link({
      module: this.#module,
      token: this.#findAgain(),
      maxSessions: this.#options.maxSessions,
      onPinPad: this.#options.onPinPad,
      refusedPins: this.#refusedPins,
    })
    await this.#assertAlive(link)
    this.#isModuleSuspect = false
    this.#link = link
    return link
  }

  /** The token may have come back in another slot. */
  #findAgain(): Token {
    const { label, serial } = this.token
    const { tokens, assertComplete } = listTokens(this.#module.cryptoki)
    const found = tokens.find((token) => token.serial === serial && token.label === label)
    if (found !== undefined) return found
    assertComplete()
    throw tokenNotPresent()
  }

  async #assertAlive(link: Link): Promise<void> {
    try {
      await link.use((session) => link.cryptoki.C_GetSessionInfo(session))
    } catch (error) {
      this.#discard(link, error)
      throw error
    }
  }

  /** Of many calls that fail together, the first drops the link and the others find it dropped. */
  #drop(link: Link, error: unknown): void {
    if (this.#link !== link) return
    this.#link = undefined
    this.#discard(link, error)
  }

  #discard(link: Link, error: unknown): void {
    this.#drained = Promise.all([this.#drained, link.close(error)])
  }
}

/** After a logout by others (a new PIN, another library of this process) private keys are not refused but invisible. */
async function hidesKeys(error: unknown, link: Link): Promise<boolean> {
  return CountersignError.is(error, 'ERR_KEY_NOT_FOUND') && (await link.isLoggedOut())
}
