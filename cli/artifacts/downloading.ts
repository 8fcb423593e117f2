/** The bundles of an artifact, wherever they are. Nothing of them is verified. */
import { CountersignError, toCountersignError } from '../../src/errors.ts'
import { MAX_BUNDLE_BYTES } from '../../src/formats/bundle.ts'
import { parseJson } from '../../src/formats/json.ts'
import { readBundleFacts } from './bundle-facts.ts'
import { readBundlesBeside } from '../../src/artifacts/bundle-files.ts'
import type { FoundAttachments } from '../../src/oci/attachments.ts'
import type { OpenImageOptions } from '../../src/artifacts/open-images.ts'
import {
  bundleStem,
  digestStem,
  type NamedArtifact,
  type NamedImage,
} from '../../src/artifacts/named-artifact.ts'
import type { Terminal } from '../terminal/terminal.ts'

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
  readonly terminal: Pick<Terminal, 'say' | 'detail'>
}

/**
 * Reads the bundles of an artifact; of an index with `recursive`, those of each image in it.
 *
 * @param types - predicate types that are wanted, as the bundles claim them; undefined for all
 * What cannot be read is left out and reported, so that entries of others do not keep the rest from being saved.
 *
 * @throws {@link CountersignError} ERR_SIGNATURE_NOT_FOUND — there are none; where none can be read, the error
 * of the first
 */
export async function readDownloads(
  target: NamedArtifact,
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
  throw new CountersignError('ERR_SIGNATURE_NOT_FOUND', `no bundle found for "${target.name}"`, {
    hint: `see what it has: countersign discover ${target.name}`,
  })
}

async function readImageBundles(
  target: NamedImage,
  options: DownloadOptions,
): Promise<readonly DownloadedBundles[]> {
  const [{ openImages }, { readAttachments }] = await Promise.all([
    import('../../src/artifacts/open-images.ts'),
    import('../../src/oci/attachments.ts'),
  ])
  const downloads: DownloadedBundles[] = []
  for (const { name, store, descriptor } of await openImages(target, options)) {
    const { digest } = descriptor
    const { maxAttached, signal, terminal } = options
    const report = (note: string): void => {
      terminal.detail(note)
    }
    const request = { store, digest, format: 'bundle', predicateTypes: 'any' } as const
    const { attached, unreadable } = await readAttachments({
      ...request,
      maxAttached,
      report,
      signal,
    })
    const read = attached.map(readBundle)
    const bundles = read.flatMap(({ bytes }) => bytes ?? [])
    const skipped = [...unreadable, ...read.flatMap(({ failed }) => failed ?? [])]
    const [failed] = skipped
    if (failed !== undefined && bundles.length === 0) throw failed.error
    reportUnreadable(skipped, terminal)
    downloads.push({ name, stem: digestStem(digest), bundles })
  }
  return downloads
}

interface ReadBundle {
  readonly bytes?: Uint8Array
  readonly failed?: FoundAttachments['unreadable'][number]
}

/** Others attach as a bundle what is not even JSON, which has no line in a file of bundles. */
function readBundle(item: FoundAttachments['attached'][number]): ReadBundle {
  if (item.kind !== 'bundle') return {}
  const { source, bytes } = item
  try {
    parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES })
    return { bytes }
  } catch (thrown) {
    return { failed: { source, error: toCountersignError(thrown) } }
  }
}

/** A part must not pass for the whole, so that something is left out is said without -v, too. */
function reportUnreadable(
  unreadable: FoundAttachments['unreadable'],
  terminal: DownloadOptions['terminal'],
): void {
  for (const { source, error } of unreadable) terminal.detail(`skipped ${source}: ${error.message}`)
  const count = unreadable.length
  if (count > 0) terminal.say(`left out what cannot be read: ${count}; -v shows it`)
}

function isWanted(bytes: Uint8Array, types: readonly string[] | undefined): boolean {
  if (types === undefined) return true
  const { predicateType } = readBundleFacts(bytes)
  return predicateType !== undefined && types.includes(predicateType)
}
