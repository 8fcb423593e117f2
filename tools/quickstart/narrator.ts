/**
 * Tells a story of commands: each is shown, then really run, and must end as the story says.
 *
 * @packageDocumentation
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { styleText } from 'node:util'

const CLI = resolve(import.meta.dirname, '../../cli/main.ts')

/** The one who tells. */
export interface Narrator {
  /** Starts a chapter. */
  chapter(title: string): void
  /** Says something between commands. */
  say(text: string): void
  /** Shows a countersign command, runs it, and fails the story if it ends otherwise than told. */
  countersign(args: readonly string[], expectedExit?: number): void
  /** The same narrator, for commands that need more in their environment. */
  with(env: Readonly<Record<string, string>>): Narrator
}

/** Starts a story whose commands run in a folder. */
export function createNarrator(folder: string, env: NodeJS.ProcessEnv): Narrator {
  const stream = process.stdout
  const tell = (text: string): void => void stream.write(`${text}\n`)
  return {
    chapter: (title) => {
      tell(`\n${styleText('bold', title, { stream })}`)
    },
    say: tell,
    countersign: (args, expectedExit = 0) => {
      tell(styleText('cyan', `\n$ countersign ${args.map(quote).join(' ')}`, { stream }))
      const { status } = spawnSync(process.execPath, [CLI, ...args], {
        cwd: folder,
        env,
        stdio: 'inherit',
      })
      if (status !== expectedExit) {
        throw new Error(
          `the command ended with ${status ?? 'a signal'}, expected was ${expectedExit}`,
        )
      }
      if (status !== 0) tell(styleText('dim', `(exit status ${status}, as it must)`, { stream }))
    },
    with: (more) => createNarrator(folder, { ...env, ...more }),
  }
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`
}
