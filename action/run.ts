/**
 * One step: reads its inputs, does what its mode says, and only then tells the runner.
 *
 * @packageDocumentation
 */
import { type CountersignError, toCountersignError } from '../src/errors.ts'
import { tellDone } from './already-done.ts'
import { withInputHint } from './hints.ts'
import { type Inputs, parseInputs } from './inputs.ts'
import { writeOutputs, writeSummary } from './runner.ts'
import type { StepContext, StepOutcome } from './step.ts'

/** Runs a step and answers its exit status; what goes wrong becomes an annotation with code and hint. */
export async function runStep(context: StepContext): Promise<number> {
  try {
    const inputs = parseInputs(context.env)
    const { followLinks } = inputs
    const { outputs, summary, failure, done = [] } = await run(inputs, { ...context, followLinks })
    const verdict = failure === undefined ? 0 : fail(failure, context)
    const told = await tellOutputs(outputs, done, context)
    if (inputs.showSummary) await tellSummary(summary, context)
    return verdict === 0 ? told : verdict
  } catch (thrown) {
    return fail(withInputHint(thrown), context)
  }
}

/**
 * Does what the inputs say; nothing is told to the runner but the log.
 *
 * @throws {@link CountersignError} whatever keeps the mode from being done
 */
async function run(inputs: Inputs, context: StepContext): Promise<StepOutcome> {
  // Loaded by mode: verifying evaluates no code for signing.
  switch (inputs.mode) {
    case 'sign':
    case 'attest':
      return (await import('./make.ts')).make(inputs, context)
    case 'verify':
      return (await import('./verify.ts')).verify(inputs, context)
    case 'token':
      return (await import('./token.ts')).issueStepToken(inputs, context)
  }
}

/** Steps that come after would miss the outputs, so without them the step fails, and says what is done. */
async function tellOutputs(
  outputs: StepOutcome['outputs'],
  done: readonly string[],
  context: StepContext,
): Promise<number> {
  try {
    await writeOutputs(outputs, context.env)
    return 0
  } catch (thrown) {
    return fail(tellDone(thrown, done), context)
  }
}

/** What the step was for is done by now, whether or not there is room for its summary. */
async function tellSummary(summary: string, { env, log }: StepContext): Promise<void> {
  try {
    await writeSummary(summary, env)
  } catch (thrown) {
    const { code, message } = toCountersignError(thrown)
    log.annotate('warning', `countersign ${code}`, `no job summary: ${message}`)
  }
}

function fail(error: CountersignError, { log }: StepContext): number {
  const { code, message, hint, exitCode } = error
  log.annotate('error', `countersign ${code}`, hint === undefined ? message : `${message}\n${hint}`)
  return exitCode
}
