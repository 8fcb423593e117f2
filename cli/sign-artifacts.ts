/**
 * Making signatures and attestations of opened artifacts, and verifying what came out. Nothing is
 * written here.
 *
 * @packageDocumentation
 */
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import { digestHash, digestHex } from '../src/crypto/digest.ts'
import type { Subject } from '../src/formats/statement.ts'
import { attest, type SignedBundle, signFile, signImage } from '../src/signing/sign-artifact.ts'
import type { Signer } from '../src/signing/signer.ts'
import { digestArtifact } from '../src/verification/artifact.ts'
import { examineBundle } from '../src/verification/verify-bundle.ts'
import type { PredicateInput } from './predicate-input.ts'
import { assertReleasable } from './release-check.ts'
import type { Signable } from './signable.ts'

/** What signing takes beside the artifact. */
export interface SigningJob {
  readonly signer: Signer
  readonly annotations: Readonly<Record<string, string>>
  readonly now: Date
  readonly signal: AbortSignal
}

/** Signs one artifact: a file by its bytes, an image in a statement. */
export async function makeSignature(signable: Signable, job: SigningJob): Promise<SignedBundle> {
  const { signer, annotations, signal } = job
  const [digest] = signable.digests
  const made = signable.isImage
    ? await signImage(signer, { digest, annotations }, { signal })
    : await signFile(signer, digest, { signal })
  await assertVerifies(signable, made.bundle, { ...job, type: SIGN_PREDICATE_TYPE })
  return made
}

/**
 * Signs one statement about artifacts, and makes sure that it verifies for each of them.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID — too many subjects; and the signer's errors
 */
export async function makeAttestation(
  signables: readonly Signable[],
  input: PredicateInput,
  job: SigningJob,
): Promise<SignedBundle> {
  const { signer, signal } = job
  // Two paths may lead to one name and content: that is one subject.
  const byIdentity = new Map(signables.map(toSubject).map((one) => [JSON.stringify(one), one]))
  const made = await attest(signer, { subjects: [...byIdentity.values()], ...input }, { signal })
  for (const signable of signables) {
    await assertVerifies(signable, made.bundle, { ...job, type: input.predicateType })
  }
  return made
}

function toSubject({ subjectName, digests }: Signable): Subject {
  const digest = Object.fromEntries(digests.map((one) => [digestHash(one), digestHex(one)]))
  return { ...(subjectName === undefined ? {} : { name: subjectName }), digest }
}

async function assertVerifies(
  { name, digests }: Signable,
  bundle: Uint8Array,
  job: SigningJob & { readonly type: string },
): Promise<void> {
  await assertReleasable(
    digestArtifact(name, digests),
    (artifact, context) => examineBundle(bundle, artifact, context),
    { ...job, predicateTypes: [job.type] },
  )
}
