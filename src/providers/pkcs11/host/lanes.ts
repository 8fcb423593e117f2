/**
 * Who may use a token now: as many calls at a time as it has sessions, in the order they came.
 *
 * @packageDocumentation
 */
import { toCancellation, untilCancelled } from '../../../basics/cancellation.ts'
import type { Pkcs11Uri } from '../uri.ts'

interface Lane {
  running: number
  readonly waiting: Set<() => void>
}

/** A lane for each token, by what references say of it. */
export class Lanes {
  readonly #width: number
  /** A lane is dropped with its last call. */
  readonly #lanes = new Map<string, Lane>()

  /** @param width - calls of one token at the same time, at the most */
  constructor(width: number) {
    this.#width = width
  }

  /**
   * Runs work when it is its turn. A caller whose signal is aborted is let go at once; the next one has its turn when
   * the work, which can't be stopped, is done.
   *
   * @throws what the work throws; {@link CountersignError} ERR_CANCELLED, ERR_TIMEOUT — the signal is aborted
   */
  async run<T>(
    uri: Pkcs11Uri,
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { token, serial, slotId, manufacturer, model } = uri
    const name = JSON.stringify([token, serial, slotId, manufacturer, model])
    const lane = this.#lanes.get(name) ?? { running: 0, waiting: new Set() }
    this.#lanes.set(name, lane)
    if (lane.running >= this.#width) await wait(lane, signal)
    else lane.running += 1
    const leave = (): void => {
      this.#leave(name, lane)
    }
    const running = work().finally(leave)
    return untilCancelled(running, signal)
  }

  #leave(name: string, lane: Lane): void {
    const [next] = lane.waiting
    if (next !== undefined) {
      lane.waiting.delete(next)
      next()
      return
    }
    lane.running -= 1
    if (lane.running === 0) this.#lanes.delete(name)
  }
}

/** Waits for the turn of a call that ends. */
function wait(lane: Lane, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject }: PromiseWithResolvers<void> = Promise.withResolvers()
  const leave = (): void => {
    lane.waiting.delete(resolve)
    if (signal !== undefined) reject(toCancellation(signal))
  }
  lane.waiting.add(resolve)
  signal?.addEventListener('abort', leave, { once: true })
  if (signal?.aborted === true) leave()
  return promise.finally(() => {
    signal?.removeEventListener('abort', leave)
  })
}
