import { Readable } from 'node:stream'
import type { Context } from '../../cli/context.ts'
import { readCommonFlags } from '../../cli/options/shared.ts'
import type { CommandEnvironment } from '../../cli/command.ts'
import { run } from '../../cli/run.ts'
import { createTerminal } from '../../cli/terminal/terminal.ts'

/** What a run of the command line takes from outside; everything else is as in a pipeline. */
export interface CliWorld {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Uint8Array
  readonly now?: Date
  readonly fetch?: typeof fetch
  readonly signal?: AbortSignal
  /** Default: retries wait for nothing. */
  readonly pause?: Context['pause']
  /** Makes the streams those of a terminal, where a person types these lines, one for each question. */
  readonly typed?: readonly string[]
  /** Width of that terminal; default 80. */
  readonly columns?: number
}

/** How a run ended. */
export interface CliResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

/** The moment at which tests run commands, unless they say another. */
export const NOW: Date = new Date('2026-11-22T10:00:00Z')

/** Runs the command line in this process, as `countersign ARGS` would be. */
export async function countersign(
  args: readonly string[],
  world: CliWorld = {},
): Promise<CliResult> {
  const { context, read } = createContext(world)
  const exitCode = await run(args, context)
  return { exitCode, ...read() }
}

/** What a command is built with, for parts of it that are tested alone; `said` is what went to stderr. */
export function createEnvironment(
  world: CliWorld = {},
  args: readonly string[] = [],
): CommandEnvironment & { readonly said: () => string } {
  const { context, read } = createContext(world)
  const flags = readCommonFlags(args)
  return {
    context,
    flags,
    terminal: createTerminal(flags, context),
    loadProgram: () => Promise.reject(new Error('there is no program around this command')),
    action:
      (work) =>
      async (...args) => {
        await work(...args)
      },
    said: () => read().stderr,
  }
}

function createContext(world: CliWorld): {
  context: Context
  read: () => { stdout: string; stderr: string }
} {
  const out: string[] = []
  const err: string[] = []
  const isTTY = world.typed !== undefined
  const columns = isTTY ? (world.columns ?? 80) : undefined
  const context: Context = {
    stdout: { write: (text) => out.push(text), isTTY, columns },
    stderr: { write: (text) => err.push(text), isTTY, columns },
    stdin: isTTY ? createTypist(world.typed ?? []) : createPipe(world.stdin ?? ''),
    env: world.env ?? {},
    fetch: world.fetch ?? globalThis.fetch,
    now: () => world.now ?? NOW,
    pause: world.pause ?? (() => Promise.resolve()),
    signal: world.signal ?? new AbortController().signal,
  }
  return { context, read: () => ({ stdout: out.join(''), stderr: err.join('') }) }
}

function createPipe(content: string | Uint8Array): Context['stdin'] {
  return Readable.from([Buffer.from(content)])
}

function createTypist(lines: readonly string[]): Context['stdin'] {
  const keyboard = Readable.from(lines.map((line) => Buffer.from(line)))
  return Object.assign(keyboard, { isTTY: true, setRawMode: () => keyboard })
}

/** The one document that `--json` printed; its shape is the caller's claim. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- names the shape at the call, as a cast would
export function documentOf<T>(result: CliResult): T {
  return JSON.parse(result.stdout) as T
}
