import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

/**
 * Writes one line for each request, once it is over, with what it was and how it ended: every line is
 * written before anything else goes on, so a second one would cost as much as the policies do.
 */
export class RequestLog extends LogController {
  override incomingRequest(): void {
    // Nothing is known yet that the line at its end does not say.
  }

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    if (this.isLogDisabled(request)) return
    const line = { req: request, res: reply, responseTime: reply.elapsedTime }
    if (error) reply.log.error({ ...line, err: error }, 'request errored')
    else reply.log.info(line, 'request completed')
  }
}
