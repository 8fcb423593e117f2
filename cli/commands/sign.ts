/** `countersign sign`. */
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import { assertDigestSigner, type Signer } from '../../src/signing/signer.ts'
import type { ExistingBundle } from '../bundle-files.ts'
import type { Outcome } from '../context.ts'
import { createDelivery, type Deliver } from '../delivery.ts'
import { mapInOrder } from '../in-order.ts'
import { openKeys } from '../keys.ts'
import { algorithmOption, annotationsOption, passphraseFileOption } from '../options.ts'
import { algorithmWarning } from '../render/sign.ts'
import type { CommandEnvironment } from '../run.ts'
import type { SecretFlags } from '../secrets.ts'
import { makeSignature, type SigningJob } from '../sign-artifacts.ts'
import { type Signed, toSignOutcome, toUnsigned } from '../sign-result.ts'
import { assertDistinctBundles, openSignables, type Signable } from '../signable.ts'
import { readTargets, type Target } from '../targets.ts'

/** Artifacts opened, and signed, at a time. */
const AT_ONCE = 4

interface SignFlags extends SecretFlags {
  readonly key: string
  readonly algorithm?: AlgorithmName | undefined
  readonly bundle?: string | undefined
  readonly append?: true | undefined
  readonly overwrite?: true | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly checksums?: string | undefined
}

/** Builds the command. */
export function createCommand(environment: CommandEnvironment): CommandUnknownOpts {
  return new Command('sign')
    .description(
      'Sign images or files. The bundle of a file is written to FILE.sigstore.json; an image has it\n' +
        'attached. On stdout: the names of what was signed, images by digest.',
    )
    .argument('[artifacts...]', 'files, oci:// images, oci-layout:// folders, digests, - for stdin')
    .requiredOption('--key <key>', 'key to sign with: file, awskms:, pkcs11:')
    .addOption(algorithmOption())
    .option('--bundle <file>', 'bundle file to write, or a folder that gets one for each artifact')
    .addOption(new Option('--append', 'add to a bundle file that is there').conflicts('overwrite'))
    .option('--overwrite', 'replace a bundle file that is there')
    .addOption(annotationsOption('annotation to sign into the signature of an image (repeatable)'))
    .option('--checksums <file>', 'sign the files of a checksum file, by their digests')
    .addOption(passphraseFileOption())
    .action(environment.action((names, flags) => sign(names, flags, environment)))
}

async function sign(
  names: readonly string[],
  flags: SignFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  await using keys = openKeys(environment, flags)
  const targets = await readTargets(names, flags.checksums)
  assertAnnotatable(targets, flags)
  const signer = await keys.open(flags.key, { algorithm: flags.algorithm })
  const warning = algorithmWarning(signer.key)
  if (warning !== undefined) terminal.say(`warning: ${warning}`)

  const opened = await mapInOrder(targets, AT_ONCE, (target) =>
    openForSigning(target, { signer, flags }, environment),
  )
  assertDistinctBundles(opened.flat().filter(isSignable))
  const { signal } = context
  const job = { signer, annotations: flags.annotations ?? {}, now: context.now(), signal }
  const deliver = createDelivery(toExisting(flags))
  const results = await mapInOrder(opened.flat(), AT_ONCE, async (one) =>
    isSignable(one) ? signOpened(one, job, deliver) : one,
  )
  return toSignOutcome(results, signer, environment)
}

function isSignable(opened: Signable | Signed): opened is Signable {
  return 'digests' in opened
}

/** Opens one artifact; what goes wrong with it becomes its result. */
async function openForSigning(
  target: Target,
  { signer, flags }: { readonly signer: Signer; readonly flags: SignFlags },
  environment: CommandEnvironment,
): Promise<readonly (Signable | Signed)[]> {
  try {
    // Before a large file is hashed in vain.
    if (target.kind !== 'image') assertDigestSigner(signer)
    const hash = target.kind === 'image' ? 'sha256' : (signer.key.algorithm.hash ?? 'sha256')
    const existing = toExisting(flags)
    return await openSignables(target, { bundle: flags.bundle, existing, hash }, environment)
  } catch (thrown) {
    return [toUnsigned(target.name, thrown)]
  }
}

async function signOpened(signable: Signable, job: SigningJob, deliver: Deliver): Promise<Signed> {
  try {
    return await deliver(signable, await makeSignature(signable, job))
  } catch (thrown) {
    return toUnsigned(signable.name, thrown)
  }
}

/** A signature over bytes has no place for annotations. */
function assertAnnotatable(targets: readonly Target[], { annotations }: SignFlags): void {
  const file = targets.find(({ kind }) => kind !== 'image')
  if (annotations === undefined || file === undefined) return
  throw new CountersignError(
    'ERR_USAGE',
    `only signatures of images have annotations, and "${file.name}" is none`,
    { hint: 'sign it without, or say it in an attestation: countersign attest' },
  )
}

function toExisting({ append, overwrite }: SignFlags): ExistingBundle {
  if (append === true) return 'append'
  return overwrite === true ? 'overwrite' : 'refuse'
}
