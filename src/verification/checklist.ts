/** The list of checks a verdict shows: made in order, stopped by the first that fails. */
import type { CountersignError } from '../errors.ts'
import type { Check, CheckId } from './policy.ts'

/** Collects checks in order; the one that was started last is the one that fails. */
export interface Checklist {
  /** `tried` says of each key that was tried why it did not sign; asked only where the check fails. */
  start(id: CheckId, expected: string, tried?: () => readonly string[]): void
  pass(actual: string): void
  fail(error: CountersignError): void
  readonly all: readonly Check[]
}

/** Starts an empty list. */
export function createChecklist(): Checklist {
  const all: Check[] = []
  let open:
    { id: CheckId; expected: string; tried?: (() => readonly string[]) | undefined } | undefined
  const close = (ok: boolean, expected: string, actual: string): void => {
    const tried = ok ? undefined : open?.tried?.()
    if (open !== undefined) all.push({ id: open.id, ok, expected, actual, ...(tried && { tried }) })
    open = undefined
  }
  return {
    all,
    start: (id, expected, tried) => {
      open = { id, expected, tried }
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
