/** Verifying what a service signed before it is handed on: a service may be mistaken, or another. */
import { isDeepStrictEqual } from 'node:util'
import type { Digest } from '../crypto/digest.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import { type Bundle, parseBundle } from '../formats/bundle.ts'
import type { JsonObject } from '../formats/json.ts'
import { rawMember } from '../formats/raw-member.ts'
import { serializeSimpleSigning } from '../formats/simple-signing.ts'
import type { LegacyImageSignature, SignedBundle } from '../signing/sign-artifact.ts'
import { digestArtifact } from '../verification/artifact.ts'
import { SIGNATURE_POLICY } from '../verification/policy.ts'
import type { TrustMaterial } from '../verification/trust.ts'
import { toTrustMaterial } from '../verification/trusted-root.ts'
import { examineLegacySignature } from '../verification/verify-legacy.ts'
import { examineForAll } from '../verification/verify-subjects.ts'
import type { MadeBundle, MadeLegacy, SignedBy } from '../client/service-answers.ts'
import type { ServiceKeys } from '../client/service-keys.ts'

/** What was asked for. */
export interface Expected {
  readonly artifacts: readonly { readonly name: string; readonly digests: readonly Digest[] }[]
  readonly predicateType: string
  /** Where the caller has said it. */
  readonly predicate?: JsonObject
  /** Its JSON, which must be signed as it is. */
  readonly predicateText?: string
  readonly annotations: Readonly<Record<string, string>>
}

/** What was answered. */
export interface Answered {
  readonly server: string
  readonly signedBy: SignedBy
  readonly made: MadeBundle
}

/**
 * Verifies a bundle for each artifact it was asked for: with the version of the key that the service says
 * has signed, as the service publishes it, with its time stamp where there is one.
 *
 * @returns the bundle, as its bytes and as what they say
 * @throws {@link CountersignError} ERR_KEY_NOT_TRUSTED — the service does not publish that version;
 * ERR_PREDICATE_INVALID — something else is attested than was asked for; and the code of the first check
 * that failed
 */
export async function verifyAnswer(
  { server, signedBy, made }: Answered,
  { artifacts, predicateType, predicate, predicateText, annotations }: Expected,
  { keys, now }: { readonly keys: ServiceKeys; readonly now: () => Date },
): Promise<SignedBundle> {
  // The log has the hash of these very bytes.
  const bundle = Buffer.from(JSON.stringify(made.bundle))
  const trust = await readTrust(keys, signedBy)
  const policy = { ...SIGNATURE_POLICY, predicateTypes: [predicateType], annotations }
  const [first, ...more] = artifacts.map(({ name, digests }) => digestArtifact(name, digests))
  if (first === undefined) throw new RangeError('a bundle that nothing was asked for')
  const context = { trust, policy, now: now() }
  const parsed = parseAnswer(bundle, server, first.name)
  const { artifact, outcome } = await examineForAll(parsed, [first, ...more], context)
  if (!outcome.ok) throw refused(server, artifact.name, outcome.error)
  const said = outcome.signature.statement?.predicate
  const isSame =
    predicateText === undefined
      ? predicate === undefined || isDeepStrictEqual(said, predicate)
      : signedPredicate(parsed) === predicateText
  if (!isSame) {
    const why = 'it attests something else than was asked for'
    throw refused(server, first.name, new CountersignError('ERR_PREDICATE_INVALID', why))
  }
  return { bundle, parsed, predicateType }
}

function parseAnswer(bundle: Uint8Array, server: string, artifact: string): Bundle {
  try {
    return parseBundle(bundle)
  } catch (thrown) {
    throw refused(server, artifact, toCountersignError(thrown))
  }
}

/** The predicate in a bundle, as it was signed. */
function signedPredicate({ content, member }: Bundle): string | undefined {
  if (content.kind !== 'dsse') return undefined
  return rawMember(member?.statement ?? content.envelope.payload, 'predicate')
}

/** An image signature in cosign's older layout, as it was asked for. */
export interface ExpectedLegacy {
  readonly image: { readonly name: string; readonly digest: Digest }
  readonly reference: string
  readonly annotations: Readonly<Record<string, string>>
}

/**
 * Verifies a signature in cosign's older layout: by the version that the service says has signed, and over the
 * payload that was asked for.
 *
 * @throws {@link CountersignError} as {@link verifyAnswer}; ERR_ENVELOPE_INVALID — another payload
 */
export async function verifyLegacyAnswer(
  { server, signedBy, legacy }: Pick<Answered, 'server' | 'signedBy'> & Pick<MadeLegacy, 'legacy'>,
  { image, reference, annotations }: ExpectedLegacy,
  { keys, now }: { readonly keys: ServiceKeys; readonly now: () => Date },
): Promise<LegacyImageSignature> {
  const { name, digest: imageDigest } = image
  const expected = serializeSimpleSigning({ dockerReference: reference, imageDigest, annotations })
  if (!Buffer.from(legacy.payload).equals(expected)) {
    const why = 'its payload is not the one that was asked for'
    throw refused(server, name, new CountersignError('ERR_ENVELOPE_INVALID', why))
  }
  // The service answers with what it logged, and the layout has no member that shows it.
  const policy = { ...SIGNATURE_POLICY, annotations, evidence: { logEntries: 0, times: 0 } }
  const context = { trust: await readTrust(keys, signedBy), policy, now: now() }
  const artifact = digestArtifact(name, [imageDigest])
  const outcome = await examineLegacySignature(legacy, artifact, context)
  if (!outcome.ok) throw refused(server, name, outcome.error)
  return legacy
}

async function readTrust(keys: ServiceKeys, { key, kid }: SignedBy): Promise<TrustMaterial> {
  const history = await keys.read(kid)
  const versions = history.versions.filter((one) => one.name === key && one.key.kid === kid)
  return toTrustMaterial({ ...history, versions })
}

function refused(server: string, artifact: string, cause: CountersignError): CountersignError {
  return new CountersignError(
    cause.code,
    `what ${server} signed for "${artifact}" does not verify: ${cause.message}`,
    { hint: `nothing was released; tell the operator of ${server}`, details: cause.details, cause },
  )
}
