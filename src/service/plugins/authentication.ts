/** Lets nobody in without a caller, but where a route says so. */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { CountersignError } from '../../errors.ts'
import type { ServiceContext } from '../context.ts'
import { addressKey, throttled } from './rate-limits.ts'

type AuthenticationContext = Pick<ServiceContext, 'authenticate' | 'settings'>

/** The plugin; it runs before a body is read. An address with many failures has to wait. */
export const authentication: FastifyPluginCallback<AuthenticationContext> = fp(
  (app: FastifyInstance, { authenticate, settings }: AuthenticationContext, done) => {
    const failures = app.createRateLimit({
      max: settings.failuresPerMinute,
      timeWindow: 60_000,
      keyGenerator: ({ ip }) => `failures ${addressKey(ip)}`,
    })
    app.decorateRequest('caller', undefined)
    app.addHook('onRequest', (request, reply, done) => {
      if (request.is404 || request.routeOptions.config.auth === 'none') {
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
      const before = await failures(request, { increment: false })
      if (!before.isAllowed && before.remaining <= 0) throw throttled(before.ttlInSeconds)
      try {
        request.caller = await authenticate(request.headers.authorization, {
          signal: request.deadline,
        })
      } catch (error) {
        await countFailure(request, error)
        throw error
      }
    }

    async function countFailure(request: FastifyRequest, error: unknown): Promise<void> {
      if (CountersignError.is(error, 'ERR_NOT_AUTHENTICATED')) await failures(request)
    }
    done()
  },
  { dependencies: ['@fastify/rate-limit'] },
)
