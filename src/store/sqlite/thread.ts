/**
 * The thread that has the writing connection: it waits for the disk at every commit, so that no other
 * thread does. It is started by `threaded-connection.ts`.
 *
 * @packageDocumentation
 */
import { parentPort } from 'node:worker_threads'
import { type StatementResult, SyncConnection } from './connection.ts'
import { resultCode } from './failures.ts'
import type { ThreadAnswer, ThreadCall } from './thread-calls.ts'

const NOTHING: StatementResult = { rows: [] }
let connection: SyncConnection | undefined

function perform(call: ThreadCall): StatementResult {
  if (call.method === 'open') connection = new SyncConnection(call.path, call.settings)
  if (call.method === 'run') return connection?.run(call.statements) ?? NOTHING
  if (call.method === 'rollback') connection?.rollback()
  if (call.method === 'close') connection?.close()
  return NOTHING
}

function answer(call: ThreadCall): ThreadAnswer {
  try {
    return { result: perform(call) }
  } catch (error) {
    return { message: String(error), errcode: resultCode(error) }
  }
}

parentPort?.on('message', (call: ThreadCall) => {
  parentPort?.postMessage(answer(call))
  // With nothing to listen to, the thread ends.
  if (call.method === 'close') parentPort?.close()
})
