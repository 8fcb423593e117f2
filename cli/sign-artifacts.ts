/**
 * Signing artifacts with a key that this machine reaches, and verifying what came out. Nothing is written
 * here.
 *
 * @packageDocumentation
 */
import type { PredicateInput } from '../src/formats/predicates/predicate.ts'
import { SIGN_PREDICATE_TYPE } from '../src/formats/predicates/types.ts'
import { digestHash, digestHex } from '../src/crypto/digest.ts'
import type { Subject } from '../src/formats/statement.ts'
import type { Made, SignFormat } from '../src/artifacts/attach-signature.ts'
import {
  attest,
  type LegacyImageSignature,
  type SignedBundle,
  signFile,
  signArtifact,
  signImageLegacy,
} from '../src/signing/sign-artifact.ts'
import { assertDigestSigner, type Signer } from '../src/signing/signer.ts'
import { type Artifact, digestArtifact } from '../src/verification/artifact.ts'
import { examineLegacySignature } from '../src/verification/verify-legacy.ts'
import { examineForAll } from '../src/verification/verify-subjects.ts'
import type { ArtifactSigner } from './artifact-signer.ts'
import type { CommandKeys } from './keys.ts'
import { assertReleasable, type Examine } from '../src/artifacts/release-check.ts'
import type { Signable } from './signable.ts'

/** What signing takes beside the artifact. */
interface SigningJob {
  readonly signer: Signer
  readonly annotations: Readonly<Record<string, string>>
  readonly warnings: readonly string[]
  readonly now: Date
  readonly signal: AbortSignal
}

/** Signs with an open key of the command; the keys are closed with it. */
export function localSigner(keys: CommandKeys, job: SigningJob): ArtifactSigner {
  const { signer } = job
  const { kid, algorithm } = signer.key
  return {
    hash: algorithm.hash,
    warnings: job.warnings,
    assertSignsFiles: () => {
      assertDigestSigner(signer)
    },
    sign: (_, format) => (signable) => makeSignature(signable, format, job),
    attest: (signables, input) => makeAttestation(signables, input, job),
    describe: () => ({ kid, algorithm: algorithm.name }),
    [Symbol.asyncDispose]: () => keys[Symbol.asyncDispose](),
  }
}

/** Signs one artifact: a file by its bytes; an image in a statement, in cosign's older form, or both. */
async function makeSignature(
  signable: Signable,
  format: SignFormat,
  job: SigningJob,
): Promise<Made> {
  const { signer, annotations, signal } = job
  const [digest] = signable.digests
  if (!signable.isImage) {
    const bundle = await signFile(signer, digest, { signal })
    await assertVerifies([signable], bundle, { ...job, type: SIGN_PREDICATE_TYPE })
    return { bundle, legacy: undefined }
  }
  const image = { digest, annotations, dockerReference: signable.dockerReference ?? '' }
  const bundle = format === 'legacy' ? undefined : await signArtifact(signer, image, { signal })
  const legacy = format === 'bundle' ? undefined : await signImageLegacy(signer, image, { signal })
  const made = { ...job, type: SIGN_PREDICATE_TYPE }
  if (bundle !== undefined) await assertVerifies([signable], bundle, made)
  if (legacy !== undefined) await assertLegacyVerifies(signable, legacy, made)
  return { bundle, legacy }
}

/**
 * Signs one statement about artifacts, and makes sure that it verifies for each of them.
 *
 * @throws {@link CountersignError} ERR_STATEMENT_INVALID — too many subjects; and the signer's errors
 */
async function makeAttestation(
  signables: readonly Signable[],
  input: PredicateInput | 'provenance',
  job: SigningJob,
): Promise<Made> {
  const { signer, signal } = job
  if (input === 'provenance') throw new TypeError('no caller is known whose provenance it could be')
  // Two paths may lead to one name and content: that is one subject.
  const byIdentity = new Map(signables.map(toSubject).map((one) => [JSON.stringify(one), one]))
  const bundle = await attest(signer, { subjects: [...byIdentity.values()], ...input }, { signal })
  await assertVerifies(signables, bundle, { ...job, type: input.predicateType })
  return { bundle, legacy: undefined }
}

function toSubject({ subjectName, digests }: Signable): Subject {
  const digest = Object.fromEntries(digests.map((one) => [digestHash(one), digestHex(one)]))
  return { ...(subjectName === undefined ? {} : { name: subjectName }), digest }
}

async function assertVerifies(
  signables: readonly Signable[],
  { bundle }: SignedBundle,
  job: SigningJob & { readonly type: string },
): Promise<void> {
  const [first, ...more] = signables.map(toArtifact)
  if (first === undefined) throw new TypeError('a bundle is about an artifact at least')
  await assertReleasable((context) => examineForAll(bundle, [first, ...more], context), {
    ...job,
    predicateTypes: [job.type],
  })
}

async function assertLegacyVerifies(
  signable: Signable,
  made: LegacyImageSignature,
  job: SigningJob & { readonly type: string },
): Promise<void> {
  const artifact = toArtifact(signable)
  const examine: Examine = async (context) => ({
    artifact,
    outcome: await examineLegacySignature(made, artifact, context),
  })
  await assertReleasable(examine, { ...job, predicateTypes: [job.type] })
}

function toArtifact({ name, digests }: Signable): Artifact {
  return digestArtifact(name, digests)
}
