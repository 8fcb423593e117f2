/** Looking at all checks at once: for `/readyz`, and for the metrics. */
import { untilCancelled } from '../../basics/cancellation.ts'
import { type CountersignError, toCountersignError } from '../../errors.ts'
import type { Key } from '../../keys/key.ts'
import type { ReadinessCheck } from '../context.ts'

/** What a check found. */
export interface CheckResult {
  readonly name: string
  readonly key: Key | undefined
  readonly isAdvisory: boolean
  /** Undefined: all is well. */
  readonly error: CountersignError | undefined
  readonly since: Date | undefined
}

/** Who looks at the same time shares one look, so that a public route without limits costs one at a time. */
export function sharedLook(
  readiness: () => readonly ReadinessCheck[],
  timeoutMs: number,
): () => Promise<readonly CheckResult[]> {
  let running: Promise<readonly CheckResult[]> | undefined
  const start = async (): Promise<readonly CheckResult[]> => {
    // A deadline of its own, since the first client may leave before the others.
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      return await Promise.all(readiness().map((one) => run(one, signal)))
    } finally {
      running = undefined
    }
  }
  return () => (running ??= start())
}

async function run(
  { check, isAdvisory = false, key, name, since }: ReadinessCheck,
  signal: AbortSignal,
): Promise<CheckResult> {
  const about = { name, key, isAdvisory }
  try {
    await untilCancelled(check(signal), signal)
    return { ...about, error: undefined, since: undefined }
  } catch (error) {
    return { ...about, error: toCountersignError(error), since: since?.() }
  }
}
