/** Waits for KMS, which is eventually consistent: a new key may be unknown for some seconds. */
import { CountersignError } from '../../errors.ts'
import type { KmsClient } from './client.ts'

/** Settles after a number of ms, or rejects when the signal aborts. */
export type Delay = (ms: number, signal?: AbortSignal) => Promise<unknown>

/** What work on a key stands on that was just made. */
export interface NewKeyContext {
  readonly client: KmsClient
  readonly delay: Delay
}

/** In ms; then it fails. */
const VISIBILITY_DELAYS = [250, 500, 1000, 2000, 4000] as const

/** Repeats an attempt while it fails because the key is not known yet. */
export async function onceVisible(
  { delay }: NewKeyContext,
  signal: AbortSignal | undefined,
  attempt: () => Promise<void>,
): Promise<void> {
  for (const ms of VISIBILITY_DELAYS) {
    try {
      await attempt()
      return
    } catch (error) {
      if (!CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) throw error
      await delay(ms, signal)
    }
  }
  await attempt()
}
