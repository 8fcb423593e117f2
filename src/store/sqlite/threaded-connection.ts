import { Worker } from 'node:worker_threads'
import { storeUnavailable } from '../unavailable.ts'
import {
  type ConnectionPlace,
  type ConnectionSettings,
  SqliteConnection,
  type SqlStatement,
  type StatementResult,
} from './connection.ts'
import { toSqliteFailure } from './failures.ts'
import type { ThreadAnswer, ThreadCall } from './thread-calls.ts'

/** Beside this module, from source as from a build. */
const THREAD = new URL(
  import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js',
  import.meta.url,
)

/**
 * Opens a connection on a thread of its own: the caller's thread goes on while it waits for the disk.
 *
 * @throws {@link CountersignError} ERR_STORE_UNAVAILABLE — it can't be opened; later, from any call: the
 * thread ended
 */
export async function openThreadedConnection(
  path: string,
  settings: ConnectionSettings,
): Promise<SqliteConnection> {
  const thread = new ConnectionThread()
  try {
    await thread.open(path, settings)
    return new SqliteConnection(thread)
  } catch (error) {
    await thread.close()
    throw error
  }
}

class ConnectionThread implements ConnectionPlace {
  readonly #worker = new Worker(THREAD)
  readonly #exit: Promise<void>
  /** Calls without an answer, in their order. */
  readonly #calls: PromiseWithResolvers<StatementResult>[] = []
  #end: Error | undefined

  constructor() {
    this.#worker.on('message', (answer: ThreadAnswer) => {
      settle(this.#calls.shift(), answer)
    })
    this.#worker.on('error', (cause) => {
      this.#stop(cause)
    })
    // An answer that can't be read is lost, and those after it would go to the wrong calls.
    this.#worker.on('messageerror', (cause) => {
      this.#stop(cause)
    })
    this.#exit = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#stop()
        resolve()
      })
    })
  }

  async open(path: string, settings: ConnectionSettings): Promise<void> {
    await this.#call({ method: 'open', path, settings })
  }

  run(statements: readonly SqlStatement[]): Promise<StatementResult> {
    return this.#call({ method: 'run', statements: statements.map(detach) })
  }

  async rollback(): Promise<void> {
    await this.#call({ method: 'rollback' })
  }

  async close(): Promise<void> {
    if (this.#end !== undefined) return
    await this.#call({ method: 'close' })
    await this.#exit
  }

  #call(call: ThreadCall): Promise<StatementResult> {
    if (this.#end !== undefined) return Promise.reject(this.#end)
    const pending = Promise.withResolvers<StatementResult>()
    try {
      this.#worker.postMessage(call)
    } catch (cause) {
      // It never went out, so no answer belongs to it.
      return Promise.reject(new TypeError('a value cannot go to the thread', { cause }))
    }
    this.#calls.push(pending)
    return pending.promise
  }

  #stop(cause?: unknown): void {
    this.#end ??= storeUnavailable('its thread has ended', {
      hint: 'restart the service',
      cause,
    })
    for (const { reject } of this.#calls.splice(0)) reject(this.#end)
  }
}

function settle(
  call: PromiseWithResolvers<StatementResult> | undefined,
  answer: ThreadAnswer,
): void {
  if ('result' in answer) call?.resolve(answer.result)
  else call?.reject(toSqliteFailure(Object.assign(new Error(answer.message), answer)))
}

/** Copies bytes that are part of something larger, which would cross with them. */
function detach({ sql, parameters }: SqlStatement): SqlStatement {
  const detached = parameters.map((value) => {
    const isPart = value instanceof Uint8Array && value.byteLength < value.buffer.byteLength
    return isPart ? Uint8Array.from(value) : value
  })
  return { sql, parameters: detached }
}
