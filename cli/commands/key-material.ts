/** The subcommands of `countersign key` for keys that were made elsewhere. */
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import type { CommandEnvironment } from '../command.ts'
import { configOption } from '../configuration.ts'
import { importMaterial, wrapKey, writeImportParameters } from '../keys/material.ts'
import { algorithmOption, passphraseFileOption } from '../options/shared.ts'

const parametersOption = (): Option<'--parameters <file>', undefined, undefined, undefined, true> =>
  new Option('--parameters <file>', 'file of key import-parameters').makeOptionMandatory()
const outputOption = (): Option<'-o, --output <file>', undefined, undefined, undefined, true> =>
  new Option('-o, --output <file>', 'file to write; one that exists is kept').makeOptionMandatory()

/** Builds them. */
export function materialSubcommands(environment: CommandEnvironment): CommandUnknownOpts[] {
  return [
    parametersSubcommand(environment),
    wrapSubcommand(environment),
    materialSubcommand(environment),
  ]
}

function parametersSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('import-parameters')
    .summary('get the wrapping key of a backend, for a key that was made elsewhere')
    .description(
      'Get what a private key is wrapped with before it is imported: a key of AWS KMS with --origin external, or a new key of a token. Nothing in the file is secret.',
    )
    .argument('<key>', 'name or reference of the key')
    .addOption(outputOption())
    .addOption(configOption())
    .action(
      environment.action((reference, flags) =>
        writeImportParameters(reference, flags, environment),
      ),
    )
}

function wrapSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('wrap')
    .summary('wrap a private key so that one backend alone can unwrap it')
    .description(
      'Wrap a private key (PKCS#8, encrypted or not) on the machine that has it; no network is used. The file that is written holds the wrapped key and its public key.',
    )
    .argument('<file>', 'private key, PEM')
    .addOption(parametersOption())
    .addOption(
      new Option(
        '--wrapping-fingerprint <sha256>',
        'of the wrapping key, as key import-parameters printed it',
      ).makeOptionMandatory(),
    )
    .addOption(outputOption())
    .addOption(passphraseFileOption())
    .action(environment.action((path, flags) => wrapKey(path, flags, environment)))
}

function materialSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('import-material')
    .summary('import a wrapped private key into its backend')
    .description(
      'Import a wrapped private key into the backend that gave the parameters. The public key is compared, and a test is signed. On stdout: the reference that pins the key.',
    )
    .argument('<key>', 'name or reference of the key')
    .addOption(parametersOption())
    .addOption(new Option('--wrapped <file>', 'file of key wrap').makeOptionMandatory())
    .addOption(
      new Option(
        '--fingerprint <sha256>',
        'of the public key, as key wrap printed it',
      ).makeOptionMandatory(),
    )
    .addOption(algorithmOption())
    .addOption(configOption())
    .action(environment.action((reference, flags) => importMaterial(reference, flags, environment)))
}
