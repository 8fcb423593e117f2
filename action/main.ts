/**
 * Entry point of the Action: hands the process's world to {@link runStep} and ends with its code.
 *
 * @packageDocumentation
 */
import { createFetch } from '../src/client/proxied-fetch.ts'
import { readEnvironment } from '../src/config/environment.ts'
import { createRuntime } from '../src/basics/runtime.ts'
import { createStepLog } from './runner.ts'
import { runStep } from './run.ts'

const cancelled = new AbortController()
const halted = new AbortController()
const HALT_MS = 1500
// The runner sends SIGINT when the job is cancelled, SIGTERM 7.5 s later, and kills after 2.5 s more.
process.on('SIGINT', () => {
  cancelled.abort()
})
process.once('SIGTERM', () => {
  cancelled.abort()
  halted.abort()
  // Whatever waits for something that heeds no signal ends with the process, before it is killed.
  const end = setTimeout(() => process.kill(process.pid, 'SIGTERM'), HALT_MS)
  end.unref()
})

const env = readEnvironment()
process.exitCode = await runStep({
  env,
  runtime: { ...createRuntime(Date.now), fetch: createFetch(env) },
  now: () => new Date(),
  log: createStepLog((text) => process.stdout.write(text)),
  signal: cancelled.signal,
  halt: halted.signal,
})
