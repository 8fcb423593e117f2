/**
 * How long a process with a module may take. No call into a module can be stopped from inside, so these are kept
 * outside, and a process that overruns them is ended.
 *
 * @packageDocumentation
 */
import type { CallName } from '../calls.ts'

/** Deadlines in milliseconds. */
export interface Deadlines {
  /** Starting a process. */
  readonly start: number
  /** Loading and initializing the module, which may look for devices in a network. */
  readonly load: number
  /** Between two answers while calls wait: a token that works through a queue gives one after the other. */
  readonly answer: number
  /** One call, whatever else is answered meanwhile. */
  readonly call: number
  /** Creating a key, during which other calls may wait too. */
  readonly create: number
  /** Entering a PIN at the token. */
  readonly pinPad: number
  /** Closing all sessions at the end. */
  readonly close: number
}

/**
 * Deadlines that follow from the one that depends on the token.
 *
 * @param answer - see {@link Deadlines.answer}
 */
export function deadlinesOf(answer: number): Deadlines {
  const load = Math.max(30_000, answer)
  return {
    start: 30_000,
    load,
    answer,
    call: 5 * answer,
    create: Math.max(120_000, 5 * answer),
    pinPad: 180_000,
    close: 3_000,
  }
}

/** How long no answer may come while these calls wait; the longest counts, since tokens do one thing at a time. */
export function answerDeadline(calls: Iterable<CallName>, deadlines: Deadlines): number {
  return Math.max(0, ...[...calls].map((name) => longestSilence(name, deadlines)))
}

/** How long one call may take. */
export function callDeadline(name: CallName, deadlines: Deadlines): number {
  return Math.max(deadlines.call, longestSilence(name, deadlines))
}

/** Calls that make a key pair, or test one that came in. */
const MAKING: readonly CallName[] = ['create', 'importParameters', 'importMaterial']

function longestSilence(name: CallName, { load, answer, create }: Deadlines): number {
  if (name === 'loadModule') return load
  return MAKING.includes(name) ? create : answer
}
