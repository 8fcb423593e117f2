/** Images that are to be signed or attested, and attaching to them what was signed. */
import { CountersignError } from '../errors.ts'
import type { SignatureOutput } from './artifact-signer.ts'
import { type AttachedDocument, attachSignature } from './attach-signature.ts'
import { assertWritable, placeBundle } from './bundle-files.ts'
import { type OpenImage, openImages } from './open-images.ts'
import type { OpenSubjectOptions, OpenSubject } from './open-subject.ts'
import { digestStem, type NamedImage } from './named-artifact.ts'
import type { ArtifactWorld } from './world.ts'

/** Opens an image, and with `recursive` all that is inside an index, for signing. */
export async function openImageSubjects(
  named: NamedImage,
  options: OpenSubjectOptions,
  world: ArtifactWorld,
): Promise<readonly OpenSubject[]> {
  const { stores, recursive } = options
  const images = await openImages(named, { stores, recursive, signal: world.signal })
  const { tag, digest } = named.reference
  if (tag !== undefined && digest === undefined) {
    world.warn?.(`a tag can move; "${named.name}" now is ${images[0].pinned}`)
  }
  return Promise.all(images.map((image) => toSubject(image, options, world)))
}

async function toSubject(
  image: OpenImage,
  options: OpenSubjectOptions,
  world: ArtifactWorld,
): Promise<OpenSubject> {
  const { name, pinned, repository, descriptor } = image
  const { digest } = descriptor
  const place = await placeBundle(options.bundle, undefined, digestStem(digest))
  if (place !== undefined) await assertWritable(place.path, options.existing)
  if (place === undefined && !options.isAttached) {
    throw new CountersignError('ERR_USAGE', `nothing says where the bundle of "${name}" goes`, {
      hint: 'name a file for it, or have it attached',
      reason: 'image-bundle-place-unknown',
    })
  }
  return {
    name,
    pinned,
    isImage: true,
    subjectName: repository,
    digests: [digest],
    path: place?.path,
    ...(options.isAttached && {
      attach: (output) => attach(image, output, { options, world }),
    }),
  }
}

async function attach(
  { store, descriptor }: OpenImage,
  output: SignatureOutput,
  { options, world }: { readonly options: OpenSubjectOptions; readonly world: ArtifactWorld },
): Promise<readonly AttachedDocument[]> {
  const { now, signal, report } = world
  const { format, stores } = options
  const target = { store, image: descriptor, format, created: now(), report, signal }
  return attachSignature(output, target, await stores.runtime())
}
