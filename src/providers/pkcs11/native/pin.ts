/**
 * When a PIN may be tried. A token locks itself after a few wrong ones.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { CountersignError } from '../../../errors.ts'
import { CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED } from './cryptoki.ts'

/**
 * Makes sure that a wrong PIN would not lock the token.
 *
 * @param flags - of CK_TOKEN_INFO, read just now
 * @throws {@link CountersignError} ERR_PIN_LOCKED — locked, or one try from it
 */
export function assertPinMayBeTried(flags: number, label: string): void {
  if ((flags & CKF_USER_PIN_LOCKED) !== 0) {
    throw new CountersignError('ERR_PIN_LOCKED', `the PIN of token "${label}" is locked`, {
      details: { provider: 'pkcs11', cause: 'pin-locked' },
    })
  }
  if ((flags & CKF_USER_PIN_FINAL_TRY) !== 0) {
    const message = `one more wrong PIN would lock token "${label}", so none was tried`
    throw new CountersignError('ERR_PIN_LOCKED', message, {
      details: { provider: 'pkcs11', cause: 'pin-last-try' },
    })
  }
}

/** Digests of PINs that were refused, each with its token; they outlive the connections that add to them. */
export type Refusals = Pick<Set<string>, 'has' | 'add'>

/** Remembers which PINs a token has refused, and none of them in the clear. */
export class RefusedPins {
  readonly #token: string
  readonly #refusals: Refusals

  /** @param token - what tells it from others */
  constructor(token = '', refusals: Refusals = new Set()) {
    this.#token = token
    this.#refusals = refusals
  }

  /** Whether the token has refused this PIN; undefined stands for its own PIN pad. */
  has(pin: string | undefined): boolean {
    return pin !== undefined && this.#refusals.has(this.#digestOf(pin))
  }

  add(pin: string | undefined): void {
    if (pin !== undefined) this.#refusals.add(this.#digestOf(pin))
  }

  #digestOf(pin: string): string {
    return createHash('sha256')
      .update(JSON.stringify([this.#token, pin]))
      .digest('hex')
  }
}

/** Makes the error of a token that needs a PIN when none was given. */
export function pinMissing(label: string): CountersignError {
  return new CountersignError('ERR_PIN_WRONG', `token "${label}" needs a PIN and none was given`, {
    details: { provider: 'pkcs11', cause: 'pin-missing' },
  })
}

/** Makes the error of a PIN the token has refused before. */
export function pinRefused(label: string): CountersignError {
  const message = `token "${label}" has refused this PIN; it was not tried again`
  return new CountersignError('ERR_PIN_WRONG', message, {
    details: { provider: 'pkcs11', cause: 'pin-refused-before' },
  })
}
