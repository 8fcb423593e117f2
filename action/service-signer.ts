/** Signing through a service: digests go there with the job's token, and bundles come back. */
import { nameRun } from '../src/artifacts/run-name.ts'
import { openServiceSigner } from '../src/artifacts/service-signer.ts'
import { createServiceClient, type ServiceClient } from '../src/client/service-client.ts'
import { publishedKeys } from '../src/client/service-keys.ts'
import { assertJobIdentity, requestIdentity } from './identity.ts'
import type { ServiceKey } from './key-inputs.ts'
import type { StepSigner } from './step-signer.ts'
import type { StepContext } from './step.ts'
import { findSigner, type StepTrust } from './trust.ts'

/**
 * Opens a key of a service; where it is said whose signatures count, its active version must be one of them.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — the job may not have a token; ERR_KEY_NOT_TRUSTED,
 * ERR_KEY_REVOKED, ERR_KEY_NOT_USABLE — no verifier would accept what it signs; and the errors of reading what
 * the service publishes
 */
export async function openStepService(
  key: ServiceKey,
  trust: StepTrust | undefined,
  context: StepContext,
): Promise<StepSigner> {
  await assertJobIdentity(context)
  const { now, signal, env } = context
  const keys = publishedKeys(key.server, context)
  const { versions } = await keys.read()
  const active = versions.find(({ name, state }) => name === key.name && state === 'active')
  if (trust !== undefined && active !== undefined) findSigner(trust, active.key.kid, key.name)
  return {
    described: `a key of ${key.audience}`,
    provenance: 'made by the service, of the verified claims of the job',
    signer: await openServiceSigner({
      server: key.audience,
      client: openClient(key, context),
      keys,
      key: key.name,
      run: nameRun(env),
      trust: trust?.material,
      now,
      signal,
    }),
  }
}

/** Opens a client of a service that calls as the job. */
export function openClient({ server, audience }: ServiceKey, context: StepContext): ServiceClient {
  const token = (): Promise<string> => requestIdentity(audience, context)
  return createServiceClient({ url: server, token, runtime: context.runtime })
}
