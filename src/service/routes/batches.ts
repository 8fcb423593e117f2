/** `POST /v1/keys/{key}/batches`: digests in, one Sigstore bundle and a proof for each out. */
import type { ServiceContext } from '../context.ts'
import type { Idempotency } from '../http/idempotency.ts'
import { callerOf } from '../http/request.ts'
import type { ServiceApp } from '../http/service-app.ts'
import { replayBatch, signArtifactBatch } from '../operations/sign-batch.ts'
import { batchAnswer, batchBody } from '../schemas/batches.ts'
import { idempotencyHeaders, keyParams } from '../schemas/key-path.ts'

/** Registers the route. */
export function batchRoutes(
  app: ServiceApp,
  context: ServiceContext,
  idempotency: Idempotency,
): void {
  app.post(
    '/v1/keys/:key/batches',
    {
      config: { actions: ['sign'] },
      schema: {
        operationId: 'signBatch',
        summary: 'Sign artifacts with one operation of the key.',
        description:
          'Signs the root of a Merkle tree (RFC 6962) over a statement for each artifact. A member document of `bundle` and one of `members` is what verifies; only countersign verifies it.',
        tags: ['signing'],
        params: keyParams,
        headers: idempotencyHeaders,
        body: batchBody,
        response: { 200: batchAnswer },
      },
    },
    async (request, reply) => {
      const { key } = request.params
      const { artifacts } = request.body
      const asked = { caller: callerOf(request), requestId: request.id, signal: request.deadline }
      return context.failures.watch({ ...asked, action: 'sign', resource: key }, () =>
        idempotency.once(request, reply, {
          answer: (kept) => signArtifactBatch(context, key, artifacts, { ...asked, ...kept }),
          keep: ({ bundle, logIndex }) => [{ bundle, logIndex }],
          replay: (kept, attempt) =>
            replayBatch(context, key, artifacts, { request: { ...asked, attempt }, kept }),
        }),
      )
    },
  )
}
