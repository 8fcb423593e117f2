/** `countersign attest`. */
import { SIGNING_KEY_FORMS } from '../keys/forms.ts'
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import type { SignatureOutput } from '../../src/artifacts/artifact-signer.ts'
import { CountersignError } from '../../src/errors.ts'
import type { PredicateInput } from '../../src/formats/predicates/predicate.ts'
import { PREDICATE_NAMES } from '../../src/formats/predicates/types.ts'
import { configOption } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { createDelivery } from '../../src/artifacts/delivery.ts'
import { mapConcurrent } from '../../src/basics/map-concurrent.ts'
import { openArtifactSigner } from '../artifacts/open-signer.ts'
import {
  algorithmOption,
  ARTIFACTS,
  caOption,
  passphraseFileOption,
  plainHttpOption,
  recursiveOption,
  referrersModeOption,
  signFormatOption,
} from '../options/shared.ts'
import { readPredicate } from '../artifacts/predicate.ts'
import { toArtifactWorld } from '../artifacts/world.ts'
import type { CommandEnvironment } from '../command.ts'
import { tokenFileOption } from '../service/client.ts'
import { type SignFlags, signingServerOption, toOpenOptions } from '../artifacts/sign-options.ts'
import { deliverOne, toSignOutcome } from '../artifacts/sign-result.ts'
import { openSubjects } from '../../src/artifacts/open-subjects.ts'
import type { OpenSubject } from '../../src/artifacts/open-subject.ts'
import type { NamedArtifact } from '../../src/artifacts/named-artifact.ts'
import { readTargets } from '../artifacts/targets.ts'

/** Artifacts opened at a time. */
const AT_ONCE = 4

interface AttestFlags extends SignFlags {
  readonly type?: string | undefined
  readonly predicate?: string | undefined
  readonly provenance?: true | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('attest')
    .description(
      'Sign one in-toto attestation about all the artifacts. Its bundle is added to FILE.sigstore.json of each file, on a line of its own where others are, and attached to each image. On stdout: the names of what was attested, images by digest.',
    )
    .argument('[artifacts...]', ARTIFACTS)
    .option('--checksums <file>', 'also the files of a checksum file, which must match it')
    .option('--type <type>', `${PREDICATE_NAMES.join(', ')}, or a URI`)
    .option('--predicate <file>', 'JSON of the predicate, or - for stdin')
    .addOption(
      new Option(
        '--provenance',
        'SLSA provenance in their place, which the service makes of the verified claims of a GitHub Actions job',
      ).conflicts(['type', 'predicate']),
    )
    .optionsGroup('Key:')
    .requiredOption('--key <key>', `key to sign with: ${SIGNING_KEY_FORMS}`)
    .addOption(signingServerOption())
    .addOption(tokenFileOption())
    .addOption(algorithmOption())
    .addOption(passphraseFileOption())
    .addOption(configOption())
    .optionsGroup('Bundle files:')
    .option('--bundle <file>', 'bundle file to add to, or a folder that has one for each artifact')
    .option('--overwrite', 'replace a bundle file that is there')
    .optionsGroup('Images:')
    .addOption(recursiveOption())
    .addOption(signFormatOption())
    .option('--no-upload', 'attach nothing; write the bundle that --bundle names')
    .addOption(referrersModeOption())
    .addOption(caOption())
    .addOption(plainHttpOption())
    .action(environment.action((names, flags) => attest(names, flags, environment)))
}

async function attest(
  names: readonly string[],
  flags: AttestFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const targets = await readTargets(names, flags.checksums, environment.terminal)
  assertOneStdin(targets, flags)
  const existing = flags.overwrite === true ? 'overwrite' : 'append'
  const options = toOpenOptions(flags, existing, environment)
  const input = await readInput(flags, environment)
  const opening = await openArtifactSigner(flags, ['envelope'], environment)
  await using signer = opening.signer

  const world = toArtifactWorld(environment)
  const opened = await mapConcurrent(targets, AT_ONCE, (target) =>
    openSubjects(target, options, world),
  )
  const [first, ...more] = opened.flat()
  if (first === undefined) throw new TypeError('a command line without artifacts')
  const outputs = await signer.attest([first, ...more], input)
  const deliver = createDelivery(existing)
  const results = await mapConcurrent([first, ...more], AT_ONCE, (one) =>
    deliverOne(one, (subject) => outputOf(subject, outputs), deliver),
  )
  return toSignOutcome(results, opening, environment)
}

function outputOf(
  one: OpenSubject,
  outputs: readonly SignatureOutput<OpenSubject>[],
): SignatureOutput<OpenSubject> {
  const output = outputs.find(({ subjects }) => subjects.includes(one))
  if (output === undefined) throw new RangeError('an artifact that nothing was signed about')
  return output
}

async function readInput(
  { provenance, server, type, predicate }: AttestFlags,
  { context }: CommandEnvironment,
): Promise<PredicateInput | 'provenance'> {
  if (type !== undefined && predicate !== undefined) return readPredicate(type, predicate, context)
  if (provenance === undefined) {
    throw new CountersignError('ERR_USAGE', 'no predicate given', {
      hint: 'give --type TYPE and --predicate FILE, or --provenance with --server URL',
    })
  }
  if (server !== undefined) return 'provenance'
  throw new CountersignError('ERR_USAGE', '--provenance needs --server', {
    hint: 'give --server URL: the service builds the provenance from the verified claims of its caller',
  })
}

function assertOneStdin(targets: readonly NamedArtifact[], { predicate }: AttestFlags): void {
  if (predicate !== '-' || !targets.some(({ kind }) => kind === 'stdin')) return
  throw new CountersignError('ERR_USAGE', 'standard input (-) can be read only once', {
    hint: 'give the predicate, or the artifact, as a file',
  })
}
