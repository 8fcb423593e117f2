/** `countersign token issue|verify|inspect`. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { parseDurationSeconds } from '../../src/config/duration.ts'
import type { CommandEnvironment } from '../command.ts'
import { configOption } from '../configuration.ts'
import { serverOption, tokenFileOption } from '../service/client.ts'
import {
  algorithmOption,
  algorithmsOption,
  collect,
  collectPairs,
  parseCount,
  passphraseFileOption,
} from '../options/shared.ts'

const DEFAULT_TYPE = 'JWT'

/** Builds the command; each subcommand loads its own code, so that verifying loads none for signing. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const command = new Command('token').description('Issue, verify and inspect tokens (JWT).')
  command.addCommand(issueSubcommand(environment))
  command.addCommand(verifySubcommand(environment))
  command.addCommand(inspectSubcommand(environment))
  return command
}

function issueSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('issue')
    .summary('issue a token with a key of yours, or of a service')
    .description('Issue a token: JWS compact, kid the thumbprint of the key. Alone on stdout.')
    .requiredOption('--key <key>', 'name or reference of the key; a named one has the use token')
    .addOption(algorithmOption())
    .requiredOption('--audience <name>', 'whom the token is for (repeatable)', collect)
    .option(
      '--lifetime <duration>',
      'how long it is valid: 30s, 10m, 1h (default: 10m)',
      parseDurationSeconds,
    )
    .option('--subject <name>', 'whom it is about (sub)')
    .option('--claim <name=value>', 'claim that is a text (repeatable)', collectPairs)
    .option('--claims <file>', 'JSON object of claims, - for stdin')
    .option(
      '--issuer <url>',
      'who issues it (default: `issuer` of the configuration; with --server, its address)',
    )
    .option(
      '--type <type>',
      'typ of the header, such as at+jwt (default: JWT; without --server, the key’s own)',
    )
    .option(
      '--added-claim <name>',
      'with --server: a claim that the rules of the key may add (repeatable)',
      collect,
    )
    .addOption(passphraseFileOption())
    .addOption(
      serverOption('service that issues it, with its key of that name').conflicts([
        ...['algorithm', 'passphraseFile'],
      ]),
    )
    .addOption(tokenFileOption())
    .addOption(configOption())
    .action(
      environment.action(async (flags) => {
        const { issueTokenCommand } = await import('../tokens/issue.ts')
        return issueTokenCommand(flags, environment)
      }),
    )
}

function verifySubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('verify')
    .summary('check a token against the keys you trust')
    .description(
      'Check a token. Prints the criteria, then the verdict; on stdout the claims of a good one.',
    )
    .argument('[token]', '- for stdin; or the token, which others can then see')
    .option('--token-file <file>', 'file that holds the token')
    .option('--jwks <file>', 'key set of the issuer: a file or a web address (repeatable)', collect)
    .option('--key <key>', 'public key: a name, file, https:, env: (repeatable)', collect)
    .addOption(algorithmsOption('of RSA keys that name none (repeatable; default: RS256)'))
    .option('--issuer <url>', 'who must have issued it (default: `issuer` of the configuration)')
    .requiredOption('--audience <name>', 'whom it must be for, or any')
    .option('--type <type>', 'typ it must have, or any', DEFAULT_TYPE)
    .option(
      '--clock-skew <seconds>',
      'how far clocks may be apart (default: 60)',
      parseCount(0, 300),
    )
    .addOption(passphraseFileOption())
    .addOption(configOption())
    .action(
      environment.action(async (token, flags) => {
        const { verifyTokenCommand } = await import('../tokens/verify.ts')
        return verifyTokenCommand(token, flags, environment)
      }),
    )
}

function inspectSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('inspect')
    .summary('show what a token says; nothing is verified')
    .description('Show header and claims of a token. Nothing of it is verified.')
    .argument('[token]', '- for stdin; or the token, which others can then see')
    .option('--token-file <file>', 'file that holds the token')
    .action(
      environment.action(async (token, flags) => {
        const { inspectTokenCommand } = await import('../tokens/inspect.ts')
        return inspectTokenCommand(token, flags, environment)
      }),
    )
}
