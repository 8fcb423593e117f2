/** `POST /v1/keys/{key}/signatures`: digests in, Sigstore bundles out. */
import type { ServiceApp } from '../http/service-app.ts'
import type { ServiceContext } from '../context.ts'
import type { Idempotency } from '../http/idempotency.ts'
import {
  type ArtifactResult,
  replayArtifacts,
  signArtifacts,
  type SignedArtifacts,
} from '../operations/sign-artifacts.ts'
import { toProblem } from '../http/problem.ts'
import { askedBy } from '../http/request.ts'
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
        operationId: 'signArtifacts',
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
      const asked = askedBy(request)
      const attempt = { ...asked, action: 'sign', resource: key }
      const { artifacts } = request.body
      return context.failures.watch(attempt, () =>
        idempotency.once<SignaturesAnswer>(request, reply, {
          answer: async (kept) => {
            const signed = await signArtifacts(context, key, artifacts, { ...asked, ...kept })
            await recordFailures(signed.results)
            return toAnswer(signed, request.id)
          },
          keep: ({ results }) => keepAll(results),
          replay: async (kept, id) => {
            const replay = { request: { ...asked, attempt: id }, kept }
            return toAnswer(await replayArtifacts(context, key, artifacts, replay), request.id)
          },
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

function toAnswer(signed: SignedArtifacts, requestId: string): SignaturesAnswer {
  return { ...signed, results: signed.results.map((result) => toResult(result, requestId)) }
}

function toResult(result: ArtifactResult, requestId: string): ArtifactAnswer {
  if (!('error' in result)) return result
  const { error, ...about } = result
  return { ...about, problem: toProblem(error, requestId) }
}

/** A batch with a problem in it is done again as a whole: the log could not prove which problem it was. */
function keepAll(results: readonly ArtifactAnswer[]): readonly object[] | undefined {
  const kept = results.flatMap((result) => ('problem' in result ? [] : [releaseOf(result)]))
  return kept.length === results.length ? kept : undefined
}

/** What the request says of an artifact need not be kept. */
function releaseOf(result: Exclude<ArtifactAnswer, { readonly problem: object }>): object {
  const { logIndex } = result
  return 'bundle' in result
    ? { bundle: result.bundle, logIndex }
    : { legacy: result.legacy, logIndex }
}
