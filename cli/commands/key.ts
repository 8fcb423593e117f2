/** `countersign key`: keys of one's own, and those of a service. */
import { KEY_HOMES, NEW_KEY_TEMPLATES } from '../keys/forms.ts'
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { configOption } from '../configuration.ts'
import { askServerForKey, showServerKey } from '../keys/administer.ts'
import { createKeyCommand } from '../keys/create.ts'
import { EXPORT_FORMATS, exportKeys, showKey } from '../keys/show.ts'
import { algorithmOption, passphraseFileOption } from '../options/shared.ts'
import { serverOption, tokenFileOption } from '../service/client.ts'
import type { CommandEnvironment } from '../command.ts'
import { approvalSubcommands } from './key-approvals.ts'
import { lifecycleSubcommands } from './key-lifecycle.ts'
import { materialSubcommands } from './key-material.ts'

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const command = new Command('key').description(
    'Create, show and export keys; administer those of a service.',
  )
  command.addCommand(createSubcommand(environment))
  command.addCommand(showSubcommand(environment))
  command.addCommand(exportSubcommand(environment))
  for (const subcommand of lifecycleSubcommands(environment)) command.addCommand(subcommand)
  for (const subcommand of materialSubcommands(environment)) command.addCommand(subcommand)
  for (const subcommand of approvalSubcommands(environment)) command.addCommand(subcommand)
  return command
}

function createSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('create')
    .summary(`make a key in ${KEY_HOMES}`)
    .description(
      `Make a key pair: ${NEW_KEY_TEMPLATES}, or a name of the configuration. A key is never overwritten. On stdout: the reference that pins the new key.`,
    )
    .argument('<key>', 'where, and under which name')
    .addOption(algorithmOption('what the key signs with (default: ES256)'))
    .addOption(
      new Option('--rsa-bits <bits>', 'length of an RSA key (default: 3072)').choices([
        '2048',
        '3072',
        '4096',
      ] as const),
    )
    .addOption(
      new Option(
        '--origin <origin>',
        'external: without key material, which is imported later (AWS KMS)',
      ).choices(['external'] as const),
    )
    .addOption(passphraseFileOption())
    .addOption(
      new Option('--no-passphrase', 'leave a key file unencrypted').conflicts('passphraseFile'),
    )
    .option('-n, --dry-run', 'say what would be made, and make nothing')
    .addOption(configOption())
    .addOption(
      serverOption('service that makes the next version of its key of that name').conflicts([
        ...['algorithm', 'rsaBits', 'origin', 'passphraseFile', 'passphrase'],
      ]),
    )
    .addOption(tokenFileOption())
    .action(
      environment.action((reference, { server, tokenFile, ...flags }) => {
        if (server === undefined) return createKeyCommand(reference, flags, environment)
        const { dryRun } = flags
        const asked = { action: 'create' }
        return askServerForKey(reference, asked, { server, tokenFile, dryRun }, environment)
      }),
    )
}

function showSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('show')
    .summary('print what a key is: kid, algorithm, fingerprint')
    .description(
      'Print what a key is; nothing of it is secret. With --server: a key of the service, with its versions.',
    )
    .argument('<key>', 'name or reference of a key')
    .addOption(algorithmOption())
    .addOption(passphraseFileOption())
    .addOption(configOption())
    .addOption(serverOption('address of the service whose key it is'))
    .addOption(tokenFileOption())
    .action(
      environment.action((reference, { server, tokenFile, ...flags }) =>
        server === undefined
          ? showKey(reference, flags, environment)
          : showServerKey(reference, { server, tokenFile }, environment),
      ),
    )
}

function exportSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('export')
    .summary('write the public half of keys, for those who verify')
    .description('Write the public half of a key, or of several as one JWKS.')
    .argument('<keys...>', 'names or references of keys')
    .addOption(
      new Option('--format <format>', 'how it is written').choices(EXPORT_FORMATS).default('pem'),
    )
    .option('-o, --output <file>', 'file to write; one that is there is left alone')
    .addOption(algorithmOption())
    .addOption(passphraseFileOption())
    .addOption(configOption())
    .action(environment.action((references, flags) => exportKeys(references, flags, environment)))
}
