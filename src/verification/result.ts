/**
 * The result document of a verification: what `verify --json` prints and `POST /v1/verifications`
 * answers. Stable; a change that breaks a reader gets a new `schema`.
 *
 * @packageDocumentation
 */
import { toUtcSeconds } from '../formats/time.ts'
import { causeOf, type CauseNames } from '../basics/error-cause.ts'
import { type CountersignError, type ErrorCode, type ExitCode } from '../errors.ts'
import type { Check } from './policy.ts'
import type { Examined, Verdict } from './verify-artifact.ts'
import type { VerifiedSignature } from './verify-bundle.ts'

/** Names the form of the document. */
export const RESULT_SCHEMA = 'https://countersign.dev/schemas/verify-result/v1'

/** An error as documents show it. */
export interface ErrorDocument extends CauseNames {
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
}

/** The signer of one attestation. */
export type SignerDocument =
  | {
      readonly kid: string
      readonly algorithm: string
      readonly name?: string
      readonly version?: number
      readonly state: string
      readonly validAtSigning: true
    }
  | { readonly subjectAlternativeName: string; readonly issuer: string }

/** One attached signature or attestation: what it is, and every check that was made of it. */
export interface AttestationDocument {
  readonly source: string
  readonly ok: boolean
  readonly predicateType?: string
  readonly key?: SignerDocument
  /** RFC 3339; only where a trusted time says so. */
  readonly signedAt?: string
  readonly logEntries?: number
  readonly checks: readonly Check[]
  readonly error?: ErrorDocument
}

/** The verdict on one artifact. */
export interface ArtifactDocument {
  readonly name: string
  readonly digest?: string
  /** No content was read: a checksum file lists it, and there is no such file. */
  readonly digestOnly?: true
  readonly ok: boolean
  readonly attestations: readonly AttestationDocument[]
  readonly error?: ErrorDocument
}

/** The verdict on all artifacts of one call. */
export interface ResultDocument {
  readonly schema: typeof RESULT_SCHEMA
  readonly ok: boolean
  readonly exitCode: ExitCode
  readonly artifacts: readonly ArtifactDocument[]
}

/** Puts an error into its document form; causes and stack traces stay inside. */
export function toErrorDocument(error: CountersignError): ErrorDocument {
  const { code, message, hint } = error
  return { code, message, ...causeOf(error), ...(hint === undefined ? {} : { hint }) }
}

/** Puts the verdict on one artifact into its document form. */
export function toArtifactDocument(
  name: string,
  digest: string | undefined,
  verdict: Verdict,
): ArtifactDocument {
  return {
    name,
    ...(digest === undefined ? {} : { digest }),
    ok: verdict.ok,
    attestations: verdict.examined.map(toAttestationDocument),
    ...(verdict.ok ? {} : { error: toErrorDocument(verdict.error) }),
  }
}

function toAttestationDocument({ source, outcome }: Examined): AttestationDocument {
  if (!outcome.ok) {
    return { source, ok: false, checks: outcome.checks, error: toErrorDocument(outcome.error) }
  }
  const { signature } = outcome
  const [time] = signature.times
  return {
    source,
    ok: true,
    predicateType: signature.predicateType,
    key: toSignerDocument(signature),
    ...(time === undefined ? {} : { signedAt: toUtcSeconds(time.time) }),
    logEntries: signature.logEntries,
    checks: signature.checks,
  }
}

function toSignerDocument({ signer }: VerifiedSignature): SignerDocument {
  if (signer.kind === 'certificate') {
    const { subjectAlternativeName, issuer } = signer.certificate
    return { subjectAlternativeName, issuer }
  }
  const { key, version, state } = signer.trusted
  return {
    kid: key.kid,
    algorithm: key.algorithm.name,
    ...(version && { name: version.key, version: version.number }),
    state,
    validAtSigning: true,
  }
}

/**
 * Joins the verdicts of one call. Without any artifact nothing was verified, which is not a success.
 *
 * @param failures - error of each artifact that failed, in the order of the artifacts
 */
export function toResultDocument(
  artifacts: readonly ArtifactDocument[],
  failures: readonly CountersignError[],
): ResultDocument {
  const ok = artifacts.length > 0 && artifacts.every((artifact) => artifact.ok)
  return { schema: RESULT_SCHEMA, ok, exitCode: ok ? 0 : worstExit(failures), artifacts }
}

/**
 * Chooses the exit status of several failures: a bug outranks all; then the lowest code, for a broken
 * signature says more than a missing one. Without any failure: 5, nothing was found.
 */
export function worstExit(failures: readonly CountersignError[]): ExitCode {
  const codes = failures.map(({ exitCode }) => exitCode).toSorted((a, b) => a - b)
  return codes[0] ?? 5
}
