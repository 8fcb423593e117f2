/**
 * Takes a place for work that costs, behind the rate limits and once the body is there: a request that is
 * refused, or whose body never ends, keeps no place from another.
 *
 * @packageDocumentation
 */
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { FairQueue, type QueueLimits } from '../http/fair-queue.ts'

/** A queue for callers, and one for requests without a permission. */
export interface Queues {
  readonly callers: FairQueue
  readonly others: FairQueue
}

/** The part of the places that requests without a permission share. */
const SHARE_OF_OTHERS = 1 / 4

/** Makes the queues. */
export function createQueues({ maxConcurrent, maxQueue, parts }: QueueLimits): Queues {
  const placesOfOthers = Math.ceil(maxConcurrent * SHARE_OF_OTHERS)
  return {
    callers: new FairQueue({ maxConcurrent, maxQueue, parts }),
    others: new FairQueue({ maxConcurrent: placesOfOthers, maxQueue, parts }),
  }
}

/** The plugin. */
export const queue: FastifyPluginCallback<Queues> = fp(
  (app: FastifyInstance, queues: Queues, done) => {
    app.addHook('preValidation', (request, reply, done) => {
      const { isCostly = request.caller !== undefined } = request.routeOptions.config
      if (!isCostly) {
        done()
        return
      }
      takePlace(queues[request.account.group], request, reply).then(() => {
        done()
      }, done)
    })
    done()
  },
)

async function takePlace(
  places: FairQueue,
  { account, deadline }: FastifyRequest,
  { raw }: FastifyReply,
): Promise<void> {
  await places.enter(account, deadline)
  const leave = (): void => {
    places.leave(account)
  }
  if (raw.closed) leave()
  else raw.once('close', leave)
}
