/** Bounds how much one caller may ask for, so that no caller keeps the others waiting. */
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import { CountersignError } from '../../errors.ts'
import { callerId } from '../http/request.ts'

/** Makes the error of a caller who asks too often. */
export function throttled(retryAfterSeconds: number): CountersignError {
  return new CountersignError('ERR_THROTTLED', 'too many requests', {
    hint: `wait ${retryAfterSeconds} s, then try again`,
    retryAfterSeconds,
  })
}

/** One text for one address; in IPv6 for a network of 64 bits, since a client with one address controls them all. */
export function addressKey(ip: string): string {
  return normalizeIP(ip, 64)
}

/** The plugin. It counts by caller, and by address where none exists; each replica for itself. */
export const rateLimits: FastifyPluginAsync<{ requestsPerMinute: number }> = fp(
  async (app: FastifyInstance, { requestsPerMinute }: { requestsPerMinute: number }) => {
    await app.register(rateLimit, {
      max: requestsPerMinute,
      timeWindow: 60_000,
      enableDraftSpec: true,
      keyGenerator: ({ caller, ip }) =>
        caller === undefined ? `address ${addressKey(ip)}` : callerId(caller),
      errorResponseBuilder: (_request, { ttl }) => throttled(Math.ceil(ttl / 1000)),
    })
  },
)
