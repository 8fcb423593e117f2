/**
 * One run of the command line: finds the command, loads it alone, and turns whatever happens into
 * output and an exit status. Talk goes to stderr, data to stdout; `--json` prints one document on
 * stdout, on failure too.
 *
 * @packageDocumentation
 */
import { Command, CommanderError } from '@commander-js/extra-typings'
import { CountersignError, toCountersignError } from '../src/errors.ts'
import { COMMANDS } from './commands.ts'
import type { Context, Outcome } from './context.ts'
import { errorDocument } from './render/json.ts'
import { renderError } from './render/text.ts'
import { createTerminal, type Terminal } from './terminal.ts'
import { readVersion } from './version.ts'

/** What every command of the tree is built with. */
export interface CommandEnvironment {
  readonly context: Context
  readonly terminal: Terminal
  /** Wraps a command's function for commander: remembers how it ended. */
  readonly action: <Args extends readonly unknown[]>(
    work: (...args: Args) => Promise<Outcome>,
  ) => (...args: Args) => Promise<void>
}

/** Runs one command line and answers its exit status. Never throws. */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  const json = argv.includes('--json')
  const terminal = createTerminal(argv, context)
  let outcome: Outcome | undefined
  const environment: CommandEnvironment = {
    context,
    terminal,
    action:
      (work) =>
      async (...args) => {
        outcome = await work(...args)
      },
  }
  try {
    const program = await createProgram(argv, environment)
    await program.parseAsync(argv, { from: 'user' })
  } catch (thrown) {
    outcome = toFailure(thrown, terminal, json)
  }
  terminal.end()
  if (outcome === undefined) return 0
  if (json) context.stdout.write(`${JSON.stringify(outcome.document, null, 2)}\n`)
  else if (outcome.text !== undefined && outcome.text !== '') context.stdout.write(outcome.text)
  return outcome.exitCode
}

function toFailure(thrown: unknown, terminal: Terminal, json: boolean): Outcome | undefined {
  if (thrown instanceof CommanderError) {
    // Help and version were asked for and have been printed.
    if (thrown.exitCode === 0) return undefined
    const usage = new CountersignError('ERR_USAGE', thrown.message.replace(/^error: /, ''), {
      hint: 'see countersign --help',
    })
    return fail(usage, terminal, json)
  }
  return fail(toCountersignError(thrown), terminal, json)
}

function fail(error: CountersignError, terminal: Terminal, json: boolean): Outcome {
  if (!json || terminal.verbose) terminal.talk(renderError(error, terminal))
  return { exitCode: error.exitCode, document: errorDocument(error) }
}

async function createProgram(
  argv: readonly string[],
  environment: CommandEnvironment,
): Promise<Command> {
  const { context } = environment
  const program = new Command('countersign')
    .description(
      'Sign and attest artifacts with keys that never leave an HSM or a KMS; verify them anywhere.',
    )
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: () => undefined,
    })
    .showSuggestionAfterError()
    .exitOverride()
  const wanted = argv.find((word) => !word.startsWith('-'))
  for (const [name, { summary, load }] of Object.entries(COMMANDS)) {
    const command = name === wanted ? (await load()).createCommand(environment) : new Command(name)
    program.addCommand(inherit(command.summary(summary), program))
  }
  return program
}

/** Gives a subcommand, and those below it, the output and exit behaviour of the program. */
function inherit(command: Command, program: Command): Command {
  command.copyInheritedSettings(program).exitOverride()
  for (const child of command.commands) inherit(child as Command, program)
  return command
}
