/** `POST /v1/keys/{key}/tokens`: claims in, a signed JWT out. */
import { toUtcSeconds } from '../../formats/time.ts'
import type { ServiceApp } from '../http/service-app.ts'
import type { ServiceContext } from '../context.ts'
import { issueLoggedToken } from '../operations/issue-token.ts'
import { askedBy } from '../http/request.ts'
import { keyParams } from '../schemas/key-path.ts'
import { tokenAnswer, tokenBody } from '../schemas/tokens.ts'

/** Registers the route. Answers are not remembered: the same request again gets a new token. */
export function tokenRoutes(app: ServiceApp, context: ServiceContext): void {
  app.post(
    '/v1/keys/:key/tokens',
    {
      config: { actions: ['issueToken'] },
      schema: {
        operationId: 'issueToken',
        summary: 'Issue a token.',
        tags: ['tokens'],
        params: keyParams,
        body: tokenBody,
        response: { 200: tokenAnswer },
      },
    },
    async (request, reply) => {
      const { key } = request.params
      const asked = askedBy(request)
      const attempt = { ...asked, action: 'issueToken', resource: key }
      const { expires, ...released } = await context.failures.watch(attempt, () =>
        issueLoggedToken(context, key, request.body, asked),
      )
      reply.header('cache-control', 'no-store')
      return { ...released, expires: toUtcSeconds(expires) }
    },
  )
}
