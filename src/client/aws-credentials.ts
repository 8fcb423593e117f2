/** Credentials of AWS that are asked for again where they come from, once AWS refuses those at hand. */
import { CountersignError } from '../errors.ts'

/** What AWS knows a caller by. */
interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
}

/** Gives credentials; by force not those at hand, but what their source holds now. */
export type CredentialSource = (options?: {
  readonly forceRefresh?: boolean
}) => Promise<Credentials>

const PARTS = ['accessKeyId', 'secretAccessKey', 'sessionToken'] as const

/** Credentials of one client of the SDK. */
export class RenewableCredentials {
  readonly #source: CredentialSource
  /** How often others took the place of those at hand; changed by #renew alone. */
  #renewals = 0
  /** The renewal under way, for all calls that need one. */
  #renewing: Promise<boolean> | undefined

  constructor(source: CredentialSource) {
    this.#source = source
  }

  /** Asks for them again; answers whether they differ. Where there are none, those at hand stay. */
  renew(): Promise<boolean> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  /** Makes a call, and once again with others where it ends with ERR_NOT_AUTHENTICATED and there are others. */
  async retrying<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const renewals = this.#renewals
    try {
      return await call()
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_NOT_AUTHENTICATED')) throw error
      // Another call may have found them meanwhile.
      const areOthers = renewals !== this.#renewals || (await this.renew())
      if (!areOthers || signal?.aborted === true) throw error
      return call()
    }
  }

  async #renew(): Promise<boolean> {
    try {
      const before = await this.#source()
      const after = await this.#source({ forceRefresh: true })
      const areSame = PARTS.every((part) => before[part] === after[part])
      if (!areSame) this.#renewals += 1
      return !areSame
    } catch {
      // A file that is half written, a service that does not answer: the refused call says what matters.
      return false
    }
  }
}
