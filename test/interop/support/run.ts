import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { CLI } from '../../support/command-line.ts'
import { PROJECT } from '../../support/project.ts'

/** How a program ended. */
export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

type Variables = Readonly<Record<string, string>>

/** Runs a program to its end; `env` is added to this process's environment. */
export async function run(
  command: string,
  args: readonly string[],
  env: Variables = {},
): Promise<Ended> {
  const child = spawn(command, args, {
    cwd: PROJECT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = once(child, 'exit')
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  await exit
  return { status: child.exitCode, stdout, stderr }
}

/**
 * Runs a program that must succeed, and answers what it wrote on stdout.
 *
 * @throws Error — it failed; with everything it said
 */
export async function mustRun(
  command: string,
  args: readonly string[],
  env?: Variables,
): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, env)
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} ended with ${String(status)}: ${stdout}${stderr}`)
}

/** Runs our own command line; it must succeed. */
export function countersign(args: readonly string[], env?: Variables): Promise<string> {
  return mustRun(process.execPath, [CLI, ...args], env)
}
