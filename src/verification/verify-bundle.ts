/**
 * Verifying one bundle in five named steps: parse, trusted time, key, signature, policy.
 *
 * @packageDocumentation
 */
import { assertMembers } from '../basics/arguments.ts'
import { assertContext } from './argument-shapes.ts'
import { encodeBase64 } from '../crypto/base64.ts'
import { digestOf } from '../crypto/digest.ts'
import { toCanonicalSignature } from '../crypto/low-s.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import { type Bundle, type BundleContent, parseBundle } from '../formats/bundle.ts'
import { PROVENANCE_PREDICATE_TYPE } from '../formats/predicates/github-provenance.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import { parseStatement, type Statement, STATEMENT_PAYLOAD_TYPE } from '../formats/statement.ts'
import type { Artifact } from './artifact.ts'
import { memberStatement } from './batch.ts'
import { type Checklist, createChecklist } from './checklist.ts'
import { describeTried, findEnvelopeSigner, findFileSigner, noSigner } from './content.ts'
import {
  type CertificateSigner,
  type Evidence,
  hasEvidence,
  noEvidence,
  verifyEvidence,
} from './evidence.ts'
import { assertKeyUse, type SignedForm } from './key-use.ts'
import { assertEntriesAbout, assertLogged, signatureFacts } from './log-entries.ts'
import type { FoundProof } from './log-proof.ts'
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
  type SourceDemand,
} from './policy.ts'
import { assertSource, describeSource } from './source.ts'
import {
  certificateKeys,
  nameKey,
  nameKeys,
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
  /** The same for copies of one signature: base64 of its X.509 form, ECDSA with the smaller s. */
  readonly id: string
  readonly signer: VerifiedSigner
  readonly predicateType: string
  /** The signed statement; undefined for a signature over a file's bytes. */
  readonly statement: Statement | undefined
  readonly times: readonly TrustedTime[]
  readonly logEntries: number
  readonly checks: readonly Check[]
}

/** How the examination of one bundle ended. */
export type BundleOutcome =
  | { readonly ok: true; readonly signature: VerifiedSignature }
  | { readonly ok: false; readonly error: CountersignError; readonly checks: readonly Check[] }

/** What a verification works with. */
export interface VerificationContext {
  readonly trust: TrustMaterial
  readonly policy: Policy
  /** The moment that counts as now. */
  readonly now: Date
  /** Proofs of log entries that lie beside the bundles: each counts for the signature that it proves. */
  readonly logProofs?: readonly FoundProof[] | undefined
}

/**
 * Verifies one bundle against an artifact.
 *
 * @param bytes - JSON of the bundle; attacker-controlled
 * @throws TypeError — wrong arguments
 * @throws {@link CountersignError} the code of the first check that failed
 *
 * @example
 * ```ts
 * import { contentArtifact, parsePublicKeyPem, pinKey, SIGNATURE_POLICY, verifyBundle } from 'countersign/verify'
 * import { createReadStream } from 'node:fs'
 * import { readFile } from 'node:fs/promises'
 *
 * const path = 'download/app.tar.gz'
 * const verified = await verifyBundle(
 *   await readFile(`${path}.sigstore.json`),
 *   contentArtifact(path, () => createReadStream(path)),
 *   {
 *     trust: { keys: [pinKey(parsePublicKeyPem(await readFile('release.pub', 'utf8')))] },
 *     policy: SIGNATURE_POLICY,
 *     now: new Date(),
 *   },
 * )
 * console.log(verified.signer.kind) // key
 * ```
 */
export async function verifyBundle(
  bytes: Uint8Array,
  artifact: Artifact,
  context: VerificationContext,
): Promise<VerifiedSignature> {
  assertMembers('arguments', { bytes, artifact }, { bytes: 'bytes', artifact: 'object' })
  assertMembers('artifact', artifact, { name: 'string', digest: 'function', stream: 'function?' })
  assertContext(context)
  try {
    return await verifySteps(bytes, artifact, context, createChecklist())
  } catch (thrown) {
    throw toCountersignError(thrown)
  }
}

/**
 * Verifies one bundle and answers how it ended, with every check that was made.
 *
 * @param given - JSON of the bundle, or what was parsed from it; attacker-controlled
 */
export async function examineBundle(
  given: Uint8Array | Bundle,
  artifact: Artifact,
  context: VerificationContext,
): Promise<BundleOutcome> {
  const checks = createChecklist()
  try {
    return { ok: true, signature: await verifySteps(given, artifact, context, checks) }
  } catch (thrown) {
    const error = toCountersignError(thrown)
    checks.fail(error)
    return { ok: false, error, checks: checks.all }
  }
}

async function verifySteps(
  given: Uint8Array | Bundle,
  artifact: Artifact,
  context: VerificationContext,
  checks: Checklist,
): Promise<VerifiedSignature> {
  const { trust, policy } = context

  checks.start('bundle', 'a Sigstore bundle of version 0.1 to 0.3')
  const bundle = given instanceof Uint8Array ? parseBundle(given) : given
  const { content } = bundle
  checks.pass(bundle.mediaType)

  checks.start('trusted-time', describeDemand(policy))
  // Awaited only where there is something to wait for: it would cost most bundles more than looking.
  const evidence = hasEvidence(bundle, trust.trustedRoot)
    ? await verifyEvidence(bundle, trust, policy.evidence)
    : noEvidence(policy.evidence)
  checks.pass(describeTimes(evidence))

  const candidates = selectCandidates(bundle, evidence, trust)
  checks.start('signature', nameKeys(candidates), () => describeTried(content, candidates))
  const found =
    content.kind === 'dsse'
      ? findEnvelopeSigner(content.envelope, candidates)
      : await findFileSigner(content, artifact, candidates)
  if (found === undefined) throw noSigner(candidates, isNamed(bundle, candidates))
  checks.pass(`${found.key.algorithm.name} by ${nameKey(found)}`)
  const signer = judgeSigner({ found, form: formOf(content) }, evidence, context, checks)
  const logEntries = assertBundleLogged(bundle, evidence, found, { context, checks })

  const statement = readSigned(bundle, checks)
  checks.start('subject', artifact.name)
  // A file's own signature was verified over its digest: that is its subject.
  const subject = statement === undefined ? undefined : await findSubject(statement, artifact)
  checks.pass(content.kind === 'message' ? content.digest : describeSubject(subject))

  const predicateType = statement?.predicateType ?? SIGN_PREDICATE_TYPE
  assertMeaning(predicateType, subject?.annotations ?? {}, policy, checks)
  assertFrom(policy.source, { predicateType, statement, signer }, checks)
  const { times } = evidence
  const id = signatureId(bundle)
  return { id, signer, predicateType, statement, times, logEntries, checks: checks.all }
}

/**
 * What a certificate signed is about a name, and stock verifiers compare that with the log. A key signs for a
 * service what that service logs before it releases it.
 */
function assertBundleLogged(
  bundle: Bundle,
  { certificate, compromisedSince, logged }: Evidence,
  signer: TrustedKey,
  { context, checks }: { readonly context: VerificationContext; readonly checks: Checklist },
): number {
  const isKey = certificate === undefined
  if (isKey && logged.length > 0) assertEntriesAbout(bundle, signer.key)
  const facts = isKey ? signatureFacts(bundle.content, signer.key) : undefined
  return assertLogged({ signer, facts, logged, compromisedSince }, context, checks)
}

/**
 * parseBundle lets no envelope pass that has not exactly one signature. Members of one batch share it, and are told
 * apart by what they state.
 */
function signatureId({ content, member }: Bundle): string {
  const signature =
    content.kind === 'message' ? content.signature : content.envelope.signatures[0]?.sig
  const id = encodeBase64(toCanonicalSignature(signature ?? new Uint8Array()))
  return member === undefined ? id : `${id} ${digestOf(member.statement)}`
}

/** The keys that may have signed: the certificate's where it was verified, else those trusted. */
function selectCandidates(
  bundle: Bundle,
  { certificate }: Evidence,
  trust: TrustMaterial,
): readonly TrustedKey[] {
  if (certificate !== undefined) return certificateKeys(certificate.key)
  return selectKeys(bundle.signer.kind === 'key' ? bundle.signer.hint : '', trust)
}

/** Whether a bundle names its signer among the candidates, so that a failure is the signature's. */
function isNamed(bundle: Bundle, [first]: readonly TrustedKey[]): boolean {
  return bundle.signer.kind === 'certificate' || first?.key.hint === bundle.signer.hint
}

function formOf({ kind }: BundleContent): SignedForm {
  return kind === 'dsse' ? 'envelope' : 'message'
}

/** Judges who signed: a key by its use, state and window at the trusted times, a certificate by its name. */
function judgeSigner(
  { found, form }: { readonly found: TrustedKey; readonly form: SignedForm },
  { certificate, times }: Evidence,
  { policy, now }: VerificationContext,
  checks: Checklist,
): VerifiedSigner {
  if (certificate === undefined) {
    checks.start('key', 'trusted for what it signed, and valid when it signed')
    assertKeyUse(found, form)
    checks.pass(assertKeyValid(found, times, now))
    return { kind: 'key', trusted: found }
  }
  checks.start('identity', describeIdentity(policy))
  assertIdentity(certificate, policy)
  checks.pass(`${certificate.subjectAlternativeName} from ${certificate.issuer}`)
  return { kind: 'certificate', certificate }
}

/** Compares what is said of the subject with what was asked for. */
function assertMeaning(
  predicateType: string,
  annotations: Readonly<Record<string, unknown>>,
  policy: Policy,
  checks: Checklist,
): void {
  checks.start('predicate-type', describeTypes(policy))
  assertPredicateType(predicateType, policy)
  checks.pass(predicateType)

  const wanted = Object.entries(policy.annotations)
  if (wanted.length === 0) return
  checks.start('annotations', wanted.map((pair) => pair.join('=')).join(', '))
  assertAnnotations(annotations, policy)
  checks.pass('all of them')
}

/** Provenance must name the source that is demanded; what is of another type names none. */
function assertFrom(
  source: SourceDemand | undefined,
  signed: Pick<VerifiedSignature, 'predicateType' | 'statement' | 'signer'>,
  checks: Checklist,
): void {
  if (source === undefined || signed.predicateType !== PROVENANCE_PREDICATE_TYPE) return
  const demanded = describeSource(source).map(({ name, wanted }) => `${name} ${wanted}`)
  checks.start('source', demanded.join(', '))
  const service = signed.signer.kind === 'key' ? signed.signer.trusted.issuer : undefined
  checks.pass(assertSource(signed.statement?.predicate, { source, service }))
}

/** The statement that was signed, by itself or as one of a batch; undefined for a signature over a file's bytes. */
function readSigned({ content, member }: Bundle, checks: Checklist): Statement | undefined {
  if (member !== undefined) checks.start('batch', 'the statement is one of the signed batch')
  const signed = content.kind === 'dsse' ? readStatement(content.envelope) : undefined
  if (signed === undefined || member === undefined) return signed
  const statement = memberStatement(signed, member)
  checks.pass(`statement ${member.index} of the batch`)
  return statement
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
  return `at least ${evidence.times} trusted times`
}

function describeTimes({ times }: Evidence): string {
  return times.map(({ source, time }) => `${time.toISOString()} by ${source}`).join(', ') || 'none'
}
