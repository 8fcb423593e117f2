/**
 * What becomes of calls whose process ended.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../../errors.ts'
import type { CallName } from '../calls.ts'
import type { ModuleEnd } from './module-pipe.ts'

/** What each call does, for people. */
const ACTIVITIES: Readonly<Record<CallName, string>> = {
  loadModule: 'loading',
  findToken: 'finding the token',
  logIn: 'logging in',
  describe: 'reading the public key',
  open: 'opening the key',
  sign: 'signing',
  create: 'creating a key',
  importParameters: 'creating a wrapping key',
  importMaterial: 'importing a key',
  destroy: 'destroying a key',
  keepAlive: 'keeping sessions alive',
}

/** Why a process was ended from outside. */
export interface Overrun {
  readonly call: CallName | undefined
  readonly milliseconds: number
}

/** The end of a process, as a call meets it that was under way or waited for the start. */
export class ModuleGone extends Error {
  override readonly name = 'ModuleGone'
  readonly #modulePath: string
  readonly #end: ModuleEnd
  /** Set where the process did not answer and was ended for it. */
  readonly #overrun: Overrun | undefined

  constructor(modulePath: string, end: ModuleEnd, overrun: Overrun | undefined) {
    super('the process of the module ended')
    this.#modulePath = modulePath
    this.#end = end
    this.#overrun = overrun
  }

  /**
   * The error for the caller.
   *
   * @param restMs - for how long no process is started
   */
  toFailure(name: CallName, restMs: number): CountersignError {
    const retryAfterSeconds = Math.max(1, Math.ceil(restMs / 1000))
    return this.#overrun === undefined
      ? this.#crashed(name, retryAfterSeconds)
      : this.#stalled(this.#overrun, name, retryAfterSeconds)
  }

  #stalled(
    { call, milliseconds }: Overrun,
    name: CallName,
    retryAfterSeconds: number,
  ): CountersignError {
    const during = ACTIVITIES[call ?? name]
    const message = `the PKCS#11 module "${this.#modulePath}" did not answer within ${milliseconds} ms while ${during}`
    return new CountersignError('ERR_PROVIDER_UNAVAILABLE', message, {
      hint: 'check that the token and its service answer; the module was stopped and is started again',
      details: {
        provider: 'pkcs11',
        module: this.#modulePath,
        fault: 'stalled',
        during,
        milliseconds,
      },
      retryAfterSeconds,
    })
  }

  #crashed(name: CallName, retryAfterSeconds: number): CountersignError {
    const { status, signal, cause } = this.#end
    const how = signal ?? (status === null ? 'it could not be started' : `exit status ${status}`)
    const during = ACTIVITIES[name]
    const message = `the PKCS#11 module "${this.#modulePath}" crashed while ${during} (${how})`
    return new CountersignError('ERR_PROVIDER_UNAVAILABLE', message, {
      hint: "it is started again; if it crashes again, check its version and settings with the vendor's own tool",
      details: { provider: 'pkcs11', module: this.#modulePath, fault: 'crashed', during, end: how },
      retryAfterSeconds,
      cause,
    })
  }
}
