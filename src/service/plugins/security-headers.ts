/** Headers that keep browsers from doing more with an answer than showing it. */
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'

/** What OWASP's HTTP header guide and helmet set, as strict as answers without scripts can bear it. */
const HEADERS = {
  'content-security-policy': "default-src 'none';frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  // Keys and histories are published for any site to read.
  'cross-origin-resource-policy': 'cross-origin',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-dns-prefetch-control': 'off',
  'x-download-options': 'noopen',
  'x-frame-options': 'SAMEORIGIN',
  'x-permitted-cross-domain-policies': 'none',
  'x-xss-protection': '0',
} as const

/** A browser ignores it over plain http; an issuer on http is one on loopback. */
const HTTPS_ONLY = { 'strict-transport-security': 'max-age=31536000' } as const

/**
 * The plugin. Pages that need more replace the policy in their answer. Set here and not by \@fastify/helmet,
 * which rebuilds them for every answer and takes node's slow path for headers.
 */
export const securityHeaders: FastifyPluginCallback<{ issuer: string }> = fp(
  (app: FastifyInstance, { issuer }: { issuer: string }, done) => {
    const headers = issuer.startsWith('https:') ? { ...HEADERS, ...HTTPS_ONLY } : HEADERS
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(headers)
      done()
    })
    done()
  },
)
