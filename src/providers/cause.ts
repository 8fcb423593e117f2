/**
 * Causes: why a backend refuses, as far as its answers state it. Each provider has a table of them, so that an
 * error of any command names the layer at fault and what fixes it there.
 *
 * @packageDocumentation
 */
import type { ErrorCode, ErrorDetails } from '../errors.ts'

/** One cause; `Facts` is what its cure is written with. */
export interface Cause<Facts> {
  /** Stable name, unique within its provider; `cause` in the details of an error. */
  readonly id: string
  /** What has to change: a kind of policy, the network, the PIN… `layer` in the details. */
  readonly layer: string
  /** What is wrong, for people. */
  readonly summary: string
  readonly code: ErrorCode
  /** What to do about it; a command or a policy statement comes last, after ": ". */
  readonly cure: (facts: Facts) => string
  /** Where the answer that means it is documented: an address, or how it was measured. */
  readonly source: string
}

/** What an error states of its cause. */
export function causeDetails({ id, layer }: Pick<Cause<never>, 'id' | 'layer'>): ErrorDetails {
  return { cause: id, layer }
}
