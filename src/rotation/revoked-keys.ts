/** Disabling revoked keys in their backends, again and again until it worked. */
import type { CountersignError } from '../errors.ts'
import { actInBackend } from './backend.ts'
import type { RotationContext } from './context.ts'

/** A key pair that could not be disabled. */
interface Setback {
  readonly failures: number
  readonly notBefore: Date
}

const FIRST_WAIT_MS = 10_000
const LONGEST_WAIT_MS = 10 * 60_000

/**
 * Sees to it that what is revoked is disabled, whatever kept the revocation itself from doing so. What
 * was done is remembered in memory alone: disabling twice does no harm, so another process repeats it.
 */
export class RevokedKeys {
  readonly #rotation: RotationContext
  readonly #onAlert: (error: CountersignError, key: string) => void
  /** Kids with which nothing is left to do; grows by one for every revocation. */
  readonly #settled = new Set<string>()
  /** By kid. */
  readonly #setbacks = new Map<string, Setback>()

  constructor(rotation: RotationContext, onAlert: (error: CountersignError, key: string) => void) {
    this.#rotation = rotation
    this.#onAlert = onAlert
  }

  /**
   * Disables what is revoked, not destroyed, and not known to be disabled; what fails goes to `onAlert`.
   *
   * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE
   */
  async disableAll(lost: AbortSignal): Promise<void> {
    const { store, now } = this.#rotation
    const versions = await store.transaction((records) => records.keys.versions())
    for (const version of versions) {
      const { kid } = version.publicKey
      if (version.state !== 'revoked' || this.#settled.has(kid)) continue
      const { failures = 0, notBefore } = this.#setbacks.get(kid) ?? {}
      if (lost.aborted || (notBefore !== undefined && now() < notBefore)) continue
      const { error } = await actInBackend(this.#rotation, 'disable', version)
      if (error === undefined) {
        this.#settled.add(kid)
        this.#setbacks.delete(kid)
        continue
      }
      const waitMs = Math.min(FIRST_WAIT_MS * 2 ** failures, LONGEST_WAIT_MS)
      const next = new Date(now().getTime() + waitMs)
      this.#setbacks.set(kid, { failures: failures + 1, notBefore: next })
      this.#onAlert(error, version.key)
    }
  }
}
