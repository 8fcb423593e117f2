/**
 * What the caller demands of a signature beyond being valid, and the checks a verdict lists.
 *
 * @packageDocumentation
 */
import { type Digest, type HashName, isHashName } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import type { Statement, Subject } from '../formats/statement.ts'
import type { Artifact } from './artifact.ts'
import type { CertificateSigner, EvidenceDemand } from './evidence.ts'

/** Who a certificate must name, both compared exactly. */
export interface CertificateIdentity {
  readonly subjectAlternativeName: string
  readonly issuer: string
}

/** What provenance must name. */
export interface SourceDemand {
  /** Address of the repository: `https://github.com/acme/app`. */
  readonly repository?: string | undefined
  /** Path of the workflow in it: `.github/workflows/release.yml`. */
  readonly workflow?: string | undefined
  /**
   * Builders whose provenance counts, by their ids; GitHub's ids end with `@REF`, which may be left out.
   * None: the service that signs with the key that signed.
   */
  readonly builders: readonly string[]
}

/** What a caller demands. */
export interface Policy {
  /** Each of these predicate types must be there; `'any'` takes whatever is signed. */
  readonly predicateTypes: readonly string[] | 'any'
  /** Annotations the signed subject must have, by exact value. */
  readonly annotations: Readonly<Record<string, string>>
  /** Distinct keys that must have signed each type; versions of one key are one. */
  readonly threshold: number
  /** Accepts certificates of this identity; without it, only keys are accepted. */
  readonly identity?: CertificateIdentity | undefined
  readonly evidence: EvidenceDemand
  /** Where the artifact must come from, by provenance, whose type is then among the predicate types. */
  readonly source?: SourceDemand | undefined
}

/**
 * A plain signature by one trusted key.
 *
 * @example
 * ```ts
 * import { SIGNATURE_POLICY } from 'countersign/verify'
 *
 * const demanded = { ...SIGNATURE_POLICY, predicateTypes: ['https://slsa.dev/provenance/v1'] }
 * console.log(demanded.predicateTypes.length) // 1
 * ```
 */
export const SIGNATURE_POLICY: Policy = {
  predicateTypes: [SIGN_PREDICATE_TYPE],
  annotations: {},
  threshold: 1,
  evidence: { logEntries: undefined, times: 0 },
}

/** Name of one check, in the order they are made: those of bundles, then those of tokens alone. */
export type CheckId =
  | 'bundle'
  | 'trusted-time'
  | 'key'
  | 'signature'
  | 'log'
  | 'batch'
  | 'subject'
  | 'predicate-type'
  | 'annotations'
  | 'source'
  | 'identity'
  | 'token'
  | 'type'
  | 'issuer'
  | 'audience'
  | 'lifetime'

/** One thing that was compared: what was expected, what was found. */
export interface Check {
  readonly id: CheckId
  readonly ok: boolean
  readonly expected: string
  readonly actual: string
  /** Of a signature that no key made: each key that was tried, and why it did not. */
  readonly tried?: readonly string[]
}

/**
 * Finds the subject that is the artifact: every digest of it that can be computed must be equal, and
 * there must be one.
 *
 * @throws {@link CountersignError} ERR_SUBJECT_MISMATCH
 */
export async function findSubject(statement: Statement, artifact: Artifact): Promise<Subject> {
  const digests = await readDigests(statement, artifact)
  const subject = statement.subjects.find((candidate) => isSubject(candidate, digests))
  if (subject !== undefined) return subject
  const known = [...digests.values()].join(', ')
  throw new CountersignError(
    'ERR_SUBJECT_MISMATCH',
    known === ''
      ? 'the statement uses a hash by which the artifact is not known'
      : 'the statement is about another artifact',
    {
      hint: 'the bundle belongs to another artifact, or the artifact was changed',
      details: { expected: known, actual: describeSubjects(statement) },
    },
  )
}

/** The artifact's digest by every hash the statement uses, as far as it can be computed. */
async function readDigests(
  statement: Statement,
  artifact: Artifact,
): Promise<ReadonlyMap<HashName, Digest>> {
  const digests = new Map<HashName, Digest>()
  for (const { digest } of statement.subjects) {
    for (const hash of Object.keys(digest)) {
      if (!isHashName(hash) || digests.has(hash)) continue
      const known = await artifact.digest(hash)
      if (known !== undefined) digests.set(hash, known)
    }
  }
  return digests
}

function isSubject(subject: Subject, digests: ReadonlyMap<HashName, Digest>): boolean {
  const comparable = Object.entries(subject.digest).filter(
    ([hash]) => isHashName(hash) && digests.has(hash),
  )
  return (
    comparable.length > 0 &&
    comparable.every(([hash, hex]) => isHashName(hash) && digests.get(hash) === `${hash}:${hex}`)
  )
}

/** A subject for people: its name, if any, and its first digest. */
export function describeSubject(subject: Subject | undefined): string {
  const [first] = Object.entries(subject?.digest ?? {})
  const digest = first?.join(':') ?? ''
  return subject?.name === undefined ? digest : `${subject.name} ${digest}`
}

/** The subjects of a statement for people, at most three. */
function describeSubjects(statement: Statement): string {
  const texts = statement.subjects.slice(0, 3).map(describeSubject)
  const more = statement.subjects.length - texts.length
  return texts.join(', ') + (more > 0 ? ` and ${more} more` : '')
}

/**
 * Refuses content of a predicate type that was not asked for. A signature over a file's bytes counts as
 * the type of an image signature: both say "signed", nothing more.
 *
 * @throws {@link CountersignError} ERR_PREDICATE_TYPE_MISMATCH
 */
export function assertPredicateType(predicateType: string, policy: Policy): void {
  const { predicateTypes } = policy
  if (predicateTypes === 'any' || predicateTypes.includes(predicateType)) return
  throw new CountersignError(
    'ERR_PREDICATE_TYPE_MISMATCH',
    `predicate type is "${predicateType}", expected ${predicateTypes.join(' or ')}`,
    {
      hint: 'verify with a policy that accepts this type',
      reason: 'predicate-type-not-accepted',
      details: { expected: predicateTypes.join(', '), actual: predicateType },
    },
  )
}

/**
 * Refuses a subject that lacks a wanted annotation.
 *
 * @throws {@link CountersignError} ERR_ANNOTATION_MISMATCH
 */
export function assertAnnotations(signed: Readonly<Record<string, unknown>>, policy: Policy): void {
  for (const [name, wanted] of Object.entries(policy.annotations)) {
    const actual = Object.hasOwn(signed, name) ? signed[name] : undefined
    if (actual === wanted) continue
    throw new CountersignError(
      'ERR_ANNOTATION_MISMATCH',
      `annotation "${name}" is ${actual === undefined ? 'not signed' : JSON.stringify(actual)}, expected "${wanted}"`,
      { details: { annotation: name, expected: wanted, actual: String(actual) } },
    )
  }
}

/**
 * Refuses a certificate of another identity, or any certificate where none was asked for.
 *
 * @throws {@link CountersignError} ERR_IDENTITY_MISMATCH
 */
export function assertIdentity(signer: CertificateSigner, policy: Policy): void {
  const { identity } = policy
  const { subjectAlternativeName, issuer } = signer
  if (identity?.subjectAlternativeName === subjectAlternativeName && identity.issuer === issuer) {
    return
  }
  const actual = `${subjectAlternativeName} from ${issuer}`
  const expected = describeIdentity(policy)
  throw new CountersignError('ERR_IDENTITY_MISMATCH', `signed by ${actual}, expected ${expected}`, {
    hint: 'give the identity and the issuer of the signer you expect',
    reason: 'identity-not-expected',
    details: { expected, actual },
  })
}

/** The demanded signer for people. */
export function describeIdentity({ identity }: Policy): string {
  if (identity === undefined) return 'a key, no certificate'
  return `${identity.subjectAlternativeName} from ${identity.issuer}`
}
