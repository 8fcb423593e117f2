/** The list of checks a verdict shows: made in order, stopped by the first that fails. */
import type { CountersignError } from '../errors.ts'
import type { Check, CheckId } from './policy.ts'

/** Collects checks in order; the one that was started last is the one that fails. */
export interface Checklist {
  start(id: CheckId, expected: string): void
  pass(actual: string): void
  fail(error: CountersignError): void
  readonly all: readonly Check[]
}

/** Starts an empty list. */
export function createChecklist(): Checklist {
  const all: Check[] = []
  let open: { id: CheckId; expected: string } | undefined
  const close = (ok: boolean, expected: string, actual: string): void => {
    if (open !== undefined) all.push({ id: open.id, ok, expected, actual })
    open = undefined
  }
  return {
    all,
    start: (id, expected) => {
      open = { id, expected }
    },
    pass: (actual) => {
      close(true, open?.expected ?? '', actual)
    },
    fail: (error) => {
      const { expected, actual } = error.details
      close(false, String(expected ?? open?.expected ?? ''), String(actual ?? error.message))
    },
  }
}
