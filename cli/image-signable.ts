/** Images that are to be signed or attested, and attaching to them what was signed. */
import { CountersignError } from '../src/errors.ts'
import type { SignatureOutput } from '../src/artifacts/artifact-signer.ts'
import { type AttachedDocument, attachSignature } from '../src/artifacts/attach-signature.ts'
import { assertWritable, placeBundle } from './bundle-files.ts'
import { imageStem, type OpenImage, openImages } from './images.ts'
import type { CommandEnvironment } from './command.ts'
import type { OpenSignableOptions, Signable } from './signable.ts'
import type { ImageTarget } from '../src/artifacts/named-artifact.ts'

/** Opens an image, and with `recursive` all that is inside an index, for signing. */
export async function openImageSignables(
  target: ImageTarget,
  options: OpenSignableOptions,
  environment: CommandEnvironment,
): Promise<readonly Signable[]> {
  const { context, terminal } = environment
  const { stores, recursive } = options
  const images = await openImages(target, { stores, recursive, signal: context.signal })
  const { tag, digest } = target.reference
  if (tag !== undefined && digest === undefined) {
    terminal.say(`warning: a tag can move; "${target.name}" now is ${images[0].pinned}`)
  }
  return Promise.all(images.map((image) => toSignable(image, options, environment)))
}

async function toSignable(
  image: OpenImage,
  options: OpenSignableOptions,
  environment: CommandEnvironment,
): Promise<Signable> {
  const { name, pinned, repository, descriptor } = image
  const { digest } = descriptor
  const place = await placeBundle(options.bundle, undefined, imageStem(digest))
  if (place !== undefined) await assertWritable(place.path, options.existing)
  if (place === undefined && !options.isAttached) {
    throw new CountersignError('ERR_USAGE', `nothing says where the bundle of "${name}" goes`, {
      hint: 'give --bundle FILE, or leave out --no-upload',
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
      attach: (output) => attach(image, output, { options, environment }),
    }),
  }
}

async function attach(
  { store, descriptor }: OpenImage,
  output: SignatureOutput,
  { options, environment }: { options: OpenSignableOptions; environment: CommandEnvironment },
): Promise<readonly AttachedDocument[]> {
  const { context, terminal } = environment
  const { now, signal } = context
  const report = (note: string): void => {
    terminal.detail(note)
  }
  const { format, stores } = options
  const target = { store, image: descriptor, format, created: now(), report, signal }
  return attachSignature(output, target, await stores.runtime())
}
