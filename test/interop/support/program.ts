import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'

/** A server of others, running. */
export interface RunningServer {
  /** `127.0.0.1:port`. */
  readonly host: string
  stop(): Promise<void>
}

/** How a server is started. */
export interface ServerProgram {
  readonly command: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const START_DEADLINE_MS = 120_000
const POLL_MS = 50

/** Starts a server that prints the address it listens on as its first line. */
export async function startTellingServer(program: ServerProgram): Promise<RunningServer> {
  const child = start(program, 'pipe')
  const ended = once(child, 'exit').then(() => {
    throw new Error(`${program.command} ended before it listened`)
  })
  if (child.stdout === null) throw new Error('no stdout')
  const line = await Promise.race([once(createInterface(child.stdout), 'line'), ended])
  return { host: String(line[0]), stop: () => stop(child) }
}

/** Starts a server on a given port, and waits until one of its paths answers. */
export async function startOnFreePort(
  program: (port: number) => ServerProgram,
  readyPath: string,
): Promise<RunningServer> {
  const port = await findFreePort()
  const child = start(program(port), 'ignore')
  const host = `127.0.0.1:${port}`
  const deadline = Date.now() + START_DEADLINE_MS
  while (!(await answers(`http://${host}${readyPath}`))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop(child)
      throw new Error(`${program(port).command} does not answer on ${host}`)
    }
    await setTimeout(POLL_MS)
  }
  return { host, stop: () => stop(child) }
}

/** Starts a program that listens on no port. */
export function startProgram(program: ServerProgram): RunningServer {
  const child = start(program, 'ignore')
  return { host: '', stop: () => stop(child) }
}

function start({ command, args, env }: ServerProgram, stdout: 'pipe' | 'ignore'): ChildProcess {
  return spawn(command, args, {
    stdio: ['ignore', stdout, 'ignore'],
    env: env ?? process.env,
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  // Nothing it holds is wanted any more, and localstack takes minutes to end when asked.
  child.kill('SIGKILL')
  await exit
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}
