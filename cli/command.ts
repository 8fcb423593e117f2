/**
 * What a command is handed, and where every file of the command line may find its type: it imports
 * nothing that imports a command.
 *
 * @packageDocumentation
 */
import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Context, Outcome } from './context.ts'
import type { CommonFlags } from './options/shared.ts'
import type { Terminal } from './terminal/terminal.ts'

/** What every command of the tree is built with. */
export interface CommandEnvironment {
  readonly context: Context
  readonly terminal: Terminal
  readonly flags: CommonFlags
  /** Builds the whole tree, for the one command that looks at the others. */
  readonly loadProgram: () => Promise<CommandUnknownOpts>
  /** Wraps a command's function for commander: remembers how it ended. */
  readonly action: <Args extends readonly unknown[]>(
    work: (...args: Args) => Promise<Outcome>,
  ) => (...args: Args) => Promise<void>
}
