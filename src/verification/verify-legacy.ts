/**
 * Verifying what cosign 2 wrote beside an image: simple-signing payloads (`.sig`) and bare DSSE
 * envelopes (`.att`). They carry no hint and, here, no evidence: a key that is no longer active can't be
 * accepted for them.
 *
 * @packageDocumentation
 */
import { encodeBase64 } from '../crypto/base64.ts'
import { formatDigest, hashBytes } from '../crypto/digest.ts'
import { toCanonicalSignature } from '../crypto/low-s.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { verifyX509Message } from '../crypto/verify.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import { parseEnvelope, toEnvelopeJson } from '../formats/dsse.ts'
import type { SignatureFacts } from '../formats/hashedrekord.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import { parseSimpleSigning } from '../formats/simple-signing.ts'
import type { Artifact } from './artifact.ts'
import { createChecklist, type Checklist } from './checklist.ts'
import { noSigner } from './content.ts'
import { noEvidence } from './evidence.ts'
import { assertKeyUse } from './key-use.ts'
import { assertKeyValid } from './key-validity.ts'
import { assertLogged } from './log-entries.ts'
import { assertAnnotations, assertPredicateType } from './policy.ts'
import { nameKey, nameKeys } from './trust.ts'
import {
  examineBundle,
  type BundleOutcome,
  type VerificationContext,
  type VerifiedSignature,
} from './verify-bundle.ts'

/** An image signature in cosign's older layout; both parts attacker-controlled. */
export interface LegacySignature {
  readonly payload: Uint8Array
  /** ECDSA as DER. */
  readonly signature: Uint8Array
}

/** Verifies a simple-signing payload and its signature against an image. */
export async function examineLegacySignature(
  legacy: LegacySignature,
  image: Artifact,
  context: VerificationContext,
): Promise<BundleOutcome> {
  const checks = createChecklist()
  try {
    return { ok: true, signature: await verifyLegacySteps(legacy, image, context, checks) }
  } catch (thrown) {
    const error = toCountersignError(thrown)
    checks.fail(error)
    return { ok: false, error, checks: checks.all }
  }
}

async function verifyLegacySteps(
  legacy: LegacySignature,
  image: Artifact,
  context: VerificationContext,
  checks: Checklist,
): Promise<VerifiedSignature> {
  const { trust, policy, now } = context
  const describeTried = (): readonly string[] =>
    trust.keys.map((key) => `${nameKey(key)}: not a signature of this key`)
  checks.start('signature', nameKeys(trust.keys), describeTried)
  const trusted = trust.keys.find(({ key }) =>
    verifyX509Message(key, legacy.payload, legacy.signature),
  )
  if (trusted === undefined) throw noSigner(trust.keys, false)
  checks.pass(`${trusted.key.algorithm.name} by ${nameKey(trusted)}`)

  checks.start('key', 'trusted for what it signed, and valid when it signed')
  assertKeyUse(trusted, 'payload')
  const { times, logged } = noEvidence(policy.evidence)
  checks.pass(assertKeyValid(trusted, times, now))

  const facts = payloadFacts(legacy, trusted.key)
  const logEntries = assertLogged({ signer: trusted, facts, logged }, context, checks)

  checks.start('subject', image.name)
  const payload = parseSimpleSigning(legacy.payload)
  const actual = await image.digest('sha256')
  if (actual !== payload.imageDigest) {
    throw new CountersignError(
      'ERR_SUBJECT_MISMATCH',
      `the signature is about ${payload.imageDigest}, the image is ${actual ?? 'unknown'}`,
      { details: { expected: actual ?? 'unknown', actual: payload.imageDigest } },
    )
  }
  checks.pass(payload.imageDigest)

  checks.start('predicate-type', SIGN_PREDICATE_TYPE)
  assertPredicateType(SIGN_PREDICATE_TYPE, policy)
  assertAnnotations(payload.annotations, policy)
  checks.pass('simple signing')
  return {
    id: encodeBase64(toCanonicalSignature(legacy.signature)),
    signer: { kind: 'key', trusted },
    predicateType: SIGN_PREDICATE_TYPE,
    statement: undefined,
    times,
    logEntries,
    checks: checks.all,
  }
}

/** What a log states about a signature of the older layout. */
export function payloadFacts(
  { payload, signature }: LegacySignature,
  { algorithm }: PublicKeyInfo,
): SignatureFacts {
  const hash = algorithm.hash ?? 'sha256'
  return { content: 'payload', digest: formatDigest(hash, hashBytes(hash, payload)), signature }
}

/** Verifies a bare DSSE envelope against an image, as if it were the content of a bundle. */
export async function examineLegacyAttestation(
  envelope: Uint8Array,
  image: Artifact,
  context: VerificationContext,
): Promise<BundleOutcome> {
  try {
    const [signature, ...more] = parseEnvelope(envelope).signatures
    if (signature === undefined || more.length > 0) {
      throw new CountersignError('ERR_ENVELOPE_INVALID', 'the envelope needs exactly one signature')
    }
  } catch (thrown) {
    return { ok: false, error: toCountersignError(thrown), checks: [] }
  }
  const bundle = {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: '' } },
    dsseEnvelope: toEnvelopeJson(parseEnvelope(envelope)),
  }
  return examineBundle(Buffer.from(JSON.stringify(bundle)), image, context)
}
