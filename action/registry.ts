/** Publishing to the registries that images are in. */
import { printable } from '../src/formats/printable.ts'
import { createImageStores, type ImageStores } from '../src/artifacts/image-stores.ts'
import type { AddressedDescriptor } from '../src/formats/oci-manifest.ts'
import type { OciStore } from '../src/oci/artifact-store.ts'
import type { SignFormat } from '../src/artifacts/artifact-signer.ts'
import { type AttachedDocument, attachSignature } from '../src/artifacts/attach-signature.ts'
import { tellDone } from './already-done.ts'
import { usage } from './input-reader.ts'
import type { StepSignature } from './step-signer.ts'
import type { StepContext } from './step.ts'
import type { ActionSubject } from './subjects.ts'

/** An image that is there. */
export interface OpenTarget {
  readonly subject: ActionSubject
  readonly store: OciStore
  readonly image: AddressedDescriptor
}

/** Something that was attached to an image. */
export interface PublishedItem extends AttachedDocument {
  readonly image: string
}

/** Opens the stores of one step: one client, with the logins of the job. */
export function createStepStores({ env: variables, runtime }: StepContext): ImageStores {
  return createImageStores({ variables, runtime: () => Promise.resolve(runtime) })
}

/**
 * Finds the images that something will be attached to.
 *
 * @throws {@link CountersignError} ERR_USAGE — a subject is no image; ERR_ARTIFACT_NOT_FOUND — it is not in
 * its registry; ERR_NOT_AUTHENTICATED, ERR_NOT_ALLOWED, ERR_REGISTRY_UNAVAILABLE
 */
export async function openTargets(
  subjects: readonly ActionSubject[],
  context: StepContext,
): Promise<readonly OpenTarget[]> {
  const stores = createStepStores(context)
  const { signal } = context
  const targets: OpenTarget[] = []
  for (const subject of subjects) {
    const { image, name, digest } = subject
    if (image === undefined) {
      throw usage(
        `push-to-registry is true, and "${name}" is no image`,
        'name the image with subject-name and subject-digest, or leave push-to-registry out',
      )
    }
    const store = await stores.open({ kind: 'registry', ...image })
    targets.push({ subject, store, image: await store.resolve({ digest }, { signal }) })
  }
  return targets
}

/**
 * Attaches what was made to its images; blobs go before the manifest that names them, and it before the
 * list that names it, so nothing ever refers to what is not there.
 *
 * @throws {@link CountersignError} as {@link attachSignature}, with what was attached before
 */
export async function attachToImages(
  items: readonly StepSignature[],
  targets: readonly OpenTarget[],
  { format, context }: { readonly format: SignFormat; readonly context: StepContext },
): Promise<readonly PublishedItem[]> {
  const published: PublishedItem[] = []
  for (const { subject, store, image } of targets) {
    for (const item of items.filter(({ subjects }) => subjects.includes(subject))) {
      const name = `${subject.name}@${subject.digest}`
      for (const one of FORMATS[format]) {
        const target = { store, image, format: one, created: context.now(), signal: context.halt }
        const attached = await attachSignature(item, target, context.runtime).catch(
          (error: unknown) => {
            throw tellDone(error, published.map(describePublished))
          },
        )
        published.push(...attached.map((document) => ({ ...document, image: name })))
      }
    }
  }
  for (const one of published) context.log.say(describePublished(one))
  return published
}

/** Says in one line what was attached to what. */
export function describePublished({ image, digest }: PublishedItem): string {
  return `attached to ${printable(image)}: ${digest ?? 'in the older layout'}`
}

/** One after the other, so that what is done is known when the next one fails. */
const FORMATS: Readonly<Record<SignFormat, readonly SignFormat[]>> = {
  bundle: ['bundle'],
  legacy: ['legacy'],
  both: ['bundle', 'legacy'],
}
