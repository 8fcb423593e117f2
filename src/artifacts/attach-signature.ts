/** Attaching what was signed to an image, in the form cosign 3 reads, in that of cosign 2, or in both. */
import type { Digest } from '../crypto/digest.ts'
import { serializeEnvelope } from '../formats/dsse.ts'
import type { AddressedDescriptor } from '../formats/oci-manifest.ts'
import { bundleAnnotations } from '../formats/oci-referrer.ts'
import type { ListingOptions, OciStore } from '../oci/artifact-store.ts'
import { addLegacyAttestation, addLegacySignature } from '../oci/legacy.ts'
import type { Runtime } from '../basics/runtime.ts'
import type { SignatureOutput, SignFormat } from './artifact-signer.ts'

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
 * Attaches what was signed; every part of it is listed when this returns.
 *
 * @throws {@link CountersignError} the store's: ERR_REFERRERS_CONFLICT, ERR_NOT_ALLOWED,
 * ERR_REGISTRY_UNAVAILABLE…; what was attached before stays
 */
export async function attachSignature(
  output: Pick<SignatureOutput, 'bundle' | 'legacy'>,
  target: AttachTarget,
  runtime: Runtime,
): Promise<readonly AttachedDocument[]> {
  const { store, image, format, created, report, signal } = target
  const attached: AttachedDocument[] = []
  if (output.bundle !== undefined && format !== 'legacy') {
    const { bundle, parsed, predicateType } = output.bundle
    const { digest, listedBy } = await store.attach({
      subject: image,
      artifactType: parsed.mediaType,
      content: bundle,
      annotations: bundleAnnotations({ content: 'dsse-envelope', predicateType, created }),
      report,
      signal,
    })
    attached.push({ format: 'bundle', digest, listedBy })
  }
  if (format === 'bundle') return attached
  const subject = { subject: image.digest, signal }
  if (output.legacy === undefined) {
    await addLegacyAttestation(store, { ...subject, ...toLegacyAttestation(output) }, runtime)
  } else {
    await addLegacySignature(store, { ...subject, ...output.legacy }, runtime)
  }
  return [...attached, { format: 'legacy', listedBy: 'tag' }]
}

function toLegacyAttestation({ bundle }: Pick<SignatureOutput, 'bundle'>): {
  envelope: Uint8Array
  predicateType: string
} {
  const content = bundle?.parsed.content
  if (content?.kind !== 'dsse') throw new TypeError('an attestation without an envelope')
  const { predicateType = '' } = bundle ?? {}
  return { envelope: serializeEnvelope(content.envelope), predicateType }
}
