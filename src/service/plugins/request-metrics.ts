/** Counts and measures requests, once each is over; registered only where metrics are read. */
import type { FastifyInstance, FastifyPluginCallback } from 'fastify'
import fp from 'fastify-plugin'
import { operationOf } from '../http/request.ts'
import type { ServiceMetrics } from '../metrics/service-metrics.ts'

/** What it reports to. */
export type RequestMetrics = Pick<ServiceMetrics, 'requestBegan' | 'requestEnded'>

/** The plugin. */
export const requestMetrics: FastifyPluginCallback<RequestMetrics> = fp(
  (app: FastifyInstance, { requestBegan, requestEnded }: RequestMetrics, done) => {
    app.addHook('onRequest', (_request, _reply, next) => {
      requestBegan()
      next()
    })
    app.addHook('onResponse', (request, { elapsedTime, statusCode: status }, next) => {
      requestEnded({ operation: operationOf(request), status, seconds: elapsedTime / 1000 })
      next()
    })
    done()
  },
)
