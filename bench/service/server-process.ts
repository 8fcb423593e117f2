/** Servers that are measured, each in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { onCores } from './cores.ts'

/** A server that listens. Disposing it asks it to stop, and waits until it has. */
export interface ServerProcess extends AsyncDisposable {
  readonly address: string
  readonly pid: number
}

/** How to start one. */
export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Its stderr goes there: a pipe would have this process work for every line of its log. */
  readonly logPath: string
  /** On which it runs; undefined: all. */
  readonly cores?: string | undefined
}

const START_MS = 60_000
const LISTENING = /listening on (http:\/\/127\.0\.0\.1:\d+)/

/**
 * Starts a server that says `listening on ADDRESS` on stderr.
 *
 * @throws Error — it ended, or took longer than a minute; what it said last is in the message
 */
export async function startServerProcess(options: ServerCommand): Promise<ServerProcess> {
  const { env, logPath } = options
  const { command, args } = onCores(options.cores, options.command, options.args)
  const log = openSync(logPath, 'w')
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', log], env: env ?? process.env })
  closeSync(log)
  try {
    const address = await findAddress(child, logPath)
    return { address, pid: child.pid ?? 0, [Symbol.asyncDispose]: () => stop(child) }
  } catch (error) {
    await stop(child)
    throw error
  }
}

async function findAddress(child: ChildProcess, logPath: string): Promise<string> {
  const end = performance.now() + START_MS
  while (performance.now() < end && child.exitCode === null) {
    const [, address] = LISTENING.exec(readFileSync(logPath, 'utf8')) ?? []
    if (address !== undefined) return address
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const said = readFileSync(logPath, 'utf8').slice(-2000)
  throw new Error(`${child.spawnargs.join(' ')} does not listen: ${said}`)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}

/** Resident memory of a process in MiB, as Linux counts it. */
export function residentMiB({ pid }: Pick<ServerProcess, 'pid'>): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024
}
