/** Waits for KMS, which is eventually consistent: a new key may be unknown for some seconds. */
import { CountersignError } from '../../errors.ts'
import type { KmsClient } from './client.ts'

/** Settles after a number of ms, or rejects when the signal aborts. */
export type Delay = (ms: number, signal?: AbortSignal) => Promise<unknown>

/** What work on a key stands on that was just made. */
export interface NewKeyContext {
  readonly client: KmsClient
  /** Of the other regions that the key shall be in. */
  readonly others: readonly KmsClient[]
  readonly delay: Delay
}

/** What KMS says of a key that it does not know yet, or is still creating in its region. */
const NOT_YET: readonly string[] = ['ERR_KEY_NOT_FOUND', 'ERR_KEY_NOT_USABLE']

/** In ms; then it fails. */
const VISIBILITY_DELAYS = [250, 500, 1000, 2000, 4000] as const

/** Repeats an attempt while it fails because the key is not there yet. */
export async function onceVisible(
  { delay }: Pick<NewKeyContext, 'delay'>,
  signal: AbortSignal | undefined,
  attempt: () => Promise<void>,
): Promise<void> {
  for (const ms of VISIBILITY_DELAYS) {
    try {
      await attempt()
      return
    } catch (error) {
      if (!CountersignError.is(error) || !NOT_YET.includes(error.code)) throw error
      await delay(ms, signal)
    }
  }
  await attempt()
}
