/**
 * Signing with a key in AWS KMS that the job reaches itself: with the credentials that are there, or with
 * those of a role that the job's token opens.
 *
 * @packageDocumentation
 */
import { readProxies } from '../src/client/proxies.ts'
import type { PredicateInput } from '../src/formats/predicates/predicate.ts'
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import { createSubject } from '../src/formats/statement.ts'
import type { SignFormat } from '../src/artifacts/attach-signature.ts'
import type { KeyUse } from '../src/keys/key.ts'
import type { WebIdentity } from '../src/providers/awskms/web-identity.ts'
import type { KeyProvider } from '../src/providers/provider.ts'
import { attest, signFile, signArtifact, signImageLegacy } from '../src/signing/sign-artifact.ts'
import type { Signer } from '../src/signing/signer.ts'
import { signsForm } from '../src/verification/key-use.ts'
import { pinKey, type TrustedKey, type TrustMaterial } from '../src/verification/trust.ts'
import { assertIdentity, requestIdentity } from './identity.ts'
import type { KmsKey } from './key-inputs.ts'
import { type MadeItem, type SigningKey, type SigningRoute, toDockerReference } from './made.ts'
import { makeProvenance } from './provenance.ts'
import { type StepContext, variable } from './step.ts'
import type { ActionSubject } from './subjects.ts'
import { findSigner, type StepTrust } from './trust.ts'

/** The audience AWS takes of GitHub's tokens. */
const STS_AUDIENCE = 'sts.amazonaws.com'

/**
 * Opens the key; where it is said whose signatures count, it must be one of them.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_TRUSTED, ERR_KEY_REVOKED, ERR_KEY_NOT_USABLE — nobody would
 * accept what it signs; ERR_NOT_AUTHENTICATED, ERR_NOT_ALLOWED, ERR_KEY_NOT_FOUND… — KMS refuses
 */
export async function openKmsRoute(
  key: KmsKey,
  trust: StepTrust | undefined,
  context: StepContext,
): Promise<SigningRoute> {
  if (key.role !== undefined) await assertIdentity(context)
  const { createAwsKmsProvider } = await import('../src/providers/awskms/provider.ts')
  await using stack = new AsyncDisposableStack()
  const webIdentity = toWebIdentity(key, context)
  const provider = stack.use(
    createAwsKmsProvider({ webIdentity, proxies: readProxies(context.env) }),
  )
  const signer = await provider.open(key.uri, { signal: context.signal })
  const trusted = trust && findSigner(trust, signer.key.kid, key.text)
  stack.move()
  const use = trusted?.use
  return new KmsRoute({ provider, signer, key: describeKey(key, signer, trusted), use, context })
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
  { key: { kid } }: Signer,
  trusted: TrustedKey | undefined,
): SigningKey {
  if (trusted === undefined) return { kid, name: text }
  const { version, state } = trusted
  return { kid, name: version?.key ?? text, version: version?.number, state }
}

interface RouteParts {
  readonly provider: KeyProvider
  readonly signer: Signer
  readonly key: SigningKey
  /** What the trusted history states that the key signs; undefined: it is the user's own. */
  readonly use: KeyUse | undefined
  readonly context: StepContext
}

class KmsRoute implements SigningRoute {
  readonly described = 'AWS KMS, by the job itself'
  readonly provenance = 'made on the runner, of the verified claims of the job'
  readonly ownTrust: TrustMaterial
  readonly hash: SigningRoute['hash']
  readonly #parts: RouteParts

  constructor(parts: RouteParts) {
    this.#parts = parts
    this.ownTrust = { keys: [pinKey(parts.signer.key)] }
    const { hash } = parts.signer.key.algorithm
    this.hash = parts.use === 'artifact' ? 'sha256' : (hash ?? 'sha256')
  }

  async sign(subjects: readonly ActionSubject[], format: SignFormat): Promise<readonly MadeItem[]> {
    const items: MadeItem[] = []
    for (const subject of subjects) items.push(await this.#signOne(subject, format))
    return items
  }

  async attest(
    subjects: readonly [ActionSubject, ...ActionSubject[]],
    predicate: PredicateInput | 'provenance',
  ): Promise<readonly MadeItem[]> {
    const { signer, key, context } = this.#parts
    const said = predicate === 'provenance' ? await makeProvenance(context) : predicate
    const named = subjects.map(({ name, digest }) => createSubject(digest, { name }))
    const bundle = await attest(signer, { subjects: named, ...said }, { signal: context.signal })
    const { predicateType } = said
    return [{ subjects, predicateType, bundle, legacy: undefined, key }]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.provider[Symbol.asyncDispose]()
  }

  async #signOne(subject: ActionSubject, format: SignFormat): Promise<MadeItem> {
    const { signer, key, use, context } = this.#parts
    const { digest, image } = subject
    const options = { signal: context.signal }
    const bundle =
      image !== undefined && format === 'legacy'
        ? undefined
        : image === undefined && signsForm(use, 'message')
          ? await signFile(signer, digest, options)
          : await signArtifact(signer, { digest }, options)
    const named = { digest, dockerReference: toDockerReference(subject.name) }
    const legacy =
      image === undefined || format === 'bundle'
        ? undefined
        : await signImageLegacy(signer, named, options)
    return { subjects: [subject], predicateType: SIGN_PREDICATE_TYPE, bundle, legacy, key }
  }
}
