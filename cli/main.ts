#!/usr/bin/env node
/**
 * Entry point of the command line: hands the process's streams to {@link run} and ends with its code.
 *
 * @packageDocumentation
 */
import { createFetch } from '../src/client/proxied-fetch.ts'
import { readEnvironment } from '../src/config/environment.ts'
import { run } from './run.ts'

const cancelled = new AbortController()
/** What waits for something that heeds no signal is given this long; the service takes its own time. */
const ORDERLY_END_MS = 3000
const command = { endsByItself: false }
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // Once: a second signal ends the process as if it had no handler.
  process.once(signal, () => {
    cancelled.abort()
    const end = setTimeout(() => {
      if (!command.endsByItself) process.kill(process.pid, signal)
    }, ORDERLY_END_MS)
    end.unref()
  })
}

// A reader that closes the pipe early (`| head`) has seen enough: this is not an error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const env = readEnvironment()
process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env,
  fetch: createFetch(env),
  now: () => new Date(),
  signal: cancelled.signal,
  endsByItself: () => {
    command.endsByItself = true
  },
  onHangUp: (listener) => {
    process.on('SIGHUP', listener)
  },
})

/** A service that has stopped ends, though a call of it may never return: exiting waits for its thread for ever. */
const LAST_MS = 200
if (command.endsByItself) {
  const end = setTimeout(() => {
    const left = [...new Set(process.getActiveResourcesInfo())].join(', ')
    process.stderr.write(`ended by SIGKILL, since something still runs (${left})\n`)
    process.kill(process.pid, 'SIGKILL')
  }, LAST_MS)
  end.unref()
}
