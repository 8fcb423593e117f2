/**
 * A diagnosis whose checks build on each other.
 *
 * @packageDocumentation
 */
import { causeOf } from '../basics/error-cause.ts'
import { CountersignError } from '../errors.ts'
import type { Diagnosis } from './provider.ts'

/** One check: its name, and what is found if it passes; it fails with a CountersignError. */
export type DiagnosticCheck = readonly [check: string, look: () => Promise<string>]

/** Runs checks one after the other, up to the first that fails. Bugs pass through as they are. */
export async function runChecks(checks: readonly DiagnosticCheck[]): Promise<readonly Diagnosis[]> {
  const diagnoses: Diagnosis[] = []
  for (const [check, look] of checks) {
    const diagnosis = await observe(check, look)
    diagnoses.push(diagnosis)
    if (!diagnosis.ok) break
  }
  return diagnoses
}

async function observe(check: string, look: () => Promise<string>): Promise<Diagnosis> {
  try {
    return { check, ok: true, found: await look() }
  } catch (error) {
    if (!CountersignError.is(error)) throw error
    return toDiagnosis(check, error)
  }
}

/** Makes the failed check of an error. */
export function toDiagnosis(check: string, error: CountersignError): Diagnosis {
  const { code, message: found, hint, reason } = error
  return {
    check,
    ok: false,
    found,
    code,
    ...causeOf(error),
    ...(hint !== undefined && { hint }),
    ...(reason !== undefined && { error }),
  }
}
