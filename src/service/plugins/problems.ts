/** Turns every failure into a problem document, and logs those that are ours. */
import type { FastifyInstance, FastifyPluginCallback, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { CountersignError } from '../../errors.ts'
import { type Problem, PROBLEM_MEDIA_TYPE, retryAfterSeconds, toProblem } from '../http/problem.ts'
import { operationOf } from '../http/request.ts'

/** Answers with the problem document of an error, which is returned too. */
export function sendProblem(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Problem {
  const problem = toProblem(thrown, request.id)
  const { status, code } = problem
  if (status >= 500) request.log.error({ err: thrown, code }, 'request failed')
  else request.log.info({ code, detail: problem.detail }, 'request refused')
  const seconds = retryAfterSeconds(thrown)
  if (seconds !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', seconds)
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  if (isMuchUnread(request)) reply.header('connection', 'close')
  void reply
    .status(status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_MEDIA_TYPE)
    .serializer(JSON.stringify)
    .send(problem)
  return problem
}

/** So much may still come on a connection that goes on being used. */
const MAX_UNREAD_BYTES = 64 * 1024

/** Node reads what is left of a body to keep the connection; of a large one that costs more than a new connection. */
export function isMuchUnread({ headers, raw }: FastifyRequest): boolean {
  if (raw.complete || raw.method === 'GET') return false
  const announced = headers['content-length']
  return announced === undefined
    ? headers['transfer-encoding'] !== undefined
    : Number(announced) > MAX_UNREAD_BYTES
}

/** Makes the error of an address without a route. */
export function routeNotFound(): CountersignError {
  return new CountersignError('ERR_ROUTE_NOT_FOUND', 'there is nothing at this address', {
    hint: 'see /openapi.json for what is there, and with which method',
  })
}

/** Who learns of problems. */
export interface ProblemOptions {
  readonly onProblem?: ((operation: string, code: string) => void) | undefined
}

/** The plugin. */
export const problems: FastifyPluginCallback<ProblemOptions> = fp(
  (app: FastifyInstance, { onProblem }: ProblemOptions, done) => {
    const send = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
      const { code } = sendProblem(error, request, reply)
      onProblem?.(operationOf(request), code)
    }
    app.setErrorHandler(send)
    app.setNotFoundHandler((request, reply) => {
      send(routeNotFound(), request, reply)
    })
    done()
  },
)
