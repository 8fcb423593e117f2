/** The forms that a signature of an artifact takes: what a caller asks for, and the bytes built for it. */
import { type Digest, parseDigest } from '../../crypto/digest.ts'
import { encodeBase64 } from '../../crypto/base64.ts'
import { CountersignError } from '../../errors.ts'
import { parseImageReference } from '../../formats/image-reference.ts'
import type { Key } from '../../keys/key.ts'
import type { ActiveSigner } from '../../rotation/keyring.ts'
import {
  type SignArtifactOptions,
  signArtifact,
  signFileDigest,
  signImageLegacy,
} from '../../signing/sign-artifact.ts'
import { type ReleasedBundle, type Signed, toSigned } from './release.ts'

/** One artifact; everything in it is the caller's word. */
export interface ArtifactRequest {
  readonly digest: string
  readonly kind: 'file' | 'image'
  readonly name?: string
  readonly annotations?: Readonly<Record<string, string>>
  /** `legacy`: a payload of the older cosign layout about an image; default `bundle`. */
  readonly format?: 'bundle' | 'legacy'
  /** Image name that the older layout states. */
  readonly reference?: string
}

/** An artifact whose digest and image name are well formed. */
export type RequestedArtifact = Omit<ArtifactRequest, 'digest'> & { readonly digest: Digest }

/** A signature in cosign's older layout, as it is answered; both base64. */
export interface ReleasedLegacySignature {
  readonly legacy: { readonly payload: string; readonly signature: string }
}

/** What is answered for one artifact. */
export type ReleasedSignature = ReleasedBundle | ReleasedLegacySignature

/**
 * Reads one artifact of a request.
 *
 * @throws {@link CountersignError} ERR_REFERENCE_INVALID — a malformed digest or image name;
 * ERR_REQUEST_INVALID — a reference without the older layout, or the reverse
 */
export function readArtifact(requested: ArtifactRequest): RequestedArtifact {
  const { format = 'bundle', kind, reference } = requested
  const isLegacy = format === 'legacy'
  if (isLegacy && kind !== 'image') throw invalid('"format": "legacy" is for images')
  if (isLegacy !== (reference !== undefined)) {
    throw invalid('"reference" and "format": "legacy" go together')
  }
  if (reference !== undefined) parseImageReference(reference)
  return { ...requested, digest: parseDigest(requested.digest) }
}

/** The names policies decide about: what the caller calls the artifact, and what the payload will state. */
export function namesOf({ name, reference }: RequestedArtifact): readonly string[] {
  if (reference === undefined) return [name ?? '']
  return name === undefined || name === reference ? [reference] : [name, reference]
}

/**
 * Makes sure that a key signs what is asked for.
 *
 * @throws {@link CountersignError} ERR_REQUEST_INVALID — a digest key is asked for more than digests
 */
export function assertFits(key: Key, artifacts: readonly RequestedArtifact[]): void {
  if (key.use !== 'digest') return
  const isPlain = artifacts.every(
    ({ kind, annotations }) => kind === 'file' && annotations === undefined,
  )
  if (isPlain) return
  throw invalid(
    `"${key.name}" signs digests of files and nothing else`,
    'sign images, and anything with annotations, with a key whose use is artifact',
  )
}

/** The function that signs an artifact, in the form that it asks for and the use of the key has. */
export function signerOf(
  { key, signer }: ActiveSigner,
  { digest, annotations = {}, reference }: RequestedArtifact,
): (options: SignArtifactOptions) => Promise<Signed<ReleasedSignature>> {
  if (reference !== undefined) {
    const image = { digest, annotations, dockerReference: reference }
    return async (options) => {
      const { payload, signature, facts } = await signImageLegacy(signer, image, options)
      const legacy = { payload: encodeBase64(payload), signature: encodeBase64(signature) }
      return { output: { legacy }, logged: payload, predicateType: undefined, facts }
    }
  }
  return async (options) =>
    toSigned(
      key.use === 'digest'
        ? await signFileDigest(signer, digest, options)
        : await signArtifact(signer, { digest, annotations }, options),
    )
}

function invalid(message: string, hint?: string): CountersignError {
  return new CountersignError('ERR_REQUEST_INVALID', message, { hint, details: { path: '' } })
}
