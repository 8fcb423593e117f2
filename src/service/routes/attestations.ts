/** `POST /v1/keys/{key}/attestations`: subjects and what is said of them in, a Sigstore bundle out. */
import type { ServiceApp } from '../http/service-app.ts'
import type { ServiceContext } from '../context.ts'
import type { Idempotency } from '../http/idempotency.ts'
import { attestSubjects, replayAttestation } from '../operations/attest-subjects.ts'
import { askedBy } from '../http/request.ts'
import { idempotencyHeaders, keyParams } from '../schemas/key-path.ts'
import { attestationAnswer, attestationBody } from '../schemas/signing.ts'

/** Registers the route. */
export function attestationRoutes(
  app: ServiceApp,
  context: ServiceContext,
  idempotency: Idempotency,
): void {
  app.post(
    '/v1/keys/:key/attestations',
    {
      config: { actions: ['attest'], keepsBody: true },
      schema: {
        operationId: 'attestSubjects',
        summary: 'Sign an in-toto attestation about artifacts.',
        tags: ['signing'],
        params: keyParams,
        headers: idempotencyHeaders,
        body: attestationBody,
        response: { 200: attestationAnswer },
      },
    },
    async (request, reply) => {
      const { key } = request.params
      const requested = { ...request.body, source: request.jsonBody }
      const asked = askedBy(request)
      return context.failures.watch({ ...asked, action: 'attest', resource: key }, () =>
        idempotency.once(request, reply, {
          answer: (kept) => attestSubjects(context, key, requested, { ...asked, ...kept }),
          keep: ({ bundle, logIndex }) => [{ bundle, logIndex }],
          replay: (kept, attempt) =>
            replayAttestation(context, key, requested, {
              request: { ...asked, attempt },
              kept,
            }),
        }),
      )
    },
  )
}
