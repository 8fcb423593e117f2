/**
 * What can come next on a command line, found by walking the tree of commands along the words that
 * are there. Pure, but for the values that a {@link ValueSource} knows.
 *
 * @packageDocumentation
 */
import type { Argument, CommandUnknownOpts, Option } from '@commander-js/extra-typings'

/** One thing that can come next. */
export interface Candidate {
  readonly value: string
  readonly description: string
}

/** What a value can be: some candidates, and whether names of files too. */
export interface Values {
  readonly candidates: readonly Candidate[]
  readonly files: boolean
}

/** Knows the values of an option or an argument that names no choices itself. */
export type ValueSource = (of: Option | Argument, words: readonly string[]) => Promise<Values>

/** A command line up to the cursor. */
export interface Line {
  /** The words before the one under the cursor, without the program's name. */
  readonly words: readonly string[]
  /** The word under the cursor, as far as the cursor; may be empty. */
  readonly current: string
}

const NOTHING: Values = { candidates: [], files: false }

/** Finds what can stand where the cursor is. */
export async function findCandidates(
  program: CommandUnknownOpts,
  line: Line,
  values: ValueSource,
): Promise<Values> {
  const { current, words } = line
  const at = walk(program, words)
  const found = await expected(at, line, values)
  return {
    ...found,
    candidates: found.candidates.filter(({ value }) => value.startsWith(current)),
  }
}

/** Where a walk along the words has come to. */
interface Position {
  readonly command: CommandUnknownOpts
  /** Arguments of the command that are there already. */
  readonly argumentCount: number
  /** The option whose value comes next. */
  readonly pending: Option | undefined
  /** After `--` nothing is an option any more. */
  readonly isLiteral: boolean
}

function walk(program: CommandUnknownOpts, words: readonly string[]): Position {
  const start: Position = {
    command: program,
    argumentCount: 0,
    pending: undefined,
    isLiteral: false,
  }
  return words.reduce(step, start)
}

function step(at: Position, word: string): Position {
  if (at.pending !== undefined) return { ...at, pending: undefined }
  if (at.isLiteral) return { ...at, argumentCount: at.argumentCount + 1 }
  if (word === '--') return { ...at, isLiteral: true }
  if (word.startsWith('-') && word !== '-') {
    const option = findOption(at.command, word)
    const takesNext = option !== undefined && takesValue(option) && !word.includes('=')
    return { ...at, pending: takesNext ? option : undefined }
  }
  const command = at.command.commands.find((child) => child.name() === word)
  if (command === undefined) return { ...at, argumentCount: at.argumentCount + 1 }
  return { ...at, command, argumentCount: 0 }
}

async function expected(at: Position, line: Line, values: ValueSource): Promise<Values> {
  const { command, pending, isLiteral } = at
  if (pending !== undefined) return valuesOf(pending, line, values)
  if (!isLiteral && /^--[^=]+=/.test(line.current)) return attachedValues(command, line, values)
  if (!isLiteral && line.current.startsWith('-')) {
    return { candidates: optionsOf(command).map(toCandidate), files: false }
  }
  if (command.commands.length > 0) return { candidates: subcommands(command), files: false }
  const { registeredArguments } = command
  const last = registeredArguments.at(-1)
  const repeated = last?.variadic === true ? last : undefined
  const argument = registeredArguments[at.argumentCount] ?? repeated
  return argument === undefined ? NOTHING : valuesOf(argument, line, values)
}

/** Values of `--option=…`, which the shell takes for one word. */
async function attachedValues(
  command: CommandUnknownOpts,
  line: Line,
  values: ValueSource,
): Promise<Values> {
  const flag = line.current.slice(0, line.current.indexOf('=') + 1)
  const option = findOption(command, flag)
  if (option === undefined || !takesValue(option)) return NOTHING
  const found = await valuesOf(option, line, values)
  const candidates = found.candidates.map(({ value, description }) => ({
    value: `${flag}${value}`,
    description,
  }))
  return { ...found, candidates }
}

async function valuesOf(
  of: Option | Argument,
  { words }: Line,
  values: ValueSource,
): Promise<Values> {
  if (of.argChoices === undefined) return values(of, words)
  return { candidates: of.argChoices.map((value) => ({ value, description: '' })), files: false }
}

function findOption(command: CommandUnknownOpts, word: string): Option | undefined {
  const name = word.replace(/=.*$/s, '')
  return optionsOf(command).find(({ long, short }) => name === long || name === short)
}

/** Options of a command, and of those above it, which are taken after its name too. */
function optionsOf(command: CommandUnknownOpts): readonly Option[] {
  const { parent } = command
  const own = command.createHelp().visibleOptions(command)
  return parent === null ? own : [...own, ...sharedOptions(parent)]
}

function sharedOptions(command: CommandUnknownOpts): readonly Option[] {
  const shared = command.options.filter(({ long }) => long !== '--version')
  return command.parent === null ? shared : [...shared, ...sharedOptions(command.parent)]
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional
}

function toCandidate({ long, short, description }: Option): Candidate {
  return { value: long ?? short ?? '', description }
}

function subcommands(command: CommandUnknownOpts): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((child) => ({
      value: child.name(),
      description: child.summary() === '' ? child.description() : child.summary(),
    }))
}
