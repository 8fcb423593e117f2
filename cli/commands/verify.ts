/** `countersign verify`. */
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import { PREDICATE_NAMES } from '../../src/formats/predicates/types.ts'
import { toResultDocument } from '../../src/verification/result.ts'
import type { Outcome } from '../context.ts'
import { mapInOrder } from '../in-order.ts'
import { openKeys } from '../keys.ts'
import {
  algorithmOption,
  annotationsOption,
  collect,
  parseCount,
  passphraseFileOption,
} from '../options.ts'
import { collectTypes, createPolicy, describeCriteria, type PolicyFlags } from '../policy.ts'
import { renderCriteria, renderVerdict } from '../render/verify.ts'
import type { CommandEnvironment } from '../run.ts'
import type { SecretFlags } from '../secrets.ts'
import { readTargets } from '../targets.ts'
import { readTrust } from '../trust.ts'
import { verifyTarget } from '../verification.ts'

/** Artifacts verified at a time: enough to hide a registry's latency, few enough to be polite. */
const AT_ONCE = 8

interface VerifyFlags extends PolicyFlags, SecretFlags {
  readonly bundle?: string | undefined
  readonly checksums?: string | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('verify')
    .description(
      'Check signatures and attestations against what you trust. Prints the criteria, then one line for\n' +
        'each artifact; on stdout the names of those that passed, images by digest.',
    )
    .argument(
      '[artifacts...]',
      'files, oci:// images, oci-layout:// folders, digests, or - for stdin',
    )
    .option(
      '--key <key>',
      'public key to trust: file, https://…, env://NAME, awskms:, pkcs11: (repeatable)',
      collect,
    )
    .addOption(algorithmOption())
    .option('--trust <file>', 'key history to trust, with its states and windows')
    .option('--trust-key <key>', 'public key that signed the key history')
    .option(
      '--trusted-root <file>',
      'Sigstore trusted root: time-stamp authorities, logs, certificates',
    )
    .option('--certificate-identity <name>', 'accept certificates of this identity')
    .option('--certificate-oidc-issuer <url>', 'and of this issuer')
    .option('--bundle <file>', 'bundle file, or a folder with one for each artifact')
    .option('--checksums <file>', 'verify the files of a checksum file, by their digests')
    .option(
      '--type <type>',
      `attestation to demand: ${PREDICATE_NAMES.join(', ')}, a URI, or any (repeatable)`,
      collectTypes,
    )
    .addOption(annotationsOption('annotation that must be signed (repeatable)'))
    .option('--threshold <number>', 'distinct signers to demand of each type', parseCount(1, 1000))
    .option('--require-timestamps <number>', 'trusted times to demand', parseCount(0, 1000))
    .option('--require-log <number>', 'log entries to demand', parseCount(0, 1000))
    .option('--offline', 'open no connection')
    .addOption(passphraseFileOption())
    .action(environment.action((names, flags) => verify(names, flags, environment)))
}

async function verify(
  names: readonly string[],
  flags: VerifyFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  await using keys = openKeys(environment, flags)
  const targets = await readTargets(names, flags.checksums)
  const policy = createPolicy(flags)
  const trust = await readTrust(flags, keys)
  terminal.say(renderCriteria(describeCriteria(policy, trust.described)))

  const job = { trust: trust.material, policy, now: context.now(), bundle: flags.bundle }
  const verified = await mapInOrder(targets, AT_ONCE, (target) =>
    verifyTarget(target, job, environment),
  )

  for (const { document } of verified) {
    const text = renderVerdict(document, terminal)
    if (document.ok) terminal.say(text)
    else terminal.talk(text)
  }
  const document = toResultDocument(
    verified.map((one) => one.document),
    verified.flatMap(({ error }) => error ?? []),
  )
  const passed = document.artifacts.filter(({ ok }) => ok)
  return {
    exitCode: document.exitCode,
    document: { ...document },
    text: passed.map(({ name }) => `${name}\n`).join(''),
  }
}
