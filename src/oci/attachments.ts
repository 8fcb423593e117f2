/**
 * Everything attached to an image that a verification can look at. All of it is attacker-controlled;
 * what cannot be read is reported, not skipped.
 *
 * @packageDocumentation
 */
import type { Digest } from '../crypto/digest.ts'
import { toCountersignError } from '../errors.ts'
import { SIGN_PREDICATE_TYPE } from '../formats/predicates/types.ts'
import type { Policy } from '../verification/policy.ts'
import type { Attached } from '../verification/verify-artifact.ts'
import type { ListingOptions, OciStore } from './artifact-store.ts'
import { type FoundReferrers, readReferrers } from './bundle-referrers.ts'
import { readLegacyAttestations, readLegacySignatures } from './legacy.ts'

/** Which form of attachments is read: `auto` looks at older ones only where no bundle verifies. */
export type AttachmentFormat = 'auto' | 'bundle' | 'legacy' | 'both'

/** What was found, and what could not be read. */
export interface FoundAttachments extends FoundReferrers {
  /** Reads older forms, which count only where what was found does not verify. */
  readonly readOlder?: () => Promise<FoundReferrers>
}

/** An image whose attachments are wanted. */
export interface AttachmentsRequest extends ListingOptions {
  readonly store: OciStore
  readonly digest: Digest
  readonly format: AttachmentFormat
  readonly predicateTypes: Policy['predicateTypes']
  /** Most bundles that are read; default 500. */
  readonly maxAttached?: number | undefined
}

const NOTHING: FoundReferrers = { attached: [], unreadable: [] }

/**
 * Reads what is attached to an image: one request for the list, two for each bundle.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — over `maxAttached` bundles; and the store's errors
 * for the list itself
 */
export async function readAttachments(request: AttachmentsRequest): Promise<FoundAttachments> {
  const { format } = request
  const listed = await readListed(request)
  if (format === 'bundle') return listed
  const readOlder = (): Promise<FoundReferrers> => readTags(request)
  // Something attached by others must not hide an older signature of ours.
  if (format === 'auto' && listed.attached.length > 0) return { ...listed, readOlder }
  return mergeFound(listed, await readOlder())
}

/** Puts together what was found in two places. */
export function mergeFound(one: FoundReferrers, other: FoundReferrers): FoundReferrers {
  return {
    attached: [...one.attached, ...other.attached],
    unreadable: [...one.unreadable, ...other.unreadable],
  }
}

async function readListed(request: AttachmentsRequest): Promise<FoundReferrers> {
  const { format, store } = request
  const kinds = new Set<Attached['kind']>()
  if (format !== 'legacy') kinds.add('bundle')
  if (format !== 'bundle' && isDemanded(request, 'signature')) kinds.add('legacy-signature')
  if (kinds.size === 0) return NOTHING
  const found = readReferrers({ ...request, kinds })
  if (format !== 'legacy') return found
  return found.catch((thrown: unknown) => failed(store.location, thrown))
}

function isDemanded(
  { predicateTypes }: Pick<AttachmentsRequest, 'predicateTypes'>,
  what: 'signature' | 'attestation',
): boolean {
  if (predicateTypes === 'any') return true
  const isSignature = what === 'signature'
  return predicateTypes.some((type) => (type === SIGN_PREDICATE_TYPE) === isSignature)
}

function failed(source: string, thrown: unknown): FoundReferrers {
  return { attached: [], unreadable: [{ source, error: toCountersignError(thrown) }] }
}

/** The tags of cosign 2, only those that can hold what is demanded. */
async function readTags(request: AttachmentsRequest): Promise<FoundReferrers> {
  const [signatures, attestations] = await Promise.all([
    isDemanded(request, 'signature') ? readSignatureTag(request) : NOTHING,
    isDemanded(request, 'attestation') ? readAttestationTag(request) : NOTHING,
  ])
  return mergeFound(signatures, attestations)
}

async function readSignatureTag(request: AttachmentsRequest): Promise<FoundReferrers> {
  const { store, digest, report, signal } = request
  const source = `${tagOf(request)}.sig`
  try {
    const signatures = await readLegacySignatures(store, { subject: digest, signal })
    report?.(`${source} holds ${signatures.length || 'nothing'}`)
    const attached = signatures.map((legacy, index) => ({
      kind: 'legacy-signature' as const,
      source: `${source} layer ${index + 1}`,
      legacy,
    }))
    return { attached, unreadable: [] }
  } catch (thrown) {
    return failed(source, thrown)
  }
}

async function readAttestationTag(request: AttachmentsRequest): Promise<FoundReferrers> {
  const { store, digest, report, signal } = request
  const source = `${tagOf(request)}.att`
  try {
    const attestations = await readLegacyAttestations(store, { subject: digest, signal })
    report?.(`${source} holds ${attestations.length || 'nothing'}`)
    const attached = attestations.map(({ envelope }, index) => ({
      kind: 'legacy-attestation' as const,
      source: `${source} layer ${index + 1}`,
      bytes: envelope,
    }))
    return { attached, unreadable: [] }
  } catch (thrown) {
    return failed(source, thrown)
  }
}

function tagOf({ store, digest }: AttachmentsRequest): string {
  return `${store.location}:${digest.replace(':', '-')}`
}
