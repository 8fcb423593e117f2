/** The bundles of an artifact, wherever they are. Nothing of them is verified. */
import { CountersignError } from '../src/errors.ts'
import { readBundleFacts } from './bundle-facts.ts'
import { readBundlesBeside } from './bundle-files.ts'
import type { OpenImageOptions } from './images.ts'
import type { ImageTarget, Target } from './target.ts'
import { bundleStem } from './targets.ts'

/** The bundles of one artifact; at least one. */
export interface DownloadedBundles {
  readonly name: string
  /** File name for them in a folder, without suffix. */
  readonly stem: string
  readonly bundles: readonly Uint8Array[]
}

/** How images are opened, and how much is read of each. */
export interface DownloadOptions extends OpenImageOptions {
  readonly maxAttached?: number | undefined
}

/**
 * Reads the bundles of an artifact; of an index with `recursive`, those of each image in it.
 *
 * @param types - predicate types that are wanted, as the bundles claim them; undefined for all
 * @throws {@link CountersignError} ERR_SIGNATURE_NOT_FOUND — there are none; and the error of the first
 * that can't be read, for a part would pass for the whole
 */
export async function readDownloads(
  target: Target,
  types: readonly string[] | undefined,
  options: DownloadOptions,
): Promise<readonly DownloadedBundles[]> {
  const found =
    target.kind === 'image'
      ? await readImageBundles(target, options)
      : [{ name: target.name, stem: bundleStem(target), bundles: await readBundlesBeside(target) }]
  const wanted = found
    .map((one) => ({ ...one, bundles: one.bundles.filter((bytes) => isWanted(bytes, types)) }))
    .filter(({ bundles }) => bundles.length > 0)
  if (wanted.length > 0) return wanted
  throw new CountersignError('ERR_SIGNATURE_NOT_FOUND', `"${target.name}" has no such bundle`, {
    hint: `see what it has: countersign discover ${target.name}`,
  })
}

async function readImageBundles(
  target: ImageTarget,
  options: DownloadOptions,
): Promise<readonly DownloadedBundles[]> {
  const [{ imageStem, openImages }, { readAttachments }] = await Promise.all([
    import('./images.ts'),
    import('../src/oci/attachments.ts'),
  ])
  const downloads: DownloadedBundles[] = []
  for (const { name, store, descriptor } of await openImages(target, options)) {
    const { digest } = descriptor
    const { maxAttached, signal } = options
    const request = { store, digest, format: 'bundle', predicateTypes: 'any' } as const
    const { attached, unreadable } = await readAttachments({ ...request, maxAttached, signal })
    const [failed] = unreadable
    if (failed !== undefined) throw failed.error
    const bundles = attached.flatMap((item) => (item.kind === 'bundle' ? [item.bytes] : []))
    downloads.push({ name, stem: imageStem(digest), bundles })
  }
  return downloads
}

function isWanted(bytes: Uint8Array, types: readonly string[] | undefined): boolean {
  if (types === undefined) return true
  const { predicateType } = readBundleFacts(bytes)
  return predicateType !== undefined && types.includes(predicateType)
}
