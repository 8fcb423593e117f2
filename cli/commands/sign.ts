/** `countersign sign`. */
import { SIGNING_KEY_FORMS } from '../keys/forms.ts'
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import { CountersignError } from '../../src/errors.ts'
import { createDelivery } from '../../src/artifacts/delivery.ts'
import type { ArtifactSigner } from '../../src/artifacts/artifact-signer.ts'
import type { SignedForm } from '../../src/verification/key-use.ts'
import type { ExistingBundle } from '../../src/artifacts/bundle-files.ts'
import { configOption } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import type { ArtifactWorld } from '../../src/artifacts/world.ts'
import { mapConcurrent } from '../../src/basics/map-concurrent.ts'
import { openArtifactSigner } from '../artifacts/open-signer.ts'
import {
  algorithmOption,
  annotationsOption,
  ARTIFACTS,
  caOption,
  passphraseFileOption,
  plainHttpOption,
  recursiveOption,
  referrersModeOption,
  signFormatOption,
} from '../options/shared.ts'
import { toArtifactWorld } from '../artifacts/world.ts'
import type { CommandEnvironment } from '../command.ts'
import { tokenFileOption } from '../service/client.ts'
import { type SignFlags, signingServerOption, toOpenOptions } from '../artifacts/sign-options.ts'
import { deliverOne, type SignResult, toSignOutcome, toUnsigned } from '../artifacts/sign-result.ts'
import { assertDistinctBundles, openSubjects } from '../../src/artifacts/open-subjects.ts'
import type { OpenSubjectOptions, OpenSubject } from '../../src/artifacts/open-subject.ts'
import type { NamedArtifact } from '../../src/artifacts/named-artifact.ts'
import { readTargets } from '../artifacts/targets.ts'

/** A checksum file of a million artifacts. */
const MAX_BATCH_CHECKSUM_BYTES = 256 * 1024 * 1024
/** Artifacts opened, and signed, at a time; of a batch more, since each waits for the disk alone. */
const AT_ONCE = 4
const OF_A_BATCH_AT_ONCE = 32

interface SignCommandFlags extends SignFlags {
  readonly append?: true | undefined
  readonly batch?: true | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('sign')
    .description(
      'Sign images or files. The bundle of a file is written to FILE.sigstore.json; an image has it attached. On stdout: the names of what was signed, images by digest.',
    )
    .argument('[artifacts...]', ARTIFACTS)
    .option('--checksums <file>', 'also the files of a checksum file, which must match it')
    .optionsGroup('Key:')
    .requiredOption('--key <key>', `key to sign with: ${SIGNING_KEY_FORMS}`)
    .addOption(algorithmOption())
    .addOption(passphraseFileOption())
    .addOption(signingServerOption())
    .addOption(tokenFileOption())
    .addOption(configOption())
    .option(
      '--batch',
      'sign all with one operation of the key; only countersign verifies the bundles',
    )
    .optionsGroup('Bundle files:')
    .option('--bundle <file>', 'bundle file to write, or a folder that gets one for each artifact')
    .addOption(new Option('--append', 'add to a bundle file that is there').conflicts('overwrite'))
    .option('--overwrite', 'replace a bundle file that is there')
    .optionsGroup('Images:')
    .addOption(recursiveOption())
    .addOption(annotationsOption('annotation to sign (repeatable)'))
    .addOption(signFormatOption())
    .option('--no-upload', 'attach nothing; write the bundle that --bundle names')
    .addOption(referrersModeOption())
    .addOption(caOption())
    .addOption(plainHttpOption())
    .action(environment.action((names, flags) => sign(names, flags, environment)))
}

async function sign(
  names: readonly string[],
  flags: SignCommandFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { annotations, batch, format } = flags
  const atOnce = batch === true ? OF_A_BATCH_AT_ONCE : AT_ONCE
  const limits = { maxBytes: batch === true ? MAX_BATCH_CHECKSUM_BYTES : undefined }
  const targets = await readTargets(names, flags.checksums, environment.terminal, limits)
  assertFitting(targets, flags)
  const options = toOpenOptions(flags, toExisting(flags), environment)
  const forms = targets.flatMap((target) => formsOf(target, flags))
  const opening = await openArtifactSigner(flags, forms, environment)
  await using signer = opening.signer

  const world = toArtifactWorld(environment)
  const opened = await mapConcurrent(targets, atOnce, (target) =>
    openForSigning(target, { signer, options, batch }, world),
  )
  const all = opened.flat()
  const subjects = all.filter(isSubject)
  assertDistinctBundles(subjects)
  const make = signer.sign(subjects, { annotations, batch, format })
  const deliver = createDelivery(options.existing)
  const results = await mapConcurrent(all, atOnce, async (one) =>
    isSubject(one) ? deliverOne(one, make, deliver) : one,
  )
  return toSignOutcome(results, opening, environment)
}

function formsOf(
  { kind }: NamedArtifact,
  { batch, format }: SignCommandFlags,
): readonly SignedForm[] {
  if (batch === true) return ['envelope']
  if (kind !== 'image') return ['message']
  if (format === 'both') return ['envelope', 'payload']
  return [format === 'legacy' ? 'payload' : 'envelope']
}

function isSubject(opened: OpenSubject | SignResult): opened is OpenSubject {
  return 'digests' in opened
}

interface Opening extends Pick<SignCommandFlags, 'batch'> {
  readonly signer: ArtifactSigner
  readonly options: OpenSubjectOptions
}

/** Opens one artifact; what goes wrong with it becomes its result. */
async function openForSigning(
  target: NamedArtifact,
  { signer, options, batch }: Opening,
  world: ArtifactWorld,
): Promise<readonly (OpenSubject | SignResult)[]> {
  try {
    // Before a large file is hashed in vain.
    if (target.kind !== 'image' && batch !== true) signer.assertSignsFiles()
    return await openSubjects(target, { ...options, hash: signer.hash }, world)
  } catch (thrown) {
    return [toUnsigned(target.name, thrown)]
  }
}

/** A signature over bytes has no place for annotations; cosign's older form is in no bundle. */
function assertFitting(targets: readonly NamedArtifact[], flags: SignCommandFlags): void {
  const { annotations, format, bundle } = flags
  const file = targets.find(({ kind }) => kind !== 'image')
  if (annotations !== undefined && file !== undefined) {
    throw new CountersignError(
      'ERR_USAGE',
      `annotations apply to images only; "${file.name}" is not an image`,
      { hint: 'sign it without, or say it in an attestation: countersign attest' },
    )
  }
  if (format === 'legacy' && bundle !== undefined) {
    throw new CountersignError(
      'ERR_USAGE',
      '--format legacy makes no bundle that --bundle could hold',
      {
        hint: 'use --format both',
      },
    )
  }
}

function toExisting({ append, overwrite }: SignCommandFlags): ExistingBundle {
  if (append === true) return 'append'
  return overwrite === true ? 'overwrite' : 'refuse'
}
