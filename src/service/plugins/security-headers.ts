/** Headers that keep browsers from doing more with an answer than showing it. */
import helmet from '@fastify/helmet'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'

/** The plugin. Pages that need more set their own policy on their route (`helmet` of the route). */
export const securityHeaders: FastifyPluginAsync<{ issuer: string }> = fp(
  async (app: FastifyInstance, { issuer }: { issuer: string }) => {
    const directives = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] }
    await app.register(helmet, {
      global: true,
      contentSecurityPolicy: { useDefaults: false, directives },
      // A browser ignores it over plain http; an issuer on http is one on loopback.
      strictTransportSecurity: issuer.startsWith('https:')
        ? { maxAge: 31_536_000, includeSubDomains: false }
        : false,
      // Keys and histories are published for any site to read.
      crossOriginResourcePolicy: { policy: 'cross-origin' },
    })
  },
)
