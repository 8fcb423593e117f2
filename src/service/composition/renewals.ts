/**
 * Files and credentials that others renew while the service runs: files are read again every minute, everything when
 * the operator says so (SIGHUP). The configuration is not among them.
 *
 * @packageDocumentation
 */
import { type CountersignError, toCountersignError } from '../../errors.ts'
import type { Renewable } from '../../basics/renewal.ts'

/** What is renewed, and who learns of it. */
export interface RenewalsOptions {
  /** Read again every minute. */
  readonly files: readonly Renewable[]
  /** Costly to ask for: renewed by themselves once they are refused, or when the operator says so. */
  readonly credentials: readonly Renewable[]
  readonly onInfo: (message: string) => void
  /** Told of what cannot be used; what was in use stays in use. */
  readonly onError: (error: CountersignError) => void
}

/** How often files are read again, in ms. */
export const RENEWAL_INTERVAL_MS = 60_000

/** Renews what others renewed. */
export class Renewals {
  readonly #options: RenewalsOptions

  constructor(options: RenewalsOptions) {
    this.#options = options
  }

  /** Reads the files again. Never rejects. */
  async runFiles(): Promise<void> {
    const { files, onInfo } = this.#options
    const renewed = await this.#renew(files)
    if (renewed.length > 0) onInfo(`renewed: ${renewed.join(', ')}`)
  }

  /** Renews everything, and says so where nothing differs too. Never rejects. */
  async runAll(): Promise<void> {
    const { credentials, files, onInfo } = this.#options
    const renewed = await this.#renew([...files, ...credentials])
    const what = renewed.length > 0 ? renewed.join(', ') : 'nothing'
    onInfo(
      `SIGHUP: renewed: ${what}; the configuration and the policies are read at the start only`,
    )
  }

  /** Answers the names of what differs now. */
  async #renew(things: readonly Renewable[]): Promise<readonly string[]> {
    const outcomes = things.map(async (thing) => {
      try {
        return (await thing.renew()) ? [thing.name] : []
      } catch (error) {
        this.#options.onError(toCountersignError(error))
        return []
      }
    })
    return (await Promise.all(outcomes)).flat()
  }
}
