/**
 * Takes a place for work that costs, behind the rate limits and once the body is there: a request that is
 * refused, or whose body never ends, keeps no place from another.
 *
 * @packageDocumentation
 */
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type { ServiceSettings } from '../context.ts'
import { FairQueue } from '../http/fair-queue.ts'

type QueueSettings = Pick<ServiceSettings, 'maxConcurrent' | 'maxQueue'>

/** The part of the places that requests without a permission share. */
const SHARE_OF_OTHERS = 1 / 4

/** The plugin. Requests without a permission have a queue of their own. */
export const queue: FastifyPluginCallback<QueueSettings> = fp(
  (app: FastifyInstance, { maxConcurrent, maxQueue }: QueueSettings, done) => {
    const placesOfOthers = Math.ceil(maxConcurrent * SHARE_OF_OTHERS)
    const queues = {
      callers: new FairQueue({ maxConcurrent, maxQueue }),
      others: new FairQueue({ maxConcurrent: placesOfOthers, maxQueue }),
    }
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
  { account: { owner }, deadline }: FastifyRequest,
  { raw }: FastifyReply,
): Promise<void> {
  await places.enter(owner, deadline)
  const leave = (): void => {
    places.leave(owner)
  }
  if (raw.closed) leave()
  else raw.once('close', leave)
}
