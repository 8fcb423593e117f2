/** Stopping without losing a request: what runs is finished, what comes is sent elsewhere. */
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { CountersignError } from '../../errors.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Whether the service is about to stop. */
    isDraining(): boolean
    /** Makes `/readyz` say no, and refuses new work, while what runs goes on. */
    drain(): void
  }
}

/** The plugin. Routes without a caller go on being served: health, and published keys. */
export const drain: FastifyPluginCallback = fp((app: FastifyInstance, _options, done) => {
  let isDraining = false
  app.decorate('isDraining', () => isDraining)
  app.decorate('drain', () => {
    isDraining = true
  })
  app.addHook('preClose', (done) => {
    isDraining = true
    done()
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (!isDraining) {
      done()
      return
    }
    reply.header('connection', 'close')
    const { auth = 'required' } = request.routeOptions.config
    done(auth === 'required' ? shuttingDown() : undefined)
  })
  done()
})

function shuttingDown(): CountersignError {
  return new CountersignError('ERR_OVERLOADED', 'this replica is shutting down', {
    hint: 'try again: another replica answers',
    retryAfterSeconds: 1,
  })
}
