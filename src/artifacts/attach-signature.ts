/** Attaching what was signed to an image, in the form cosign 3 reads, in that of cosign 2, or in both. */
import type { Digest } from '../crypto/digest.ts'
import { BUNDLE_MEDIA_TYPE, parseBundle } from '../formats/bundle.ts'
import { serializeEnvelope } from '../formats/dsse.ts'
import type { AddressedDescriptor } from '../formats/oci-manifest.ts'
import { bundleAnnotations } from '../formats/oci-referrer.ts'
import type { LegacyImageSignature, SignedBundle } from '../signing/sign-artifact.ts'
import type { ListingOptions, OciStore } from '../oci/artifact-store.ts'
import { addLegacyAttestation, addLegacySignature } from '../oci/legacy.ts'
import type { Runtime } from '../oci/runtime.ts'

/** In which form an image's signature is attached: as cosign 3 reads it, as cosign 2 does, or both. */
export type SignFormat = 'bundle' | 'legacy' | 'both'

/** What was made for one artifact; at least one of them is there. */
export interface Made {
  readonly bundle: SignedBundle | undefined
  /** The signature of an image in cosign's older form. */
  readonly legacy: LegacyImageSignature | undefined
  /** Of the entry in the log of the service that made it. */
  readonly logIndex?: number
}

/** Where it goes. */
export interface AttachTarget extends ListingOptions {
  readonly store: OciStore
  readonly image: AddressedDescriptor
  readonly format: SignFormat
  readonly created: Date
}

/** One thing that was attached to an image. */
export interface AttachedDocument {
  readonly format: 'bundle' | 'legacy'
  /** Of the manifest that was attached. */
  readonly digest?: Digest
  readonly listedBy: string
}

/**
 * Attaches what was made; every part of it is listed when this returns.
 *
 * @throws {@link CountersignError} the store's: ERR_REFERRERS_CONFLICT, ERR_NOT_ALLOWED,
 * ERR_REGISTRY_UNAVAILABLE…; what was attached before stays
 */
export async function attachMade(
  made: Made,
  target: AttachTarget,
  runtime: Runtime,
): Promise<readonly AttachedDocument[]> {
  const { store, image, format, created, report, signal } = target
  const attached: AttachedDocument[] = []
  if (made.bundle !== undefined && format !== 'legacy') {
    const { bundle, predicateType } = made.bundle
    const { digest, listedBy } = await store.attach({
      subject: image,
      artifactType: BUNDLE_MEDIA_TYPE,
      content: bundle,
      annotations: bundleAnnotations({ content: 'dsse-envelope', predicateType, created }),
      report,
      signal,
    })
    attached.push({ format: 'bundle', digest, listedBy })
  }
  if (format === 'bundle') return attached
  const subject = { subject: image.digest, signal }
  if (made.legacy === undefined) {
    await addLegacyAttestation(store, { ...subject, ...toLegacyAttestation(made) }, runtime)
  } else {
    await addLegacySignature(store, { ...subject, ...made.legacy }, runtime)
  }
  return [...attached, { format: 'legacy', listedBy: 'tag' }]
}

function toLegacyAttestation({ bundle }: Made): { envelope: Uint8Array; predicateType: string } {
  const content = bundle === undefined ? undefined : parseBundle(bundle.bundle).content
  if (content?.kind !== 'dsse') throw new TypeError('an attestation without an envelope')
  const { predicateType = '' } = bundle ?? {}
  return { envelope: serializeEnvelope(content.envelope), predicateType }
}
