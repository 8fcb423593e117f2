/** Bounds how much one caller may ask for, so that no caller keeps the others waiting. */
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { CountersignError } from '../../errors.ts'
import { callerId } from '../request.ts'

/** Makes the error of a caller who asks too often. */
export function throttled(retryAfterSeconds: number): CountersignError {
  return new CountersignError('ERR_THROTTLED', 'too many requests', {
    hint: `wait ${retryAfterSeconds} s, then try again`,
    details: { retryAfterSeconds },
  })
}

/** The plugin. It counts by caller, and by address where there is none; each replica for itself. */
export const rateLimits: FastifyPluginAsync<{ requestsPerMinute: number }> = fp(
  async (app: FastifyInstance, { requestsPerMinute }: { requestsPerMinute: number }) => {
    await app.register(rateLimit, {
      max: requestsPerMinute,
      timeWindow: 60_000,
      enableDraftSpec: true,
      keyGenerator: ({ caller, ip }) => (caller === undefined ? `address ${ip}` : callerId(caller)),
      errorResponseBuilder: (_request, { ttl }) => throttled(Math.ceil(ttl / 1000)),
    })
  },
)
