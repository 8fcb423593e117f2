/** A finding of doctor: one check, its outcome, and how to fix it. */
import type { CauseNames } from '../../src/basics/error-cause.ts'
import { CountersignError, type ErrorCode } from '../../src/errors.ts'
import { toDiagnosis } from '../../src/providers/diagnosis.ts'
import type { Diagnosis } from '../../src/providers/provider.ts'
import { worstExit } from '../../src/verification/result.ts'
import { withTypedHint } from '../render/hints.ts'

/** What a check looks at. */
export type FindingSubject = 'machine' | 'configuration' | 'trust' | 'key' | 'registry' | 'clock'

/** One check. */
export interface Finding extends CauseNames {
  readonly subject: FindingSubject
  /** Short stable name within its subject. */
  readonly check: string
  /** `unknown` where there was no way to look; it fails nothing. */
  readonly status: 'pass' | 'fail' | 'unknown'
  /** What was found, for people. */
  readonly found: string
  /** Why it failed, as the error of a command that met it would. */
  readonly code?: ErrorCode
  /** What to do about it. */
  readonly hint?: string
}

/** Looks, and makes a finding of what is answered or thrown; bugs and cancelling pass through. */
export async function look(
  subject: FindingSubject,
  check: string,
  work: () => Promise<string>,
): Promise<Finding> {
  try {
    return { subject, check, status: 'pass', found: await work() }
  } catch (error) {
    if (!CountersignError.is(error) || CountersignError.is(error, 'ERR_CANCELLED')) throw error
    return failure(subject, check, error)
  }
}

/** Makes the finding of an error. */
export function failure(subject: FindingSubject, check: string, error: CountersignError): Finding {
  return fromDiagnosis(toDiagnosis(check, withTypedHint(error)), subject)
}

/** Makes a finding of what a provider found about a key. */
export function fromDiagnosis(
  { ok, error, ...rest }: Diagnosis,
  subject: FindingSubject = 'key',
): Finding {
  const hint = error === undefined ? rest.hint : withTypedHint(error).hint
  return {
    subject,
    status: ok ? 'pass' : 'fail',
    ...rest,
    ...(hint !== undefined && { hint }),
  }
}

/** The exit status of all findings together: that of the worst cause. */
export function exitOf(findings: readonly Finding[]): number {
  const failed = findings.filter(({ status }) => status === 'fail')
  if (failed.length === 0) return 0
  return worstExit(
    failed.map(({ code, found }) => new CountersignError(code ?? 'ERR_INTERNAL', found)),
  )
}
