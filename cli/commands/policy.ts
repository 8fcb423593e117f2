/** `countersign policy check|test`. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { CommandEnvironment } from '../command.ts'
import { configOption } from '../configuration.ts'

/** Builds the command; the engine of the policies is loaded by the subcommand that runs. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const command = new Command('policy').description('Check and try the policies of the service.')
  command.addCommand(checkSubcommand(environment))
  command.addCommand(testSubcommand(environment))
  return command
}

function checkSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('check')
    .summary('say everything that is wrong with the policies')
    .description('Check every *.cedar file of the folder against the schema of countersign.')
    .argument('[folder]', 'folder of the policies (default: access.policies)')
    .addOption(configOption())
    .action(
      environment.action(async (folder, flags) => {
        const { checkPolicies } = await import('../policies/check.ts')
        return checkPolicies(folder, flags, environment)
      }),
    )
}

function testSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('test')
    .summary('explain what the policies decide about a request')
    .description(
      'Decide as the service would, and say which policies decided or what was missing. Ends with 0 where it is allowed, with 8 where it is denied.',
    )
    .requiredOption(
      '--claims <file>',
      'claims of the caller, as its token has them (JSON), - for stdin',
    )
    .requiredOption('--action <name>', 'what is asked for: sign, attest, issueToken, revokeKey…')
    .option('--key <name>', 'name of the key')
    .option('--context <file>', 'the rest of the request (JSON): subjects, audience, forced…')
    .option('--policies <folder>', 'folder of the policies (default: access.policies)')
    .addOption(configOption())
    .action(
      environment.action(async (flags) => {
        const { testPolicies } = await import('../policies/test.ts')
        return testPolicies(flags, environment)
      }),
    )
}
