import { setImmediate } from 'node:timers/promises'

let last: Promise<unknown> = Promise.resolve()

/**
 * Waits until the event loop has gone round since whoever asked before. Work that keeps a thread for
 * milliseconds asks before each piece, so that everybody else has a turn between two.
 */
export function nextTurn(): Promise<void> {
  const turn = last.then(() => setImmediate())
  last = turn
  return turn
}

/** Hashing, encoding or serializing so much takes about a millisecond. */
const LARGE_BYTES = 256 * 1024

/** Waits for the next turn before work on so many bytes or characters; a small amount needs none. */
export async function turnFor(size: number): Promise<void> {
  if (size > LARGE_BYTES) await nextTurn()
}
