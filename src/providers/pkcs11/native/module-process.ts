/**
 * The process that has a PKCS#11 module loaded: whatever the module does happens here. It answers calls on one pipe;
 * a thread watches another, which closes with the process at its other end. That thread ends the process even while
 * the module holds up everything else.
 *
 * @packageDocumentation
 */
import { Socket } from 'node:net'
import { isMainThread, Worker } from 'node:worker_threads'

/** Numbers of the pipes, after those of every process. */
const CALLS = 3
const LIFE = 4

if (isMainThread) {
  // These reach a whole group of processes; the one at the other end still has work to finish, and then says so.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => undefined)
  }
  new Worker(new URL(import.meta.url)).unref()
  const { serveCalls } = await import('./serve-calls.ts')
  serveCalls(new Socket({ fd: CALLS, readable: true, writable: true }))
} else {
  const life = new Socket({ fd: LIFE, readable: true, writable: false })
  life.on('error', () => undefined)
  life.on('close', () => {
    process.kill(process.pid, 'SIGKILL')
  })
  life.resume()
}
