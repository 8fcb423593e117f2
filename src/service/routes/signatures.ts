/** `POST /v1/keys/{key}/signatures`: digests in, Sigstore bundles out. */
import type { ServiceApp } from '../service-app.ts'
import type { ServiceContext } from '../context.ts'
import type { Idempotency } from '../idempotency.ts'
import { type ArtifactResult, signArtifacts } from '../operations/sign-artifacts.ts'
import { toProblem } from '../problem.ts'
import { callerOf } from '../request.ts'
import { idempotencyHeaders, keyParams } from '../schemas/key-path.ts'
import {
  type ArtifactAnswer,
  type SignaturesAnswer,
  signaturesAnswer,
  signaturesBody,
} from '../schemas/signing.ts'

/** Registers the route. */
export function signatureRoutes(
  app: ServiceApp,
  context: ServiceContext,
  idempotency: Idempotency,
): void {
  app.post(
    '/v1/keys/:key/signatures',
    {
      config: { actions: ['sign', 'signDigest'] },
      schema: {
        summary: 'Sign artifacts by their digests.',
        tags: ['signing'],
        params: keyParams,
        headers: idempotencyHeaders,
        body: signaturesBody,
        response: { 200: signaturesAnswer },
      },
    },
    async (request, reply) => {
      const { key } = request.params
      const asked = { caller: callerOf(request), requestId: request.id, signal: request.deadline }
      const attempt = { ...asked, action: 'sign', resource: key }
      return context.failures.watch(attempt, () =>
        idempotency.once<SignaturesAnswer>(request, reply, async () => {
          const signed = await signArtifacts(context, key, request.body.artifacts, asked)
          await recordFailures(signed.results)
          return {
            ...signed,
            results: signed.results.map((result) => toAnswer(result, request.id)),
          }
        }),
      )

      async function recordFailures(results: readonly ArtifactResult[]): Promise<void> {
        for (const result of results) {
          if ('error' in result) await context.failures.record(result.error, attempt)
        }
      }
    },
  )
}

function toAnswer(result: ArtifactResult, requestId: string): ArtifactAnswer {
  if (!('error' in result)) return result
  const { error, ...about } = result
  return { ...about, problem: toProblem(error, requestId) }
}
