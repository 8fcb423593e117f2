/**
 * A process that has a PKCS#11 module loaded, as the one that started it sees it.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { JsonValue } from '../../../formats/json.ts'
import { FrameReader, serializeFrame } from '../protocol/frames.ts'
import type { HostMessage } from '../protocol/messages.ts'

/** The program; in the bundle of the command line it lies beside the chunks. */
const PROGRAM = fileURLToPath(
  new URL(
    import.meta.url.endsWith('.ts') ? '../native/module-process.ts' : './module-process.js',
    import.meta.url,
  ),
)

/** Secrets and settings that are for this process alone: what Node loads first here has no business with PINs there. */
const OWN_VARIABLES = /^(COUNTERSIGN_.*|NODE_OPTIONS)$/

/** Why a process is no more. */
export interface ModuleEnd {
  /** Its exit status, if it ended by itself. */
  readonly status: number | null
  /** What ended it otherwise. */
  readonly signal: string | null
  /** What it could not be started for, or what it sent that could not be read. */
  readonly cause?: unknown
}

/** What starts a process, and hears from it. */
export interface ModulePipeOptions {
  readonly modulePath: string
  /** Environment of this process; the module finds its own settings there. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Calls of the module that run at the same time, at the most. */
  readonly threads: number
  readonly onMessage: (message: JsonValue) => void
  /** Called once. */
  readonly onEnd: (end: ModuleEnd) => void
}

/** Starts a process and talks with it. It ends when this object is closed, and with this process in any case. */
export class ModulePipe {
  readonly #child: ChildProcess
  readonly #calls: Socket
  readonly #life: Socket
  readonly #reader = new FrameReader()
  readonly #onMessage: (message: JsonValue) => void
  #cause: unknown
  #isEnded = false

  constructor({ modulePath, env, threads, onMessage, onEnd }: ModulePipeOptions) {
    this.#onMessage = onMessage
    this.#child = spawn(process.execPath, [PROGRAM, modulePath], {
      // The module may print what it likes: stdout belongs to the results of this process.
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
      env: { ...withoutOwn(env), UV_THREADPOOL_SIZE: String(threads) },
    })
    this.#calls = pipeOf(this.#child, 3)
    this.#life = pipeOf(this.#child, 4)
    // A process that dies closes them; its end is heard of by `exit`.
    for (const pipe of [this.#calls, this.#life]) pipe.on('error', () => undefined)
    this.#life.resume()
    this.#calls.on('data', (chunk: Uint8Array) => {
      this.#read(chunk)
    })
    this.#child.on('error', (cause) => {
      this.#end({ status: null, signal: null, cause }, onEnd)
    })
    this.#child.once('exit', (status, signal) => {
      // Two turns of the loop read what it wrote before it ended.
      setImmediate(() => {
        setImmediate(() => {
          this.#end({ status, signal, cause: this.#cause }, onEnd)
        })
      })
    })
  }

  /** Sends a message; one to a process that has ended is lost, which its end makes known. */
  send(message: HostMessage): void {
    if (this.#calls.writable) this.#calls.write(serializeFrame(message))
  }

  /** Whether this process waits for the other before it ends. */
  hold(isHeld: boolean): void {
    for (const handle of [this.#child, this.#calls]) {
      if (isHeld) handle.ref()
      else handle.unref()
    }
    this.#life.unref()
  }

  /** Ends the process at once, whatever it does. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #read(chunk: Uint8Array): void {
    try {
      for (const message of this.#reader.push(chunk)) this.#onMessage(message)
    } catch (cause) {
      // Memory of the process may be corrupted: what it says from here on means nothing.
      this.#cause ??= cause
      this.#calls.removeAllListeners('data')
      this.kill()
    }
  }

  #end(end: ModuleEnd, onEnd: (end: ModuleEnd) => void): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#calls.destroy()
    this.#life.destroy()
    onEnd(end)
  }
}

/** Without any where the process could not be started, which `error` makes known. */
function pipeOf(child: ChildProcess, number: number): Socket {
  const pipe = Array.isArray(child.stdio) ? child.stdio[number] : undefined
  return pipe instanceof Socket ? pipe : new Socket()
}

function withoutOwn(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.test(name)))
}
