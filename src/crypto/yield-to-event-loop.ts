import { setImmediate } from 'node:timers/promises'

let last: Promise<unknown> = Promise.resolve()

/**
 * Waits for one turn of the event loop after the previous caller's. Work that blocks the thread for
 * milliseconds calls it before each piece, so that other requests run in between.
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
