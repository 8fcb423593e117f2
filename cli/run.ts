/**
 * One run of the command line: finds the command, loads it alone, and turns whatever happens into
 * output and an exit status. Talk goes to stderr, data to stdout; `--json` prints one document on
 * stdout, on failure too.
 *
 * @packageDocumentation
 */
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { CountersignError } from '../src/errors.ts'
import { suggestName } from '../src/basics/suggest.ts'
import { printableJson } from '../src/formats/printable.ts'
import { COMMANDS } from './commands.ts'
import type { CommandEnvironment } from './command.ts'
import type { Context, Outcome } from './context.ts'
import { addExamples } from './examples.ts'
import { addCommonOptions, readCommonFlags } from './options/shared.ts'
import { withTypedHint } from './render/hints.ts'
import { errorDocument } from './render/json.ts'
import { renderError } from './render/text.ts'
import { wrapFor } from './render/wrap.ts'
import { createTerminal } from './terminal/terminal.ts'
import { readVersion } from './version.ts'

/** Runs one command line and answers its exit status. Never throws. */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  const flags = readCommonFlags(argv)
  const terminal = createTerminal(flags, context)
  let outcome: Outcome | undefined
  const environment: CommandEnvironment = {
    context,
    terminal,
    flags,
    loadProgram: () => createProgram(environment, () => true),
    action:
      (work) =>
      async (...args) => {
        outcome = await work(...args)
      },
  }
  let program: Command | undefined
  try {
    const [first, second] = commandWords(argv)
    const wanted = first === 'help' ? second : first
    program = await createProgram(environment, (name) => name === wanted)
    await program.parseAsync(argv, { from: 'user' })
  } catch (thrown) {
    outcome = toFailure(thrown, environment, locateCommand(program, argv))
  }
  terminal.end()
  if (outcome === undefined) return 0
  if (flags.json) context.stdout.write(`${printableJson(outcome.document)}\n`)
  else print(outcome, context)
  return outcome.exitCode
}

function print({ text = '', report = '' }: Outcome, { stdout }: Context): void {
  const output = `${text}${wrapFor(stdout, report)}`
  if (output !== '') stdout.write(output)
}

function toFailure(
  thrown: unknown,
  environment: CommandEnvironment,
  located: LocatedCommand,
): Outcome | undefined {
  if (!(thrown instanceof CommanderError)) return fail(withTypedHint(thrown), environment)
  // Help and version were asked for and have been printed.
  if (thrown.exitCode === 0) return undefined
  return fail(toUsageError(thrown, located), environment)
}

function toUsageError(thrown: CommanderError, { path, meant }: LocatedCommand): CountersignError {
  const help = `see ${['countersign', ...path, '--help'].join(' ')}`
  if (thrown.code === 'commander.help') {
    return new CountersignError('ERR_USAGE', 'no command was given', { hint: help })
  }
  const [message = '', suggestion] = thrown.message.replace(/^error: /, '').split('\n')
  const isMissing = thrown.code === 'commander.missingMandatoryOptionValue'
  const didYouMean = isMissing ? meant : /^\(Did you mean (.+)\?\)$/.exec(suggestion ?? '')?.[1]
  return new CountersignError('ERR_USAGE', message, {
    hint: didYouMean === undefined ? help : `did you mean ${didYouMean}? ${help}`,
  })
}

function fail(error: CountersignError, { terminal }: CommandEnvironment): Outcome {
  terminal.talk(renderError(error, terminal))
  return { exitCode: error.exitCode, document: errorDocument(error) }
}

/** The command that a command line names, as far as it names one. */
interface LocatedCommand {
  /** Its words: `key revoke`. */
  readonly path: readonly string[]
  /** The option that a misspelt one was meant to be: a missing option is found before an unknown one. */
  readonly meant: string | undefined
}

function locateCommand(program: Command | undefined, argv: readonly string[]): LocatedCommand {
  const [first, second] = commandWords(argv)
  const command = program?.commands.find((each) => each.name() === first)
  const subcommand = command?.commands.find((each) => each.name() === second)
  const named = [command, subcommand].flatMap((each) => each ?? [])
  const options = [program, ...named].flatMap((each) => each?.options ?? [])
  const known = options.flatMap(({ long }) => long ?? [])
  const words = argv.map((word) => word.replace(/=.*/s, ''))
  const unknown = words.find((word) => word.startsWith('--') && !known.includes(word))
  return {
    path: named.map((each) => each.name()),
    meant: unknown === undefined ? undefined : suggestName(unknown, known),
  }
}

/** The words that may name a command; common options take no values, so every other word may. */
function commandWords(argv: readonly string[]): readonly string[] {
  return argv.filter((word) => !word.startsWith('-'))
}

async function createProgram(
  environment: CommandEnvironment,
  isWanted: (name: string) => boolean,
): Promise<Command> {
  const { context } = environment
  const program = new Command('countersign')
  program
    .description(
      'Sign and attest artifacts with keys that never leave an HSM or a KMS; verify them anywhere.',
    )
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .configureHelp({
      showGlobalOptions: true,
      // Of the program's own options, those that every command takes.
      visibleGlobalOptions: (command) =>
        command.parent === null ? [] : program.options.filter(({ long }) => long !== '--version'),
    })
    .configureOutput({
      writeOut: (text) => void context.stdout.write(text),
      writeErr: () => undefined,
    })
    .showSuggestionAfterError()
    .exitOverride()
  addCommonOptions(program)
  addExamples(program, '')
  for (const [name, { summary, load, isHidden = false }] of Object.entries(COMMANDS)) {
    const command = isWanted(name) ? (await load()).createCommand(environment) : new Command(name)
    program.addCommand(inherit(command.summary(summary), program), { hidden: isHidden })
  }
  return program
}

/** Gives a subcommand, and those below it, the output and exit behaviour of the program, and its examples. */
function inherit<C extends CommandUnknownOpts>(
  command: C,
  program: CommandUnknownOpts,
  path: readonly string[] = [command.name()],
): C {
  command.copyInheritedSettings(program).exitOverride()
  addExamples(command, path.join(' '))
  for (const child of command.commands) inherit(child, program, [...path, child.name()])
  return command
}
