#!/usr/bin/env node
/**
 * Entry point of the command line: hands the process's streams to {@link run} and ends with its code.
 *
 * @packageDocumentation
 */
import { readEnvironment } from '../src/config/environment.ts'
import { run } from './run.ts'

const cancelled = new AbortController()
process.once('SIGINT', () => {
  cancelled.abort()
})
process.once('SIGTERM', () => {
  cancelled.abort()
})

// Whoever reads only the first lines (`| head`) has seen enough: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: readEnvironment(),
  fetch: globalThis.fetch,
  now: () => new Date(),
  signal: cancelled.signal,
})
