/** What is not an HTTP request, or never becomes one: answered with a problem document like everything else. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify'
import { CountersignError } from '../../errors.ts'
import { PROBLEM_MEDIA_TYPE, type Problem, retryAfterSeconds, toProblem } from './problem.ts'

type ClientErrorHandler = NonNullable<FastifyServerOptions['clientErrorHandler']>
type ConnectionError = Parameters<ClientErrorHandler>[0]

/** Makes what answers on a connection whose bytes are attacker-controlled, and ends the connection. */
export function createClientErrorHandler(randomId: () => string): ClientErrorHandler {
  return function (this: { readonly log: FastifyBaseLogger }, failure, socket) {
    if (failure.code === 'ECONNRESET' || socket.destroyed) return
    const error = toRequestError(failure)
    const problem = toProblem(error, randomId())
    const { code, requestId } = problem
    this.log.info({ code, reqId: requestId, reason: failure.code }, 'no request')
    if (socket.writable) write(socket, problem, retryAfterSeconds(error))
    socket.destroy(failure)
  }
}

function write(socket: Socket, problem: Problem, retryAfter: number | undefined): void {
  const { status } = problem
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
    ...(retryAfter === undefined ? [] : [`retry-after: ${retryAfter}`]),
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function toRequestError({ code }: ConnectionError): CountersignError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return tooSlow()
    case 'HPE_HEADER_OVERFLOW':
      return refused(431, 'the headers are over 16 KiB', 'send fewer and shorter headers')
    default:
      return refused(400, 'this is no HTTP request', 'send HTTP/1.1, as any HTTP library does')
  }
}

/** Makes the error of a request that is still not whole when its time is over. */
export function tooSlow(): CountersignError {
  return new CountersignError('ERR_TIMEOUT', 'the request did not come in time', {
    hint: 'send it whole and at once; what is large goes into fewer or smaller requests',
    details: { status: 408 },
  })
}

function refused(status: number, message: string, hint: string): CountersignError {
  return new CountersignError('ERR_REQUEST_INVALID', message, { hint, details: { status } })
}
