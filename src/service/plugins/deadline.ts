/** Gives every request an id that is returned, and a signal that aborts when the client is gone. */
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { untilCancelled } from '../../basics/cancellation.ts'
import { CountersignError } from '../../errors.ts'

/** The deadline of what is answered before any could pass. */
const NEVER = new AbortController().signal

/** What is tried again is over this long before the deadline, so that its failure is the answer. */
const ANSWER_MS = 500

interface DeadlineSettings {
  readonly requestTimeoutMs: number
  readonly now: () => Date
}

/** The plugin; a handler that does not stop by itself is left behind at its deadline. */
export const deadlines: FastifyPluginCallback<DeadlineSettings> = fp(
  (app: FastifyInstance, { requestTimeoutMs, now }: DeadlineSettings, done) => {
    app.decorateRequest('deadline')
    app.decorateRequest('until')
    app.addHook('onRequest', (request, reply, done) => {
      reply.header('x-request-id', request.id)
      request.until = now().getTime() + requestTimeoutMs - ANSWER_MS
      if (request.routeOptions.config.answersAtOnce === true) {
        request.deadline = NEVER
        done()
        return
      }
      const controller = new AbortController()
      const timer = setTimeout(() => {
        controller.abort(tooLong(requestTimeoutMs))
      }, requestTimeoutMs)
      // The request itself closes once its body is read; the response closes when its caller disconnects.
      reply.raw.once('close', () => {
        clearTimeout(timer)
        if (!reply.raw.writableFinished) controller.abort(callerLeft())
      })
      request.deadline = controller.signal
      done()
    })
    app.addHook('onRoute', (route) => {
      const { config, handler } = route
      if (config?.answersAtOnce === true) return
      route.handler = function (request, reply) {
        const work = Promise.resolve(handler.call(this, request, reply))
        return untilCancelled(work, request.deadline)
      }
    })
    done()
  },
)

function tooLong(milliseconds: number): CountersignError {
  return new CountersignError('ERR_TIMEOUT', `the request took longer than ${milliseconds} ms`)
}

function callerLeft(): CountersignError {
  return new CountersignError('ERR_CANCELLED', 'the caller went away')
}
