/** `countersign complete`: what completion scripts ask; the only command that loads all others. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { findCandidates } from '../completion/candidates.ts'
import { createValueSource, serializeValues } from '../completion/values.ts'
import type { Outcome } from '../context.ts'
import { schema } from '../render/json.ts'
import type { CommandEnvironment } from '../command.ts'

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('complete')
    .description('Answer a completion script: a line for each candidate, then :files or a colon.')
    .argument('[words...]', 'words before the cursor, without the name of the program')
    .option('--current <word>', 'word under the cursor', '')
    .action(environment.action((words, { current }) => complete({ words, current }, environment)))
}

async function complete(
  line: { readonly words: readonly string[]; readonly current: string },
  environment: CommandEnvironment,
): Promise<Outcome> {
  const program = await environment.loadProgram()
  const values = await findCandidates(program, line, createValueSource(environment.context))
  return {
    exitCode: 0,
    document: { schema: schema('completions'), ok: true, exitCode: 0, ...values },
    text: serializeValues(values),
  }
}
