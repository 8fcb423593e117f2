/** `countersign verify`. */
import { PUBLIC_KEY_FORMS } from '../keys/forms.ts'
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { PREDICATE_NAMES } from '../../src/formats/predicates/types.ts'
import { toResultDocument } from '../../src/verification/result.ts'
import { type ConfigFlags, configOption } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import type { AttachmentFormat } from '../../src/oci/attachments.ts'
import { mapConcurrent } from '../../src/basics/map-concurrent.ts'
import { withTypedVerdict } from '../render/hints.ts'
import { openKeys } from '../keys/open.ts'
import { loadTrust } from '../trust/load.ts'
import { readLogProofs } from '../../src/artifacts/log-proof-files.ts'
import {
  algorithmOption,
  annotationsOption,
  ARTIFACTS,
  caOption,
  collect,
  logProofOption,
  maxAttachedOption,
  maxTrustAgeOption,
  parseCount,
  passphraseFileOption,
  plainHttpOption,
  recursiveOption,
  referrersModeOption,
  requireLogOption,
  requireWitnessOption,
  trustedRootOption,
  witnessKeyOption,
} from '../options/shared.ts'
import {
  collectTypes,
  createPolicy,
  describeCriteria,
  type PolicyFlags,
} from '../artifacts/policy.ts'
import { assertBuilderKnown } from '../../src/verification/source.ts'
import { renderNames } from '../render/names.ts'
import { renderCriteria, sayVerdict } from '../render/verify.ts'
import { toArtifactWorld } from '../artifacts/world.ts'
import type { CommandEnvironment } from '../command.ts'
import type { SecretFlags } from '../terminal/secrets.ts'
import { createStores, type StoreFlags } from '../artifacts/stores.ts'
import type { NamedArtifact } from '../../src/artifacts/named-artifact.ts'
import { readTargets } from '../artifacts/targets.ts'
import type { Terminal } from '../terminal/terminal.ts'
import type { CommandTrust } from '../trust/options.ts'
import { verifyNamed } from '../../src/artifacts/verify-named.ts'
import type { VerifiedArtifact } from '../../src/artifacts/verified-artifact.ts'
import { readWitnessDemand, type WitnessFlags } from '../log/witness-keys.ts'

/** Artifacts verified at a time: enough to hide a registry's latency, few enough to be polite. */
const AT_ONCE = 8

interface VerifyFlags extends PolicyFlags, WitnessFlags, SecretFlags, ConfigFlags, StoreFlags {
  readonly bundle?: string | undefined
  readonly checksums?: string | undefined
  readonly recursive?: true | undefined
  readonly maxAttached?: number | undefined
  readonly format: AttachmentFormat
  readonly logProof?: readonly string[] | undefined
}

const FORMATS = ['auto', 'bundle', 'legacy', 'both'] as const

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  const types = [...PREDICATE_NAMES, 'a URI', 'any'].join(', ')
  return new Command('verify')
    .description(
      'Check signatures and attestations against what you trust. Prints the criteria, then the verdict on each artifact; on stdout the names of those that passed, images by digest.',
    )
    .argument('[artifacts...]', ARTIFACTS)
    .option('--checksums <file>', 'also the files of a checksum file, which must match it')
    .option('--bundle <file>', 'bundle file, or a folder with one for each artifact')
    .option('--offline', 'open no connection')
    .optionsGroup('What to trust:')
    .option('--key <key>', `public key: ${PUBLIC_KEY_FORMS} (repeatable)`, collect)
    .addOption(algorithmOption())
    .option('--trust <file>', 'key history, with states and windows of its versions')
    .option('--trust-key <key>', 'public key that signed the key history')
    .addOption(trustedRootOption())
    .addOption(maxTrustAgeOption())
    .option('--certificate-identity <name>', 'certificates of this identity')
    .option('--certificate-oidc-issuer <url>', 'and of this issuer')
    .addOption(passphraseFileOption())
    .addOption(configOption())
    .optionsGroup('What to demand:')
    .option('--type <type>', `attestation: ${types} (repeatable)`, collectTypes)
    .addOption(annotationsOption('annotation that must be signed (repeatable)'))
    .option('--repository <name>', 'OWNER/NAME, or an address, that the provenance must name')
    .option('--workflow <path>', 'workflow that the provenance must name')
    .option(
      '--builder <id>',
      'builder whose provenance counts (repeatable; default: the trusted service)',
      collect,
    )
    .option(
      '--threshold <number>',
      'distinct signers of each type; versions of a key are one',
      parseCount(1, 1000),
    )
    .option('--require-timestamps <number>', 'trusted times', parseCount(0, 1000))
    .addOption(requireLogOption())
    .addOption(logProofOption())
    .addOption(requireWitnessOption())
    .addOption(witnessKeyOption())
    .optionsGroup('Images:')
    .addOption(recursiveOption())
    .addOption(maxAttachedOption())
    .addOption(
      new Option('--format <format>', 'what to read; auto: older forms if no bundle verifies')
        .choices(FORMATS)
        .default('auto'),
    )
    .addOption(referrersModeOption())
    .addOption(caOption())
    .addOption(plainHttpOption())
    .action(environment.action((names, flags) => verify(names, flags, environment)))
}

/** How a verification fails where a copy of trust is older than the version that signed. */
const LATE: ReadonlySet<string> = new Set([
  'ERR_KEY_NOT_TRUSTED',
  'ERR_KEY_OUTSIDE_VALIDITY',
  'ERR_TIMESTAMP_INVALID',
])

/** Any failed signature may be the demanded one. Standard input can't be read a second time. */
function mayBeLate({ kind }: NamedArtifact, verified: readonly VerifiedArtifact[] = []): boolean {
  const failed = verified.filter(({ error }) => error !== undefined)
  const examined = failed.flatMap(({ document }) => document.attestations)
  return kind !== 'stdin' && examined.some(({ error }) => LATE.has(error?.code ?? ''))
}

async function verify(
  names: readonly string[],
  flags: VerifyFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  await using keys = openKeys(environment, flags)
  const targets = await readTargets(names, flags.checksums, terminal)
  const witnesses = await readWitnessDemand(flags, context)
  const policy = createPolicy({ ...flags, witnesses }, context.env['GITHUB_SERVER_URL'])
  const trust = await loadTrust(flags, keys, environment)
  assertBuilderKnown(policy, trust.material)

  const world = toArtifactWorld(environment)
  const job = {
    policy,
    now: context.now(),
    bundle: flags.bundle,
    logProofs: await readLogProofs(flags.logProof),
    stores: createStores(environment, flags),
    recursive: flags.recursive === true,
    maxAttached: flags.maxAttached,
    format: flags.format,
  }
  const sayCriteria = ({ described }: CommandTrust): void => {
    terminal.say(renderCriteria(describeCriteria(policy, described), terminal))
  }
  sayCriteria(trust)
  const verifyWith = (
    chosen: readonly NamedArtifact[],
    { material }: CommandTrust,
  ): Promise<readonly (readonly VerifiedArtifact[])[]> =>
    mapConcurrent(chosen, AT_ONCE, (target) =>
      verifyNamed(target, { ...job, trust: material }, world),
    )
  const first = await verifyWith(targets, trust)
  const late = targets.filter((target, index) => mayBeLate(target, first[index]))
  const newest = late.length === 0 ? undefined : await trust.newest?.()
  if (newest !== undefined) sayCriteria(newest)
  const second = newest === undefined ? [] : await verifyWith(late, newest)
  const verified = targets
    .flatMap((target, index) => second[late.indexOf(target)] ?? first[index] ?? [])
    .map(withTypedVerdict)
  return toOutcome(verified, terminal)
}

/** Says how each verification ended. */
function toOutcome(verified: readonly VerifiedArtifact[], terminal: Terminal): Outcome {
  for (const { document } of verified) sayVerdict(document, terminal)
  const document = toResultDocument(
    verified.map((one) => one.document),
    verified.flatMap(({ error }) => error ?? []),
  )
  const passed = verified.filter(({ error }) => error === undefined)
  return {
    exitCode: document.exitCode,
    document: { ...document },
    text: renderNames(
      passed.map(({ pinned }) => pinned),
      terminal,
    ),
  }
}
