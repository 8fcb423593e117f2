/**
 * Signing with a key in AWS KMS that the job reaches itself: with the credentials that are there, or with
 * those of a role that the job's token opens.
 *
 * @packageDocumentation
 */
import type { SigningKey } from '../src/artifacts/artifact-signer.ts'
import { createLocalSigner } from '../src/artifacts/local-signer.ts'
import { readProxies } from '../src/client/proxies.ts'
import type { WebIdentity } from '../src/providers/awskms/web-identity.ts'
import type { TrustedKey } from '../src/verification/trust.ts'
import { assertJobIdentity, requestIdentity } from './identity.ts'
import type { KmsKey } from './key-inputs.ts'
import { makeProvenance } from './provenance.ts'
import type { StepSigner } from './step-signer.ts'
import { type StepContext, variable } from './step.ts'
import { findSigner, type StepTrust } from './trust.ts'

/** The audience AWS takes of GitHub's tokens. */
const STS_AUDIENCE = 'sts.amazonaws.com'

/**
 * Opens the key; where it is said whose signatures count, it must be one of them.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_TRUSTED, ERR_KEY_REVOKED, ERR_KEY_NOT_USABLE — no verifier would
 * accept what it signs; ERR_NOT_AUTHENTICATED, ERR_NOT_ALLOWED, ERR_KEY_NOT_FOUND… — KMS refuses
 */
export async function openKmsSigner(
  key: KmsKey,
  trust: StepTrust | undefined,
  context: StepContext,
): Promise<StepSigner> {
  if (key.role !== undefined) await assertJobIdentity(context)
  const { createAwsKmsProvider } = await import('../src/providers/awskms/provider.ts')
  await using stack = new AsyncDisposableStack()
  const webIdentity = toWebIdentity(key, context)
  const provider = stack.use(
    createAwsKmsProvider({ webIdentity, proxies: readProxies(context.env) }),
  )
  const { now, signal } = context
  const signer = await provider.open(key.uri, { signal })
  const trusted = trust && findSigner(trust, signer.key.kid, key.text)
  stack.move()
  return {
    described: 'AWS KMS, by the job itself',
    provenance: 'made on the runner, of the verified claims of the job',
    signer: createLocalSigner({
      signer,
      owner: provider,
      use: trusted?.use,
      known: describeKey(key, trusted),
      trust: trust?.material,
      makeProvenance: () => makeProvenance(context),
      now,
      signal,
    }),
  }
}

function toWebIdentity({ role }: KmsKey, context: StepContext): WebIdentity | undefined {
  if (role === undefined) return undefined
  const { log } = context
  return {
    roleArn: role,
    sessionName: `countersign-${variable(context, 'GITHUB_RUN_ID') ?? 'local'}`,
    token: () => requestIdentity(STS_AUDIENCE, context),
    onCredentials: (secrets) => {
      for (const secret of secrets) log.mask(secret)
    },
  }
}

function describeKey(
  { text }: KmsKey,
  trusted: TrustedKey | undefined,
): Partial<SigningKey> & { readonly name: string } {
  if (trusted === undefined) return { name: text }
  const { version, state } = trusted
  return { name: version?.key ?? text, version: version?.number, state }
}
