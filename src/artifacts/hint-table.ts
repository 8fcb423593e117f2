/**
 * Hints of a surface: errors of the rooms below it carry a reason and know neither options nor inputs, and a
 * table of the surface says what to type.
 *
 * @packageDocumentation
 */
import {
  CountersignError,
  type ErrorDetails,
  type ErrorReason,
  toCountersignError,
} from '../errors.ts'
import type { Examined, Verdict } from '../verification/verify-artifact.ts'

/** What to type, by the reason of an error; some of it depends on the details. */
export type HintTable = Readonly<
  Partial<Record<ErrorReason, string | ((details: ErrorDetails) => string)>>
>

/** The error of whatever was thrown, with the hint of the table where that has one. */
export function withHint(thrown: unknown, table: HintTable): CountersignError {
  const error = toCountersignError(thrown)
  const { code, message, reason, details, cause } = error
  const found = reason === undefined ? undefined : table[reason]
  if (found === undefined) return error
  const hint = typeof found === 'string' ? found : found(details)
  return new CountersignError(code, message, { hint, reason, details, cause })
}

/** A verdict whose errors, its own and those of what was examined, have the hints of a table. */
export function withHints(verdict: Verdict, table: HintTable): Verdict {
  const examined = verdict.examined.map((one) => withExaminedHint(one, table))
  if (verdict.ok) return { ...verdict, examined }
  return { ok: false, error: withHint(verdict.error, table), examined }
}

function withExaminedHint({ source, outcome }: Examined, table: HintTable): Examined {
  if (outcome.ok) return { source, outcome }
  return { source, outcome: { ...outcome, error: withHint(outcome.error, table) } }
}
