/**
 * A connection with one token that outlives its sessions: logs in once, and when sessions, the login
 * or object handles die (the network HSM restarted, the smart card was pulled, another library of this
 * process closed everything) makes all of them anew, once per failure.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { untilCancelled } from '../../cancellation.ts'
import { CountersignError } from '../../errors.ts'
import { disposedProvider } from '../provider.ts'
import {
  CKF_LOGIN_REQUIRED,
  CKF_PROTECTED_AUTHENTICATION_PATH,
  CKF_SERIAL_SESSION,
  CKS_RO_USER_FUNCTIONS,
  CKS_RW_USER_FUNCTIONS,
  CKU_USER,
  type Cryptoki,
  type Handle,
} from './cryptoki.ts'
import {
  CKR_PIN_INCORRECT,
  CKR_USER_ALREADY_LOGGED_IN,
  isStale,
  returnValueOf,
  toPkcs11Failure,
} from './errors.ts'
import { ensureInitialized, type Pkcs11Module } from './module.ts'
import { assertPinMayBeTried, pinMissing, pinRefused } from './pin.ts'
import { SessionPool } from './session-pool.ts'
import { listTokens, type Token } from './slots.ts'

/** The sessions of one time between two failures. Handles found in one link are good in no other. */
export interface Link {
  readonly slot: Handle
  readonly pool: SessionPool
  /** Set by TokenConnection alone: the login under way or done. */
  login: Promise<void> | undefined
}

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

/** Runs work on one token, with sessions from a pool. */
export class TokenConnection {
  readonly token: Token
  readonly #cryptoki: Cryptoki
  readonly #maxSessions: number
  /** Made by #connect, dropped by #drop. */
  #link: Link | undefined
  #isClosed = false
  /** Settles when the sessions of every dropped link are closed; extended by #drop. */
  #drained: Promise<unknown> = Promise.resolve()
  /** Digests of PINs the token has refused; none of them is tried again. */
  readonly #refusedPins = new Set<string>()

  constructor(module: Pkcs11Module, token: Token, maxSessions: number) {
    this.#cryptoki = module.cryptoki
    this.token = token
    this.#maxSessions = maxSessions
  }

  /**
   * Runs work with a session of its own, logged in where `pin` is given. Work that fails because
   * handles have died runs a second time with fresh ones, so it must be safe to repeat.
   *
   * @throws {@link CountersignError} what the failure maps to (errors.ts); ERR_PIN_WRONG,
   * ERR_PIN_LOCKED — of the login; ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted
   */
  async run<T>(options: TokenWork, work: (given: TokenSession) => T | Promise<T>): Promise<T> {
    try {
      return await this.#attempt(options, work).catch((error: unknown) => {
        if (!isStale(error)) throw error
        return this.#attempt(options, work)
      })
    } catch (error) {
      throw toPkcs11Failure(error, `${options.operation} with token "${this.token.label}"`)
    }
  }

  /** Closes all sessions, after the work under way is done. */
  async close(): Promise<void> {
    this.#isClosed = true
    const link = this.#link
    this.#link = undefined
    await Promise.all([link?.pool.close(disposedProvider('pkcs11')), this.#drained])
  }

  async #attempt<T>(options: TokenWork, work: (given: TokenSession) => T | Promise<T>): Promise<T> {
    const { pin, signal } = options
    const link = this.#connect()
    try {
      if (pin !== undefined) await untilCancelled(this.#ensureLogin(link, pin), signal)
      const given = { cryptoki: this.#cryptoki, link }
      return await link.pool.use((session) => work({ ...given, session }), signal)
    } catch (error) {
      if (isStale(error)) this.#drop(link, error)
      throw error
    }
  }

  #connect(): Link {
    if (this.#isClosed) throw disposedProvider('pkcs11')
    if (this.#link !== undefined) return this.#link
    const cryptoki = this.#cryptoki
    ensureInitialized(cryptoki)
    const slot = this.#findSlot()
    const source = {
      open: () => cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION),
      close: (session: Handle) => {
        cryptoki.C_CloseSession(session)
      },
    }
    this.#link = { slot, pool: new SessionPool(source, this.#maxSessions), login: undefined }
    return this.#link
  }

  /** The token may have come back in another slot. */
  #findSlot(): Handle {
    const { label, serial } = this.token
    const found = listTokens(this.#cryptoki).find(
      (token) => token.serial === serial && token.label === label,
    )
    if (found !== undefined) return found.slot
    throw new CountersignError('ERR_PROVIDER_UNAVAILABLE', `token "${label}" is gone`, {
      hint: 'check that it is connected and its service runs',
    })
  }

  /** Of many calls that fail together, the first drops the link and the others find it dropped. */
  #drop(link: Link, error: unknown): void {
    if (this.#link !== link) return
    this.#link = undefined
    this.#drained = Promise.all([this.#drained, link.pool.close(error)])
  }

  #ensureLogin(link: Link, pin: () => Promise<string | undefined>): Promise<void> {
    link.login ??= this.#login(link, pin).catch((error: unknown) => {
      link.login = undefined
      throw error
    })
    return link.login
  }

  async #login(link: Link, readPin: () => Promise<string | undefined>): Promise<void> {
    if (await link.pool.use((session) => this.#isLoggedIn(link, session))) return
    const { label } = this.token
    const hasPinPad = (this.#flags(link) & CKF_PROTECTED_AUTHENTICATION_PATH) !== 0
    const pin = hasPinPad ? undefined : await readPin()
    if (!hasPinPad && (pin === undefined || pin === '')) throw pinMissing(label)
    const digest = createHash('sha256')
      .update(pin ?? '')
      .digest('hex')
    if (this.#refusedPins.has(digest)) throw pinRefused(label)
    // After the PIN was read, which may have taken a person a minute.
    assertPinMayBeTried(this.#flags(link), label)
    await link.pool.use((session) => {
      this.#tryPin(session, pin, digest)
    })
  }

  #isLoggedIn(link: Link, session: Handle): boolean {
    if ((this.#flags(link) & CKF_LOGIN_REQUIRED) === 0) return true
    const { state } = this.#cryptoki.C_GetSessionInfo(session)
    return state === CKS_RO_USER_FUNCTIONS || state === CKS_RW_USER_FUNCTIONS
  }

  #flags(link: Link): number {
    return this.#cryptoki.C_GetTokenInfo(link.slot).flags
  }

  #tryPin(session: Handle, pin: string | undefined, digest: string): void {
    try {
      this.#cryptoki.C_Login(session, CKU_USER, pin)
    } catch (error) {
      if (returnValueOf(error) === CKR_USER_ALREADY_LOGGED_IN) return
      if (returnValueOf(error) === CKR_PIN_INCORRECT) this.#refusedPins.add(digest)
      throw isStale(error) ? error : toPkcs11Failure(error, `login to token "${this.token.label}"`)
    }
  }
}
