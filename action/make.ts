/**
 * The modes `sign` and `attest`: sign, verify, keep the bundles, publish, and only then tell. Whatever
 * fails before publishing leaves nothing behind.
 *
 * @packageDocumentation
 */
import type { ArtifactSigner, SigningSubject } from '../src/artifacts/artifact-signer.ts'
import { assertNotCancelled } from '../src/basics/cancellation.ts'
import type { HashName } from '../src/crypto/digest.ts'
import { printable } from '../src/formats/printable.ts'
import { uploadBundles } from './github-attestations.ts'
import type { MakeInputs } from './inputs.ts'
import { type StepSignature, type StepSigner, toSigningSubject } from './step-signer.ts'
import { keepBundles, toOutputs } from './outputs.ts'
import { readStepPredicate } from './predicate.ts'
import { describePublished, type OpenTarget, openTargets, attachToImages } from './registry.ts'
import { type StepContext, type StepOutcome, variable } from './step.ts'
import { createStorageRecords } from './storage-records.ts'
import { type ActionSubject, readSubjects } from './subjects.ts'
import { summarizeMade } from './summary.ts'
import { readStepTrust, type StepTrust } from './trust.ts'

/**
 * Makes signatures or an attestation.
 *
 * @throws {@link CountersignError} whatever keeps any of it from being made, verified or published
 */
export async function make(inputs: MakeInputs, context: StepContext): Promise<StepOutcome> {
  const trust = await readStepTrust(inputs, context)
  const opening = await openSigner(inputs, trust, context)
  await using signer = opening.signer
  const { push: areImages, subjects: named } = inputs
  const options = { areImages, hash: fileHash(inputs, signer), isEachDemanded: false }
  const [first, ...more] = await readSubjects(named, options, context)
  const subjects = [toSigningSubject(first), ...more.map(toSigningSubject)] as const
  // A missing image or a registry that denies access must fail before anything is signed.
  const targets = inputs.push ? await openTargets(subjects, context) : []
  const items = await makeItems(inputs, { signer, subjects }, context)
  for (const item of items) context.log.say(describeItem(item))
  return await deliver(inputs, { items, targets, signer: opening }, context)
}

type SignableSubject = ActionSubject & SigningSubject

interface MadeStep {
  readonly items: readonly StepSignature[]
  readonly targets: readonly OpenTarget[]
  readonly signer: StepSigner
}

/** From here on a cancelled job finishes what it has begun, until the runner is about to kill it. */
async function deliver(
  inputs: MakeInputs,
  { items, targets, signer }: MadeStep,
  context: StepContext,
): Promise<StepOutcome> {
  assertNotCancelled(context.signal)
  const kept = await keepBundles(items, context)
  const published = await attachToImages(items, targets, { format: inputs.format, context })
  const uploads = await uploadBundles(items, inputs.github, context)
  const records = await createStorageRecords(targets, inputs.github, context)
  const region = variable(context, 'AWS_REGION') ?? variable(context, 'AWS_DEFAULT_REGION')
  return {
    outputs: toOutputs(items, { kept, published, uploads, records }, context),
    summary: summarizeMade({ inputs, items, signer, region, kept, published, uploads, records }),
    done: [
      ...published.map(describePublished),
      ...uploads.map(({ url }) => `kept by GitHub: ${url}`),
    ],
  }
}

async function openSigner(
  { key }: MakeInputs,
  trust: StepTrust | undefined,
  context: StepContext,
): Promise<StepSigner> {
  if (key.kind === 'service') {
    const { openStepService } = await import('./service-signer.ts')
    return openStepService(key, trust, context)
  }
  const { openKmsSigner } = await import('./kms-signer.ts')
  return openKmsSigner(key, trust, context)
}

/** A digest is signed with the hash of the key; a statement uses the hash that all verifiers compute. */
function fileHash({ mode }: MakeInputs, { hash = 'sha256' }: ArtifactSigner): HashName {
  return mode === 'sign' ? hash : 'sha256'
}

async function makeItems(
  { mode, format, predicate }: MakeInputs,
  made: {
    readonly signer: ArtifactSigner
    readonly subjects: readonly [SignableSubject, ...SignableSubject[]]
  },
  context: StepContext,
): Promise<readonly StepSignature[]> {
  const { signer, subjects } = made
  if (mode === 'sign') {
    if (subjects.some(({ isImage }) => !isImage)) signer.assertSignsFiles()
    const sign = signer.sign(subjects, { format })
    const items: StepSignature[] = []
    for (const subject of subjects) items.push(await sign(subject))
    return items
  }
  return signer.attest(subjects, await readStepPredicate(predicate, context))
}

function describeItem({ subjects, predicateType, key }: StepSignature): string {
  const what = subjects
    .map(({ name, digest, isDigestOnly }) => {
      const unread = isDigestOnly === true ? ' (digest only: no such file)' : ''
      return `  ${printable(name)} ${digest}${unread}`
    })
    .join('\n')
  const who = key.version === undefined ? key.name : `${key.name}@${key.version}`
  return `${predicateType} by ${who} (kid ${key.kid}):\n${what}`
}
