/** `countersign conformance`: the protocol of sigstore-conformance (docs/cli_protocol.md there). */
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import type { CommandEnvironment } from '../command.ts'

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const command = new Command('conformance').description(
    'Sign and verify as the sigstore-conformance suite asks its clients to. Exit codes are those of every\n' +
      'other command.',
  )
  command.addCommand(createSignBundle(environment))
  command.addCommand(createVerifyBundle(environment))
  return command
}

function createSignBundle(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('sign-bundle')
    .description('Sign a file keyless: with a certificate for the identity in an OIDC token.')
    .argument('<file>', 'file to sign; with --in-toto, the statement to sign')
    .option('--staging', 'use the Sigstore staging instance')
    .option('--in-toto', 'the file is an in-toto statement')
    .requiredOption('--identity-token <token>', 'OIDC token of the identity to sign as')
    .requiredOption('--bundle <file>', 'bundle file to write')
    .option('--trusted-root <file>', 'trusted root to verify the bundle with')
    .option('--signing-config <file>', 'signing config that names the services to use')
    .action(
      environment.action(async (file, flags) => {
        const { signBundleCommand } = await import('../conformance/sign-bundle.ts')
        return signBundleCommand(file, flags, environment)
      }),
    )
}

function createVerifyBundle(environment: CommandEnvironment): CommandUnknownOpts {
  const key = new Option('--key <key>', 'public key that must have signed')
  return new Command('verify-bundle')
    .description('Verify a bundle with a key or an identity, a log entry and a trusted time.')
    .argument('<file-or-digest>', 'file that was signed, or its sha256: digest')
    .option('--staging', 'trust the Sigstore staging instance')
    .requiredOption('--bundle <file>', 'bundle file to verify')
    .addOption(key.conflicts(['certificateIdentity', 'certificateOidcIssuer']))
    .option('--certificate-identity <name>', 'identity the certificate must name')
    .option('--certificate-oidc-issuer <url>', 'issuer the certificate must name')
    .option('--trusted-root <file>', 'trusted root; default: that of the public instance, by TUF')
    .action(
      environment.action(async (name, flags) => {
        const { verifyBundleCommand } = await import('../conformance/verify-bundle.ts')
        return verifyBundleCommand(name, flags, environment)
      }),
    )
}
