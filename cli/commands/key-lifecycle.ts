/** The subcommands of `countersign key` that administer the keys of a service. */
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import type { CommandEnvironment } from '../command.ts'
import { askServerForKey, type Asked, listKeys } from '../keys/administer.ts'
import { parseKeyArgument } from '../keys/names.ts'
import { parseCount } from '../options/shared.ts'
import { requiredServerOption as serverOption, tokenFileOption } from '../service/client.ts'
import { timeOption } from '../options/time.ts'

/** Builds them. */
export function lifecycleSubcommands(environment: CommandEnvironment): CommandUnknownOpts[] {
  return [
    listSubcommand(environment),
    rotateSubcommand(environment),
    versionSubcommand(environment, {
      name: 'activate',
      summary: 'let a published version sign, and retire the one before it',
    }),
    versionSubcommand(environment, {
      name: 'retire',
      summary: 'end the signing of a version, with none in its place',
      isDestructive: true,
    }),
    revokeSubcommand(environment),
    destroySubcommand(environment),
    importSubcommand(environment),
    relocateSubcommand(environment),
  ]
}

const dryRunOption = (): Option<'-n, --dry-run'> =>
  new Option('-n, --dry-run', 'say what would be done and when, and change nothing')
const reasonOption = (): Option<'--reason <text>'> =>
  new Option('--reason <text>', 'why; goes into the log')
const forceOption = (): Option<'--force'> =>
  new Option('--force', 'break a rule of rotation; needs --reason')
const confirmOption = (): Option<'--confirm <name>'> =>
  new Option('--confirm <name>', 'the name of the key once more, for what can’t be undone')
const versionOption = (): Option<'--key-version <number>', undefined, undefined, number> =>
  new Option('--key-version <number>', 'number of the version').argParser(parseCount(1, 1_000_000))

function listSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('list')
    .summary('list the keys of a service with their versions')
    .description('List the keys of a service with their versions.')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .action(environment.action((flags) => listKeys(flags, environment)))
}

function rotateSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('rotate')
    .summary('let the standby of a key sign in place of its active version')
    .description(
      'Let the standby sign in place of the active version. A standby that is missing is made first, and has to wait until verifiers have seen it.',
    )
    .argument('<name>', 'name of a key of the service')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .addOption(forceOption())
    .addOption(reasonOption())
    .addOption(dryRunOption())
    .action(
      environment.action((name, flags) =>
        askServerForKey(name, { action: 'rotate' }, flags, environment),
      ),
    )
}

function versionSubcommand(
  environment: CommandEnvironment,
  about: { readonly name: string; readonly summary: string; readonly isDestructive?: boolean },
): CommandUnknownOpts {
  const asked: Asked = { action: about.name, isDestructive: about.isDestructive === true }
  return new Command(about.name)
    .summary(about.summary)
    .description(
      `${about.summary.charAt(0).toUpperCase()}${about.summary.slice(1)}. Without --key-version: the one that is plainly meant.`,
    )
    .argument('<name>', 'name of a key of the service')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .addOption(versionOption())
    .addOption(forceOption())
    .addOption(reasonOption())
    .addOption(dryRunOption())
    .addOption(confirmOption())
    .action(environment.action((name, flags) => askServerForKey(name, asked, flags, environment)))
}

function revokeSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('revoke')
    .summary('stop a version for good, and put another in its place at once')
    .description(
      'Stop a version for good, on every replica at once. Without --key-version: the active one. --dry-run prints for how long its signatures may still be taken.',
    )
    .argument('<name>', 'name of a key of the service')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .addOption(
      new Option(
        '--mode <mode>',
        'seamless: the standby follows, no token fails; flush: a version no verifier has seen follows, which empties more caches',
      )
        .choices(['seamless', 'flush'] as const)
        .makeOptionMandatory(),
    )
    .addOption(
      timeOption(
        '--compromised-since <time>',
        'nothing signed from then on counts: 2026-11-22T10:00:00Z, or 2h ago (default: now)',
        environment.context,
      ),
    )
    .addOption(versionOption())
    .addOption(forceOption())
    .addOption(reasonOption())
    .addOption(dryRunOption())
    .addOption(confirmOption())
    .action(
      environment.action((name, flags) =>
        askServerForKey(name, { action: 'revoke', isDestructive: true }, flags, environment),
      ),
    )
}

function destroySubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('destroy')
    .summary('give up the private half of a version for ever')
    .description(
      'Give up the private half of a retired or revoked version; its public half stays. While the backend waits before it destroys the key, --cancel takes it back.',
    )
    .argument('<name>', 'name of a key of the service')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .addOption(versionOption().makeOptionMandatory())
    .option('--cancel', 'take back a destruction that is only scheduled')
    .addOption(reasonOption())
    .addOption(dryRunOption())
    .addOption(confirmOption())
    .action(
      environment.action((name, flags) => {
        const isDestructive = flags.cancel !== true
        return askServerForKey(name, { action: 'destroy', isDestructive }, flags, environment)
      }),
    )
}

function importSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('import')
    .summary('make an existing key pair the next version of a key')
    .description(
      'Make a key pair in the place of the key’s provider the next version of the key, and publish it as a standby.',
    )
    .argument('<name>', 'name of a key of the service')
    .argument('<reference>', 'the key pair')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .addOption(reasonOption())
    .addOption(dryRunOption())
    .action(
      environment.action((name, uri, flags) => {
        parseKeyArgument(uri)
        return askServerForKey(name, { action: 'import', body: { uri } }, flags, environment)
      }),
    )
}

function relocateSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('relocate')
    .summary('move a version to another location of the same key pair')
    .description(
      'Move a version to another region, token or folder that holds the same key pair, in the place of the key’s provider. The public keys are compared and a test is signed first; number and kid stay.',
    )
    .argument('<name>', 'name of a key of the service')
    .argument('<reference>', 'the key pair in its new location')
    .addOption(serverOption())
    .addOption(tokenFileOption())
    .addOption(versionOption().makeOptionMandatory())
    .addOption(reasonOption())
    .addOption(dryRunOption())
    .action(
      environment.action((name, uri, flags) => {
        parseKeyArgument(uri)
        return askServerForKey(name, { action: 'relocate', body: { uri } }, flags, environment)
      }),
    )
}
