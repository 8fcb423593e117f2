/** `countersign completion`. */
import { Argument, Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { SCRIPTS, SHELLS } from '../completion/scripts.ts'
import { schema } from '../render/json.ts'
import type { CommandEnvironment } from '../command.ts'

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('completion')
    .description('Print a completion script. Its first lines say how it is installed.')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action(
      environment.action((shell) =>
        Promise.resolve({
          exitCode: 0,
          document: {
            schema: schema('completion'),
            ok: true,
            exitCode: 0,
            shell,
            script: SCRIPTS[shell],
          },
          text: SCRIPTS[shell],
        }),
      ),
    )
}
