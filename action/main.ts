/**
 * Entry point of the Action: hands the process's world to {@link runStep} and ends with its code.
 *
 * @packageDocumentation
 */
import { readEnvironment } from '../src/config/environment.ts'
import { createRuntime } from '../src/oci/runtime.ts'
import { createStepLog } from './runner.ts'
import { runStep } from './run.ts'

const cancelled = new AbortController()
// The runner sends SIGINT when the job is cancelled, and SIGTERM 7.5 s later.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    cancelled.abort()
  })
}

process.exitCode = await runStep({
  env: readEnvironment(),
  runtime: createRuntime(Date.now),
  now: () => new Date(),
  log: createStepLog((text) => process.stdout.write(text)),
  signal: cancelled.signal,
})
