/**
 * What every part of a step works with, and what comes of it.
 *
 * @packageDocumentation
 */
import type { Environment } from '../src/config/environment.ts'
import type { CountersignError } from '../src/errors.ts'
import type { Runtime } from '../src/basics/runtime.ts'
import type { StepLog } from './runner.ts'

/** The world outside a step: handed in, so that a test runs the very step in its own process. */
export interface StepContext {
  readonly env: Environment
  readonly runtime: Runtime
  readonly now: () => Date
  readonly log: StepLog
  /** Aborted when the job is cancelled: nothing new is begun. */
  readonly signal: AbortSignal
  /** Aborted when the runner is about to kill the step: what is under way is given up. */
  readonly halt: AbortSignal
  /** Whether paths may lead out of the workspace by links; default false. */
  readonly followLinks?: boolean
}

/** What a step hands to the runner when all of it is done. */
export interface StepOutcome {
  readonly outputs: Readonly<Record<string, string>>
  /** Markdown for the job summary. */
  readonly summary: string
  /** What was done that stays, in words, should the runner not take the outputs. */
  readonly done?: readonly string[]
  /** Where the step has done its work and found something that must fail the job. */
  readonly failure?: CountersignError
}

/** A variable of the runner; undefined where it is empty, too. */
export function variable({ env }: Pick<StepContext, 'env'>, name: string): string | undefined {
  const value = env[name]
  return value === '' ? undefined : value
}

/** The folder paths are relative to: the checkout. */
export function workspace(context: Pick<StepContext, 'env'>): string {
  return variable(context, 'GITHUB_WORKSPACE') ?? '.'
}
