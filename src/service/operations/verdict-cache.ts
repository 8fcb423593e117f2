/** A bounded memory of bundles that verified: what was asked for longest ago is forgotten first. */
import { LruMap } from '../../basics/lru-map.ts'
import type { Verdict } from '../../verification/verify-artifact.ts'

type GoodVerdict = Verdict & { readonly ok: true }

/**
 * Remembers good verdicts only. A failure may pass (a key is published, a time stamp is added), and
 * remembering failures would let attackers fill the memory.
 */
export class VerdictCache {
  /** By question. */
  readonly #verdicts: LruMap<GoodVerdict>
  readonly #maxBytes: number

  /** @param limits - how many verdicts, and the longest bundle, are remembered: a verdict holds all it says */
  constructor(limits: { readonly entries: number; readonly bundleBytes: number }) {
    this.#verdicts = new LruMap(limits.entries)
    this.#maxBytes = limits.bundleBytes
  }

  /** The verdict to a question about a bundle of that length: the remembered one, or what `judge` says now. */
  async get(
    question: string,
    bundleBytes: number,
    judge: () => Promise<Verdict>,
  ): Promise<Verdict> {
    if (bundleBytes > this.#maxBytes) return judge()
    const known = this.#verdicts.get(question)
    if (known !== undefined) return known
    const verdict = await judge()
    if (verdict.ok) this.#verdicts.set(question, verdict)
    return verdict
  }
}
