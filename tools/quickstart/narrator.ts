/**
 * Tells a story of commands: each is shown, then really run, and must end as the story says.
 *
 * @packageDocumentation
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { styleText } from 'node:util'
import { wrapFor } from '../../cli/render/wrap.ts'
import { CLI } from '../../test/support/command-line.ts'

/** How a command is told, where it is not just run. */
export interface Told {
  /** Exit status that it must have; default 0. */
  readonly exit?: number
  /** File that its stdout goes to. */
  readonly into?: string
}

/** A command that goes on running. */
export interface Running {
  /** Asks it to end, as Ctrl-C does, and fails the story if it does not end well. */
  stop(): Promise<void>
}

/** The one who tells. */
export interface Narrator {
  /** Starts a chapter. */
  chapter(title: string): void
  /** Says something between commands. */
  say(text: string): void
  /** Shows what stands in a file or a program. */
  show(text: string): void
  /** Shows a countersign command, runs it, and fails the story if it ends otherwise than told. */
  countersign(args: readonly string[], told?: Told | number): Promise<void>
  /** Shows a command and starts it; goes on as soon as it says a line that begins like this. */
  start(args: readonly string[], untilLine: string): Promise<Running>
  /** The same narrator, for commands that need more in their environment. */
  with(env: Readonly<Record<string, string>>): Narrator
}

/** Starts a story whose commands run in a folder. */
export function createNarrator(folder: string, env: NodeJS.ProcessEnv): Narrator {
  const stream = process.stdout
  const tell = (line: string): void => void stream.write(`${line}\n`)
  const tellCommand = (args: readonly string[], more = ''): void => {
    tell(styleText('cyan', `\n$ countersign ${args.map(quote).join(' ')}${more}`, { stream }))
  }
  const run = (args: readonly string[], out: 'inherit' | 'pipe' | 'ignore'): ChildProcess =>
    spawn(process.execPath, [CLI, ...args], {
      cwd: folder,
      env,
      stdio: ['inherit', out, out === 'ignore' ? 'pipe' : 'inherit'],
    })
  return {
    chapter: (title) => {
      tell(`\n${styleText('bold', title, { stream })}`)
    },
    say: tell,
    show: (shown) => {
      const lines = shown.trimEnd().split('\n')
      tell(styleText('dim', lines.map((line) => `    ${line}`.trimEnd()).join('\n'), { stream }))
    },
    countersign: async (args, told = {}) => {
      const { exit = 0, into } = typeof told === 'number' ? { exit: told } : told
      tellCommand(args, into === undefined ? '' : ` > ${into}`)
      const child = run(args, into === undefined ? 'inherit' : 'pipe')
      const [status, output] = await Promise.all([
        exitOf(child),
        child.stdout === null ? '' : text(child.stdout),
      ])
      if (into !== undefined) writeFileSync(join(folder, into), output)
      assertExit(status, exit)
      if (status !== 0) tell(styleText('dim', `(exit status ${status}, as it must)`, { stream }))
    },
    start: async (args, untilLine) => {
      tellCommand(args, ' &')
      const child = run(args, 'ignore')
      const exited = exitOf(child)
      await heard(child, untilLine, (line) => {
        tell(wrapFor(stream, line))
      })
      return {
        stop: async () => {
          child.kill('SIGTERM')
          assertExit(await exited, 0)
        },
      }
    },
    with: (more) => createNarrator(folder, { ...env, ...more }),
  }
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  await once(child, 'close')
  return child.exitCode
}

function assertExit(status: number | null, expected: number): void {
  if (status === expected) return
  throw new Error(`the command ended with ${status ?? 'a signal'}, expected was ${expected}`)
}

/** Tells what a command says to people, not its log, which is JSON; until it has said a certain line. */
function heard(
  child: ChildProcess,
  untilLine: string,
  tell: (line: string) => void,
): Promise<unknown> {
  const { promise, resolve: hear, reject } = Promise.withResolvers<unknown>()
  child.once('close', () => {
    reject(new Error(`the command ended before it said "${untilLine}", expected was that it runs`))
  })
  process.once('exit', () => child.kill('SIGKILL'))
  if (child.stderr === null) throw new Error('a pipe was asked for')
  createInterface(child.stderr).on('line', (line) => {
    if (!line.startsWith('{')) tell(line)
    if (line.startsWith(untilLine)) hear(line)
  })
  return promise
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`
}
