/** Establishes who calls: refuses requests without a caller, but where a route says otherwise. */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { CountersignError } from '../../errors.ts'
import type { ServiceContext } from '../context.ts'
import { addressKey, throttled } from './rate-limits.ts'

type AuthenticationContext = Pick<ServiceContext, 'authenticate' | 'settings'>

/**
 * The plugin; it runs before a body is read. Bad tokens of an address with many failures get ERR_THROTTLED; a good
 * one is let in all the same, so that no client locks out another behind the same address.
 */
export const authentication: FastifyPluginCallback<AuthenticationContext> = fp(
  (app: FastifyInstance, { authenticate, settings }: AuthenticationContext, done) => {
    const failures = app.createRateLimit({
      max: settings.failuresPerMinute,
      timeWindow: 60_000,
      keyGenerator: ({ ip }) => `failures ${addressKey(ip)}`,
    })
    app.decorateRequest('caller', undefined)
    app.addHook('onRequest', (request, reply, done) => {
      if (request.is404 || !needsCaller(request)) {
        done()
        return
      }
      // What one caller may read is nothing for caches on the way.
      reply.header('cache-control', 'no-store')
      establishCaller(request).then(() => {
        done()
      }, done)
    })

    async function establishCaller(request: FastifyRequest): Promise<void> {
      try {
        request.caller = await authenticate(request.headers.authorization, {
          signal: request.deadline,
        })
      } catch (error) {
        if (!CountersignError.is(error, 'ERR_NOT_AUTHENTICATED')) throw error
        const counted = await failures(request)
        throw !counted.isAllowed && counted.isExceeded ? throttled(counted.ttlInSeconds) : error
      }
    }
    done()
  },
  { dependencies: ['@fastify/rate-limit'] },
)

function needsCaller({ headers, routeOptions }: FastifyRequest): boolean {
  const { auth } = routeOptions.config
  return auth === 'optional' ? headers.authorization !== undefined : auth !== 'none'
}
