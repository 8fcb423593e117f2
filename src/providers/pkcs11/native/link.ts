/**
 * The sessions with a token between two failures. Sessions, the login and object handles die together,
 * so handles found in one link are good in no other.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../../errors.ts'
import {
  CKF_LOGIN_REQUIRED,
  CKF_PROTECTED_AUTHENTICATION_PATH,
  CKF_SERIAL_SESSION,
  CKS_RO_USER_FUNCTIONS,
  CKS_RW_USER_FUNCTIONS,
  CKU_CONTEXT_SPECIFIC,
  CKU_USER,
  type Cryptoki,
  type Handle,
} from './cryptoki.ts'
import { isStale, returnValueOf, toPkcs11Failure } from './errors.ts'
import {
  CKR_PIN_INCORRECT,
  CKR_PIN_INVALID,
  CKR_PIN_LEN_RANGE,
  CKR_USER_ALREADY_LOGGED_IN,
} from './return-values.ts'
import type { Pkcs11Module } from './module.ts'
import { assertPinMayBeTried, pinMissing, pinRefused, type RefusedPins } from './pin.ts'
import { SessionPool } from './session-pool.ts'
import type { Token } from './slots.ts'

/** With which a token may count a wrong PIN. */
const PIN_REFUSALS: ReadonlySet<number> = new Set([
  CKR_PIN_INCORRECT,
  CKR_PIN_INVALID,
  CKR_PIN_LEN_RANGE,
])

/** What a link is made of. */
export interface LinkOptions {
  readonly module: Pkcs11Module
  /** The token, in the slot where it is now. */
  readonly token: Token
  readonly maxSessions: number
  /** Kept by the connection: a PIN refused in one link is not tried in the next. */
  readonly refusedPins: RefusedPins
  /** Hears whether a person is to enter a PIN at the token now. */
  readonly onPinPad?: (isWaiting: boolean) => void
}

/** Sessions with one token, logged in when first needed. */
export class Link {
  readonly cryptoki: Cryptoki
  readonly slot: Handle
  readonly #label: string
  readonly #pool: SessionPool
  readonly #refusedPins: RefusedPins
  readonly #leave: () => void
  readonly #onPinPad: (isWaiting: boolean) => void
  /** The login under way or done; forgotten when it fails. */
  #login: Promise<void> | undefined
  #handles: object = {}

  constructor({ module, token, maxSessions, refusedPins, onPinPad }: LinkOptions) {
    const { cryptoki } = module
    const { slot, label } = token
    this.cryptoki = cryptoki
    this.slot = slot
    this.#label = label
    this.#refusedPins = refusedPins
    this.#leave = module.enter()
    this.#onPinPad = onPinPad ?? (() => undefined)
    const source = {
      open: () => cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION),
      close: (session: Handle) => {
        cryptoki.C_CloseSession(session)
      },
    }
    this.#pool = new SessionPool(source, maxSessions)
  }

  /** Another object as soon as the object handles found until then are to be found again. */
  get handles(): object {
    return this.#handles
  }

  /**
   * Forgets object handles, and that the user is logged in. Of many calls that fail together, the first does so.
   *
   * @param handles - those that the call began with
   */
  forget(handles: object): void {
    if (this.#handles !== handles) return
    this.#handles = {}
    this.#login = undefined
  }

  /** Lends a session; see SessionPool.use. */
  use<T>(work: (session: Handle) => T | Promise<T>, signal?: AbortSignal): Promise<T> {
    return this.#pool.use(work, signal)
  }

  /** Uses each idle session once. */
  touchIdle(): void {
    this.#pool.visitIdle((session) => this.cryptoki.C_GetSessionInfo(session))
  }

  /** Closes every session, after the work under way is done; who waits for one gets `error`. */
  async close(error: unknown): Promise<void> {
    await this.#pool.close(error)
    this.#leave()
  }

  /**
   * Makes sure that the user is logged in; asks for the PIN only if not.
   *
   * @throws {@link CountersignError} ERR_PIN_WRONG, ERR_PIN_LOCKED; and what the module throws
   */
  login(readPin: () => Promise<string | undefined>): Promise<void> {
    this.#login ??= this.#logIn(readPin).catch((error: unknown) => {
      this.#login = undefined
      throw error
    })
    return this.#login
  }

  /** Whether a login is needed and missing: it can end without a call that fails. */
  async isLoggedOut(): Promise<boolean> {
    return !(await this.use((session) => this.#isLoggedIn(session)))
  }

  async #logIn(readPin: () => Promise<string | undefined>): Promise<void> {
    if (!(await this.isLoggedOut())) return
    const pin = await this.readPin(readPin)
    await this.use((session) => {
      this.#assertMayTry(pin)
      this.#tryPin(session, CKU_USER, pin)
    })
  }

  /**
   * Reads the PIN; undefined where the token has a PIN pad and asks for it itself.
   *
   * @throws {@link CountersignError} ERR_PIN_WRONG — none exists; and what `readPin` throws
   */
  async readPin(readPin: () => Promise<string | undefined>): Promise<string | undefined> {
    if ((this.#flags() & CKF_PROTECTED_AUTHENTICATION_PATH) !== 0) return undefined
    const pin = await readPin()
    if (pin === undefined || pin === '') throw pinMissing(this.#label)
    return pin
  }

  /**
   * Begins an operation of a key that asks for a login each time (CKA_ALWAYS_AUTHENTICATE), and logs in for it. A
   * PIN that may not be tried begins nothing: an operation that is left open makes its session useless.
   *
   * @throws {@link CountersignError} ERR_PIN_WRONG, ERR_PIN_LOCKED; ERR_OPERATION_UNSUPPORTED — the token has no
   * such login; and what the module throws
   */
  beginWithLogin(session: Handle, pin: string | undefined, begin: () => void): void {
    this.#assertMayTry(pin)
    begin()
    try {
      this.#tryPin(session, CKU_CONTEXT_SPECIFIC, pin)
    } catch (error) {
      throw CountersignError.is(error, 'ERR_OPERATION_UNSUPPORTED') ? noContextLogin(error) : error
    }
  }

  #isLoggedIn(session: Handle): boolean {
    if ((this.#flags() & CKF_LOGIN_REQUIRED) === 0) return true
    const { state } = this.cryptoki.C_GetSessionInfo(session)
    return state === CKS_RO_USER_FUNCTIONS || state === CKS_RW_USER_FUNCTIONS
  }

  #flags(): number {
    return this.cryptoki.C_GetTokenInfo(this.slot).flags
  }

  /** Called right before the try, with no wait between: of many callers with one wrong PIN, one tries it. */
  #assertMayTry(pin: string | undefined): void {
    if (this.#refusedPins.has(pin)) throw pinRefused(this.#label)
    // After the PIN was read, which may have taken a person a minute.
    assertPinMayBeTried(this.#flags(), this.#label)
  }

  #tryPin(session: Handle, user: number, pin: string | undefined): void {
    try {
      if (pin === undefined) this.#onPinPad(true)
      this.cryptoki.C_Login(session, user, pin)
    } catch (error) {
      if (returnValueOf(error) === CKR_USER_ALREADY_LOGGED_IN) return
      if (PIN_REFUSALS.has(returnValueOf(error) ?? 0)) this.#refusedPins.add(pin)
      throw isStale(error) ? error : toPkcs11Failure(error, `login to token "${this.#label}"`)
    } finally {
      if (pin === undefined) this.#onPinPad(false)
    }
  }
}

function noContextLogin(cause: CountersignError): CountersignError {
  const message =
    'the key asks for a login for each signature (CKA_ALWAYS_AUTHENTICATE), which the token does not take'
  return new CountersignError('ERR_OPERATION_UNSUPPORTED', message, {
    details: { ...cause.details, cause: 'always-authenticate' },
    cause,
  })
}
