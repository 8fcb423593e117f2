/** Staged causes: a fault that is set up, and what every command must state of it. */
import type { ErrorCode } from '../../../src/errors.ts'
import { type CliWorld, countersign, documentOf } from '../cli.ts'

/** What is demanded of an error. */
export interface ExpectedCause {
  readonly cause: string
  readonly layer: string
  readonly code: ErrorCode
  /** Texts that the cure holds: the statement or command that fixes this, and nothing wider. */
  readonly cure: readonly string[]
}

/** An answer of AWS that is staged. */
export interface StagedAnswer extends ExpectedCause {
  readonly operation: 'DescribeKey' | 'GetPublicKey' | 'Sign'
  readonly name: string
  readonly text: string
  readonly status?: number
}

/** A check of doctor, as its JSON has it. */
export interface FailedCheck {
  readonly status: string
  readonly code?: string
  readonly layer?: string
  readonly cause?: string
  readonly found?: string
  readonly hint?: string
}

/** What doctor finds wrong with a key, check by check. */
export async function failedChecks(
  key: string,
  world: CliWorld = {},
  ...args: readonly string[]
): Promise<readonly FailedCheck[]> {
  const result = await countersign(['doctor', '--json', key, ...args], world)
  const { checks } = documentOf<{ checks: readonly FailedCheck[] }>(result)
  return checks.filter(({ status }) => status === 'fail')
}
