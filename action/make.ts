/**
 * The modes `sign` and `attest`: sign, verify, keep the bundles, publish, and only then tell. Whatever
 * fails before publishing leaves nothing behind.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../src/cancellation.ts'
import { printable } from '../src/formats/printable.ts'
import { uploadBundles } from './github-attestations.ts'
import type { MakeInputs } from './inputs.ts'
import type { MadeItem, SigningRoute } from './made.ts'
import { keepBundles, toOutputs } from './outputs.ts'
import { readPredicate } from './predicate.ts'
import { describePublished, type OpenTarget, openTargets, publish } from './registry.ts'
import { type StepContext, type StepOutcome, variable } from './step.ts'
import { createStorageRecords } from './storage-records.ts'
import { type ActionSubject, readSubjects } from './subjects.ts'
import { summarizeMade } from './summary.ts'
import { readTrust, type StepTrust } from './trust.ts'
import { assertVerifies } from './verify-made.ts'

/**
 * Makes signatures or an attestation.
 *
 * @throws {@link CountersignError} whatever keeps any of it from being made, verified or published
 */
export async function make(inputs: MakeInputs, context: StepContext): Promise<StepOutcome> {
  const trust = await readTrust(inputs, context)
  await using route = await openRoute(inputs, trust, context)
  const { push: areImages, subjects: named } = inputs
  const options = { areImages, hash: fileHash(inputs, route), isEachDemanded: false }
  const subjects = await readSubjects(named, options, context)
  // Before anything is signed: an image that is not there, or a registry that lets nobody in.
  const targets = inputs.push ? await openTargets(subjects, context) : []
  const items = await makeItems(inputs, { route, subjects }, context)
  const material = trust?.material ?? route.ownTrust
  if (material !== undefined) {
    for (const item of items) await assertVerifies(item, material, context.now())
  }
  for (const item of items) context.log.say(describeItem(item))
  return await deliver(inputs, { items, targets, route }, context)
}

interface MadeStep {
  readonly items: readonly MadeItem[]
  readonly targets: readonly OpenTarget[]
  readonly route: SigningRoute
}

/** From here on a cancelled job finishes what it has begun, until the runner is about to kill it. */
async function deliver(
  inputs: MakeInputs,
  { items, targets, route }: MadeStep,
  context: StepContext,
): Promise<StepOutcome> {
  assertNotCancelled(context.signal)
  const kept = await keepBundles(items, context)
  const published = await publish(items, targets, { format: inputs.format, context })
  const uploads = await uploadBundles(items, inputs.github, context)
  const records = await createStorageRecords(targets, inputs.github, context)
  const region = variable(context, 'AWS_REGION') ?? variable(context, 'AWS_DEFAULT_REGION')
  return {
    outputs: toOutputs(items, { kept, published, uploads, records }, context),
    summary: summarizeMade({ inputs, items, route, region, kept, published, uploads, records }),
    done: [
      ...published.map(describePublished),
      ...uploads.map(({ url }) => `kept by GitHub: ${url}`),
    ],
  }
}

async function openRoute(
  { key }: MakeInputs,
  trust: StepTrust | undefined,
  context: StepContext,
): Promise<SigningRoute> {
  if (key.kind === 'service') {
    const { openServiceRoute } = await import('./service-route.ts')
    return openServiceRoute(key, trust, context)
  }
  const { openKmsRoute } = await import('./kms-route.ts')
  return openKmsRoute(key, trust, context)
}

/** A digest is signed by the hash of the key; a statement names the one that everybody computes. */
function fileHash({ mode }: MakeInputs, { hash }: SigningRoute): SigningRoute['hash'] {
  return mode === 'sign' ? hash : 'sha256'
}

async function makeItems(
  { mode, format, predicate }: MakeInputs,
  made: {
    readonly route: SigningRoute
    readonly subjects: readonly [ActionSubject, ...ActionSubject[]]
  },
  context: StepContext,
): Promise<readonly MadeItem[]> {
  const { route, subjects } = made
  if (mode === 'sign') return route.sign(subjects, format)
  return route.attest(subjects, await readPredicate(predicate, context))
}

function describeItem({ subjects, predicateType, key }: MadeItem): string {
  const what = subjects
    .map(({ name, digest, isDigestOnly }) => {
      const unread = isDigestOnly === true ? ' (digest only: no such file)' : ''
      return `  ${printable(name)} ${digest}${unread}`
    })
    .join('\n')
  const who = key.version === undefined ? key.name : `${key.name}@${key.version}`
  return `${predicateType} by ${who} (kid ${key.kid}):\n${what}`
}
