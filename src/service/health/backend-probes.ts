/**
 * Whether backends sign, found out by signing: a device that answers and can't sign is not ready. At
 * most one probe a minute for each version, however often the check is called.
 *
 * @packageDocumentation
 */
import { untilCancelled } from '../../basics/cancellation.ts'
import type { Keyring } from '../../rotation/keyring.ts'
import type { ReadinessCheck } from '../context.ts'

/** No token, statement or note reads like this, so a signature over it can be taken for nothing. */
const PROBE = new TextEncoder().encode('countersign probe: says nothing of anything')

/** Probes the keys of a keyring. */
export class BackendProbes {
  readonly #keyring: Keyring
  readonly #now: () => Date
  readonly #maxAgeMs: number
  /** When each version signed last, by kid; changed by #probe. */
  readonly #signedAt = new Map<string, Date>()

  constructor(keyring: Keyring, now: () => Date, maxAgeMs = 60_000) {
    this.#keyring = keyring
    this.#now = now
    this.#maxAgeMs = maxAgeMs
  }

  /**
   * A check for every key: its active version signed something lately, or does now.
   *
   * @param configured - names of the keys that sign; left out: all
   */
  checks(configured?: readonly string[]): readonly ReadinessCheck[] {
    const { keys } = this.#keyring.snapshot
    const signing = keys.filter(({ name }) => configured?.includes(name) !== false)
    return signing.map(({ name, use }) => ({
      name: `key ${name}`,
      check: async (signal) => {
        const { signer } = await untilCancelled(this.#keyring.activeSigner(name, use), signal)
        const { kid } = signer.key
        const now = this.#now()
        const signedAt = this.#signedAt.get(kid)
        if (signedAt !== undefined && now.getTime() - signedAt.getTime() < this.#maxAgeMs) return
        await signer.sign(PROBE, { signal })
        this.#signedAt.set(kid, now)
      },
    }))
  }
}
