/** `countersign trust init|show|update|export`. */
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { TRUST_DIALECTS } from '../../src/client/trust-dialects.ts'
import { parseFingerprint } from '../../src/client/trust-pin.ts'
import { collect } from '../options/shared.ts'
import type { CommandEnvironment } from '../command.ts'
import { initTrust } from '../trust/init.ts'
import { exportTrust, showTrust, updateTrust } from '../trust/show.ts'

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const command = new Command('trust').description(
    'Pin a countersign service, and see what it publishes of its keys. `verify` then trusts it by default.',
  )
  command.addCommand(initSubcommand(environment))
  command.addCommand(
    new Command('show')
      .summary('print whom this machine trusts')
      .description('Print the pinned service and the key versions it published last.')
      .action(environment.action(() => showTrust(environment))),
  )
  command.addCommand(
    new Command('update')
      .summary('fetch what the service publishes now')
      .description('Fetch what the pinned service publishes now, whatever is held.')
      .action(environment.action(() => updateTrust(environment))),
  )
  command.addCommand(exportSubcommand(environment))
  return command
}

function initSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('init')
    .summary('pin the trust key of a service')
    .description(
      'Pin the trust key of a service, in place of the one pinned before. Without its fingerprint it is shown, and pinned when you confirm it.',
    )
    .argument('<url>', 'address of the service')
    .option(
      '--fingerprint <sha256>',
      'of the trust key, as the operator of the service tells it',
      parseFingerprint,
    )
    .option(
      '--witness-key <vkey>',
      'verifier key of a witness whose cosignatures of its logs count, or a file with one on each line (repeatable)',
      collect,
    )
    .action(environment.action((url, flags) => initTrust(url, flags, environment)))
}

function exportSubcommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('export')
    .summary('write what is trusted for other verifiers')
    .description(
      'Write the active key versions of the pinned service as other verifiers read them: JWKS, PEM (cosign), Sigstore trusted root, containers-policy.json (podman, skopeo), Kyverno. They know no windows, so run it again after each rotation.',
    )
    .argument('[keys...]', 'names of keys (default: all)')
    .addOption(new Option('--format <format>', 'dialect').choices(TRUST_DIALECTS).default('pem'))
    .option('--scope <images>', 'images that a policy is about (repeatable)', collect)
    .option('-o, --output <file>', 'file to write; one that is there is left alone')
    .action(environment.action((keys, flags) => exportTrust(keys, flags, environment)))
}
