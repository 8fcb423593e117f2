/** Answers requests that no route takes, before a byte of their bodies is read. */
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { CountersignError } from '../../errors.ts'
import { isMuchUnread, routeNotFound } from './problems.ts'

interface Address {
  readonly pattern: RegExp
  readonly methods: Set<string>
}

/**
 * The plugin; registered before the routes. An address that has routes for other methods is answered with 405
 * and `Allow` (RFC 9110 section 15.5.6), OPTIONS with `Allow` alone; any other with 404.
 */
export const unrouted: FastifyPluginCallback = fp((app: FastifyInstance, _options, done) => {
  const addresses = new Map<string, Address>()
  app.addHook('onRoute', ({ url, method }) => {
    const address = addresses.get(url) ?? { pattern: toPattern(url), methods: new Set() }
    for (const one of [method].flat()) address.methods.add(one)
    addresses.set(url, address)
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) {
      done()
      return
    }
    const allowed = methodsAt(request.url.split('?', 1)[0] ?? '')
    if (allowed.length > 0) reply.header('allow', allowed.join(', '))
    if (isMuchUnread(request)) reply.header('connection', 'close')
    if (allowed.includes(request.method)) void reply.status(204).send()
    else done(allowed.length === 0 ? routeNotFound() : methodNotAllowed(request.method, allowed))
  })

  function methodsAt(path: string): readonly string[] {
    const found = [...addresses.values()].filter(({ pattern }) => pattern.test(path))
    const methods = new Set(found.flatMap((address) => [...address.methods]))
    return methods.size === 0 ? [] : [...methods.add('OPTIONS')].toSorted()
  }
  done()
})

/** Matches what the router would; the addresses are ours, so nothing in them needs more care than a dot. */
function toPattern(address: string): RegExp {
  const parts = address.split('/').map((part) => {
    if (part.startsWith(':')) return '[^/]+'
    return part === '*' ? '.*' : part.replaceAll('.', '\\.')
  })
  return new RegExp(`^${parts.join('/')}$`)
}

function methodNotAllowed(method: string, allowed: readonly string[]): CountersignError {
  return new CountersignError(
    'ERR_ROUTE_NOT_FOUND',
    `this address does not take ${method}, expected ${allowed.join(' or ')}`,
    {
      hint: 'see /openapi.json for what is there, and with which method',
      details: { status: 405 },
    },
  )
}
