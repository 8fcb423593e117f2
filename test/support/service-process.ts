/**
 * `countersign serve` in a process of its own, as its users run it. Knows nothing of vitest.
 *
 * ```ts
 * const folder = writeServiceFolder({ folder: createTempFolder(), keys: { sessions: { use: 'token' } } })
 * await using replica = await startServiceProcess(folder)
 * await fetch(`${replica.url}/readyz`)
 * await replica.kill('SIGKILL')
 * ```
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { CLI, COMPILE_CACHE } from './command-line.ts'
import type { ServiceFolder } from './service-folder.ts'

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A running service. Disposing it stops it as an operator does. */
export interface ServiceProcess extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  readonly pid: number
  /** What it has said on stderr so far: lines for people, and its log. */
  readonly log: () => string
  /** Fulfils when it has ended, however it did. */
  readonly ended: Promise<ProcessEnd>
  /** Sends a signal, and waits for the end where the signal brings it. Default: SIGTERM. */
  kill(signal?: NodeJS.Signals): Promise<ProcessEnd>
}

/** How to start it. */
export interface ServiceProcessOptions {
  /** Behind `serve --config FILE`; default `--migrate`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** After which the start has failed; default 60 s. */
  readonly deadlineMs?: number
}

/** Processes that run; none outlives this one. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/**
 * Starts a service, and waits until it listens.
 *
 * @throws Error — it ended before, or did not listen in time; with all it said
 */
export async function startServiceProcess(
  { folder, config, env }: Pick<ServiceFolder, 'folder' | 'config' | 'env'>,
  options: ServiceProcessOptions = {},
): Promise<ServiceProcess> {
  const { args = ['--migrate'], deadlineMs = 60_000 } = options
  const child = spawn(process.execPath, [CLI, 'serve', '--config', config, ...args], {
    cwd: folder,
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE, ...env, ...options.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  running.add(child)
  const ended = endOf(child)
  const said: string[] = []
  const log = (): string => said.join('\n')
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessEnd> => {
    child.kill(signal)
    return ended
  }
  try {
    const url = await listening(child, said, AbortSignal.timeout(deadlineMs))
    const dispose = async (): Promise<void> => {
      await stop()
    }
    return { url, pid: child.pid ?? 0, log, ended, kill: stop, [Symbol.asyncDispose]: dispose }
  } catch (cause) {
    await stop('SIGKILL')
    throw new Error(`countersign serve did not start:\n${log()}`, { cause })
  }
}

function endOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child)
      resolve({ code, signal })
    })
  })
}

/** Waits for the line in which the service prints its address; collects its output. */
function listening(child: ChildProcess, said: string[], deadline: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  child.once('error', reject)
  child.once('close', () => {
    reject(new Error('it ended'))
  })
  deadline.addEventListener('abort', () => {
    reject(new Error('it does not listen in time'))
  })
  if (child.stderr === null) throw new Error('a pipe was asked for')
  createInterface(child.stderr).on('line', (line) => {
    said.push(line)
    const url = /^listening on (https?:\S+)$/.exec(line)?.[1]
    if (url !== undefined) resolve(url)
  })
  return promise
}
