/**
 * A bounded queue before the work that costs: so many at a time, so many waiting, and an honest refusal
 * for the rest, at once and not after a long wait.
 *
 * @packageDocumentation
 */
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { toCancellation } from '../../cancellation.ts'
import { CountersignError } from '../../errors.ts'
import type { ServiceSettings } from '../context.ts'

type QueueSettings = Pick<ServiceSettings, 'maxConcurrent' | 'maxQueue'>

/** Admits work in the order it came. */
class AdmissionQueue {
  readonly #settings: QueueSettings
  /** Requests that were admitted and have not left; changed by {@link enter} and {@link leave} only. */
  #running = 0
  readonly #waiting = new Set<() => void>()

  constructor(settings: QueueSettings) {
    this.#settings = settings
  }

  /**
   * Waits for a place; whoever got one must {@link leave}.
   *
   * @throws {@link CountersignError} ERR_OVERLOADED — the queue is full; ERR_CANCELLED, ERR_TIMEOUT — the
   * signal is aborted while waiting
   */
  async enter(signal: AbortSignal): Promise<void> {
    if (this.#running < this.#settings.maxConcurrent) {
      this.#running += 1
      return
    }
    if (this.#waiting.size >= this.#settings.maxQueue) {
      throw new CountersignError('ERR_OVERLOADED', 'more requests wait than the service takes', {
        details: { retryAfterSeconds: 1 },
      })
    }
    await this.#wait(signal)
  }

  /** Gives the place to the next who waits. */
  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#running -= 1
    else next()
  }

  #wait(signal: AbortSignal): Promise<undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>()
    const admit = (): void => {
      this.#waiting.delete(admit)
      signal.removeEventListener('abort', giveUp)
      resolve(undefined)
    }
    const giveUp = (): void => {
      this.#waiting.delete(admit)
      reject(toCancellation(signal))
    }
    this.#waiting.add(admit)
    signal.addEventListener('abort', giveUp, { once: true })
    return promise
  }
}

/**
 * The plugin: work that costs goes through the queue, before its body is read and behind the rate limits, so
 * that a caller who is refused by those takes nobody's place. Strangers have a queue of their own.
 */
export const queue: FastifyPluginCallback<QueueSettings> = fp(
  (app: FastifyInstance, settings: QueueSettings, done) => {
    const ofCallers = new AdmissionQueue(settings)
    const ofStrangers = new AdmissionQueue(settings)
    app.addHook('preParsing', (request, reply, _payload, done) => {
      const isStranger = request.caller === undefined
      if (isStranger && request.routeOptions.config.isCostly !== true) {
        done()
        return
      }
      takePlace(isStranger ? ofStrangers : ofCallers, request, reply).then(() => {
        done()
      }, done)
    })
    done()
  },
)

async function takePlace(
  places: AdmissionQueue,
  { deadline }: FastifyRequest,
  { raw }: FastifyReply,
): Promise<void> {
  await places.enter(deadline)
  const leave = (): void => {
    places.leave()
  }
  if (raw.closed) leave()
  else raw.once('close', leave)
}
