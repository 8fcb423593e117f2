/**
 * Verifying one bundle in five named steps: parse, trusted time, key, signature, policy.
 *
 * @packageDocumentation
 */
import { CountersignError, toCountersignError } from '../errors.ts'
import { type Bundle, parseBundle } from '../formats/bundle.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import { parseStatement, type Statement, STATEMENT_PAYLOAD_TYPE } from '../formats/statement.ts'
import type { Artifact } from './artifact.ts'
import { type Checklist, createChecklist } from './checklist.ts'
import { findSigner, noSigner } from './content.ts'
import { type CertificateSigner, type Evidence, verifyEvidence } from './evidence.ts'
import { assertKeyValid, type TrustedTime } from './key-validity.ts'
import {
  assertAnnotations,
  assertIdentity,
  assertPredicateType,
  type Check,
  describeIdentity,
  describeSubject,
  findSubject,
  type Policy,
} from './policy.ts'
import {
  certificateKeys,
  nameKey,
  selectKeys,
  type TrustedKey,
  type TrustMaterial,
} from './trust.ts'

/** Who signed, as established by verification: a trusted key, or the identity of a certificate. */
export type VerifiedSigner =
  | { readonly kind: 'key'; readonly trusted: TrustedKey }
  | { readonly kind: 'certificate'; readonly certificate: CertificateSigner }

/** A signature that held, in every step. Only verification makes one. */
export interface VerifiedSignature {
  readonly signer: VerifiedSigner
  readonly predicateType: string
  /** The signed statement; undefined for a signature over a file's bytes. */
  readonly statement: Statement | undefined
  readonly times: readonly TrustedTime[]
  readonly logEntries: number
  readonly checks: readonly Check[]
}

/** How the examination of one bundle ended. */
export type Outcome =
  | { readonly ok: true; readonly signature: VerifiedSignature }
  | { readonly ok: false; readonly error: CountersignError; readonly checks: readonly Check[] }

/** What a verification works with. */
export interface VerificationContext {
  readonly trust: TrustMaterial
  readonly policy: Policy
  /** The moment that counts as now. */
  readonly now: Date
}

/**
 * Verifies one bundle against an artifact.
 *
 * @param bytes - JSON of the bundle; attacker-controlled
 * @throws {@link CountersignError} the code of the first check that failed
 */
export async function verifyBundle(
  bytes: Uint8Array,
  artifact: Artifact,
  context: VerificationContext,
): Promise<VerifiedSignature> {
  const outcome = await examineBundle(bytes, artifact, context)
  if (outcome.ok) return outcome.signature
  throw outcome.error
}

/** Verifies one bundle and answers how it ended, with every check that was made. */
export async function examineBundle(
  bytes: Uint8Array,
  artifact: Artifact,
  context: VerificationContext,
): Promise<Outcome> {
  const checks = createChecklist()
  try {
    return { ok: true, signature: await verifySteps(bytes, artifact, context, checks) }
  } catch (thrown) {
    const error = toCountersignError(thrown)
    checks.fail(error)
    return { ok: false, error, checks: checks.all }
  }
}

async function verifySteps(
  bytes: Uint8Array,
  artifact: Artifact,
  context: VerificationContext,
  checks: Checklist,
): Promise<VerifiedSignature> {
  const { trust, policy, now } = context

  checks.start('bundle', 'a Sigstore bundle of version 0.1 to 0.3')
  const bundle = parseBundle(bytes)
  checks.pass(bundle.mediaType)

  checks.start('trusted-time', describeDemand(policy))
  const evidence = await verifyEvidence(bundle, trust.trustedRoot, policy.evidence)
  checks.pass(describeTimes(evidence))

  const signer = await verifySigner({ bundle, artifact, evidence, trust, checks })
  if (signer.kind === 'key') {
    checks.start('key', 'trusted, and valid when it signed')
    checks.pass(assertKeyValid(signer.trusted, evidence.times, now))
  } else {
    checks.start('identity', describeIdentity(policy))
    assertIdentity(signer.certificate, policy)
    checks.pass(`${signer.certificate.subjectAlternativeName} from ${signer.certificate.issuer}`)
  }

  const { predicateType, statement } = await verifyMeaning({ bundle, artifact, policy, checks })
  const { times, logEntries } = evidence
  return { signer, predicateType, statement, times, logEntries, checks: checks.all }
}

async function verifySigner(input: {
  readonly bundle: Bundle
  readonly artifact: Artifact
  readonly evidence: Evidence
  readonly trust: TrustMaterial
  readonly checks: Checklist
}): Promise<VerifiedSigner> {
  const { bundle, artifact, evidence, trust, checks } = input
  const { certificate } = evidence
  const hint = bundle.signer.kind === 'key' ? bundle.signer.hint : ''
  const candidates: readonly TrustedKey[] =
    certificate === undefined ? selectKeys(hint, trust) : certificateKeys(certificate.key)
  checks.start('signature', candidates.map(nameKey).slice(0, 3).join(' or ') || 'a trusted key')
  const found = await findSigner(bundle.content, artifact, candidates)
  if (found === undefined) {
    const named = certificate !== undefined || candidates[0]?.key.hint === hint
    throw noSigner(candidates, named)
  }
  checks.pass(`${found.key.algorithm.name} by ${nameKey(found)}`)
  return certificate === undefined
    ? { kind: 'key', trusted: found }
    : { kind: 'certificate', certificate }
}

/** The last step: what was signed is about this artifact and says what was asked for. */
async function verifyMeaning(input: {
  readonly bundle: Bundle
  readonly artifact: Artifact
  readonly policy: Policy
  readonly checks: Checklist
}): Promise<{ predicateType: string; statement: Statement | undefined }> {
  const { bundle, artifact, policy, checks } = input
  const { content } = bundle
  checks.start('subject', artifact.name)
  const statement = content.kind === 'dsse' ? readStatement(content.envelope) : undefined
  // A file's own signature was verified over its digest: that is its subject.
  const subject = statement === undefined ? undefined : await findSubject(statement, artifact)
  checks.pass(content.kind === 'message' ? content.digest : describeSubject(subject))

  const predicateType = statement?.predicateType ?? SIGN_PREDICATE_TYPE
  checks.start('predicate-type', describeTypes(policy))
  assertPredicateType(predicateType, policy)
  checks.pass(predicateType)

  const annotations = Object.entries(policy.annotations)
  if (annotations.length > 0) {
    checks.start('annotations', annotations.map((pair) => pair.join('=')).join(', '))
    assertAnnotations(subject?.annotations ?? {}, policy)
    checks.pass('all of them')
  }
  return { predicateType, statement }
}

function readStatement(envelope: { payloadType: string; payload: Uint8Array }): Statement {
  if (envelope.payloadType !== STATEMENT_PAYLOAD_TYPE) {
    throw new CountersignError('ERR_STATEMENT_INVALID', 'the envelope holds no in-toto statement', {
      details: { expected: STATEMENT_PAYLOAD_TYPE, actual: envelope.payloadType.slice(0, 100) },
    })
  }
  return parseStatement(envelope.payload)
}

function describeTypes({ predicateTypes }: Policy): string {
  return predicateTypes === 'any' ? 'any' : predicateTypes.join(' or ')
}

function describeDemand({ evidence }: Policy): string {
  return `at least ${evidence.times} trusted times and ${evidence.logEntries} log entries`
}

function describeTimes({ times, logEntries }: Evidence): string {
  const texts = times.map(({ source, time }) => `${time.toISOString()} by ${source}`)
  const entries = logEntries === 0 ? [] : [`${logEntries} log entries`]
  return [...texts, ...entries].join(', ') || 'none'
}
