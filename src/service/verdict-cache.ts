/** A bounded memory of bundles that verified: what was asked for longest ago is forgotten first. */
import type { Verdict } from '../verification/verify-artifact.ts'

type GoodVerdict = Verdict & { readonly ok: true }

/**
 * Remembers good verdicts only. A failure may pass (a key is published, a time stamp is added), and
 * remembering failures would let strangers fill the memory.
 */
export class VerdictCache {
  /** By question, oldest use first. */
  readonly #verdicts = new Map<string, GoodVerdict>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The verdict to a question: the remembered one, or what `judge` says now. */
  async get(question: string, judge: () => Promise<Verdict>): Promise<Verdict> {
    const known = this.#verdicts.get(question)
    const verdict = known ?? (await judge())
    if (!verdict.ok) return verdict
    this.#verdicts.delete(question)
    this.#verdicts.set(question, verdict)
    const [oldest] = this.#verdicts.keys()
    if (this.#verdicts.size > this.#limit && oldest !== undefined) this.#verdicts.delete(oldest)
    return verdict
  }
}
