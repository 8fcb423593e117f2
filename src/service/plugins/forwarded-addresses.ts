/**
 * Detects a proxy in front of the service that is not configured: limits by address would then count all
 * callers behind it as one.
 *
 * @packageDocumentation
 */
import type { FastifyInstance, FastifyPluginCallback, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'

/** The plugin; it says so once, in the log of the process. The header is attacker-controlled and not shown. */
export const forwardedAddresses: FastifyPluginCallback = fp(
  (app: FastifyInstance, _options, done) => {
    let isSaid = false
    app.addHook('onRequest', (request, _reply, done) => {
      if (!isSaid && request.headers['x-forwarded-for'] !== undefined && isUntrusted(request)) {
        isSaid = true
        sayIt(request)
      }
      done()
    })
    done()
  },
)

/** Where the peer is trusted, the address is what it forwards. */
function isUntrusted({ ip, socket }: FastifyRequest): boolean {
  return ip === socket.remoteAddress
}

function sayIt({ ip, log }: FastifyRequest): void {
  const hint = `if ${ip} is your proxy, set serve.trustProxy to its address or network; otherwise the header is spoofed and ignored`
  log.error(
    { code: 'ERR_CONFIG_INVALID', peer: ip, hint },
    'requests come with x-forwarded-for from an address that serve.trustProxy does not name: all clients behind it share one limit of failed logins',
  )
}
