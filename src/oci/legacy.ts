/**
 * The layout of cosign before bundles (cosign's SIGNATURE_SPEC): one manifest at the tag
 * `sha256-HEX.sig` with a layer per signature, one at `.att` with a layer per attestation.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { type Digest, digestHash, digestHex } from '../crypto/digest.ts'
import { toCanonicalSignature } from '../crypto/low-s.ts'
import { CountersignError, toCountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import {
  type Annotations,
  type Descriptor,
  serializeDescriptor,
} from '../formats/oci-descriptor.ts'
import {
  type ImageManifest,
  isManifestType,
  manifestLayers,
  OCI_MANIFEST,
  parseImageManifest,
} from '../formats/oci-manifest.ts'
import { SIMPLE_SIGNING_MEDIA_TYPE } from '../formats/simple-signing.ts'
import type { CallOptions, TaggedManifest, TagStore } from './artifact-store.ts'
import { printableExcerpt } from '../formats/printable.ts'
import type { Runtime } from '../basics/runtime.ts'
import { updateTag } from './tag-update.ts'

const DSSE_ENVELOPE = 'application/vnd.dsse.envelope.v1+json'
const IMAGE_CONFIG = 'application/vnd.oci.image.config.v1+json'
const SIGNATURE = 'dev.cosignproject.cosign/signature'
const PREDICATE_TYPE = 'predicateType'
const MAX_LAYERS = 1000

/** An image signature of the older layout; every part attacker-controlled. */
export interface StoredLegacySignature {
  /** The simple-signing payload, whose bytes were signed. */
  readonly payload: Uint8Array
  /** ECDSA in DER, RSA as it is; read from an annotation that is not base64, empty. */
  readonly signature: Uint8Array
}

/** An attestation of the older layout; every part attacker-controlled. */
export interface LegacyAttestation {
  /** The DSSE envelope as JSON. */
  readonly envelope: Uint8Array
  /** As it is listed with; the statement inside decides. */
  readonly predicateType: string
}

/** The image something is added to. */
export interface LegacyTarget extends CallOptions {
  readonly subject: Digest
}

type Kind = 'sig' | 'att'
type Chance = Pick<Runtime, 'pause' | 'random'>

/**
 * Adds a signature at `sha256-HEX.sig`, keeping those that are there; the same payload with the same
 * signature is there once.
 *
 * @throws {@link CountersignError} ERR_REFERRERS_CONFLICT — the tag would not keep it; ERR_MANIFEST_INVALID —
 * the tag holds something else; ERR_NOT_ALLOWED
 */
export async function addLegacySignature(
  store: TagStore,
  { subject, payload, signature, signal }: StoredLegacySignature & LegacyTarget,
  runtime: Chance,
): Promise<void> {
  const blob = await store.writeBlob(payload, SIMPLE_SIGNING_MEDIA_TYPE, { signal })
  const annotations = { [SIGNATURE]: encodeBase64(signature) }
  const layer = { ...blob, annotations }
  await addLayer(store, { tag: legacyTag(subject, 'sig'), layer, signal }, runtime)
}

/**
 * Adds an attestation at `sha256-HEX.att`, keeping those that are there; the same envelope is there once.
 *
 * @throws {@link CountersignError} as {@link addLegacySignature}
 */
export async function addLegacyAttestation(
  store: TagStore,
  { subject, envelope, predicateType, signal }: LegacyAttestation & LegacyTarget,
  runtime: Chance,
): Promise<void> {
  const blob = await store.writeBlob(envelope, DSSE_ENVELOPE, { signal })
  const annotations = { [SIGNATURE]: '', [PREDICATE_TYPE]: predicateType }
  const layer = { ...blob, annotations }
  await addLayer(store, { tag: legacyTag(subject, 'att'), layer, signal }, runtime)
}

/** Reads the signatures at `sha256-HEX.sig`; none if there is no such tag. */
export async function readLegacySignatures(
  store: TagStore,
  { subject, signal }: LegacyTarget,
): Promise<readonly StoredLegacySignature[]> {
  const tag = legacyTag(subject, 'sig')
  const current = await store.readTag(tag, { signal })
  return current === undefined
    ? []
    : readSignatureLayers(store, parseTagged(current, tag, store), { signal })
}

/**
 * Reads the signatures of a manifest: one at `sha256-HEX.sig`, or a referrer of cosign 2. Line ends inside
 * a signature are passed over, as Go does.
 */
export async function readSignatureLayers(
  store: Pick<TagStore, 'readBlob'>,
  manifest: ImageManifest,
  options: CallOptions,
): Promise<readonly StoredLegacySignature[]> {
  const layers = await readLayers(store, {
    manifest,
    mediaType: SIMPLE_SIGNING_MEDIA_TYPE,
    ...options,
  })
  return layers.map(({ content, annotations }) => ({
    payload: content,
    signature: decodeSignature(annotations) ?? new Uint8Array(),
  }))
}

function decodeSignature(annotations: Annotations): Uint8Array | undefined {
  return decodeBase64((annotations[SIGNATURE] ?? '').replace(/[\r\n]/g, ''))
}

/** Reads the attestations at `sha256-HEX.att`; none if there is no such tag. */
export async function readLegacyAttestations(
  store: TagStore,
  { subject, signal }: LegacyTarget,
): Promise<readonly LegacyAttestation[]> {
  const tag = legacyTag(subject, 'att')
  const current = await store.readTag(tag, { signal })
  if (current === undefined) return []
  const manifest = parseTagged(current, tag, store)
  const layers = await readLayers(store, { manifest, mediaType: DSSE_ENVELOPE, signal })
  return layers.map(({ content, annotations }) => ({
    envelope: content,
    predicateType: annotations[PREDICATE_TYPE] ?? '',
  }))
}

/** The tag of the older layout; cosign does not shorten digests, and a SHA-512 does not fit a tag. */
function legacyTag(subject: Digest, kind: Kind): string {
  const tag = `${digestHash(subject)}-${digestHex(subject)}.${kind}`
  if (tag.length <= 128) return tag
  throw new CountersignError(
    'ERR_OPERATION_UNSUPPORTED',
    `the older layout has no place for a subject with a ${digestHash(subject)} digest`,
    { hint: 'sign it as a bundle', reason: 'older-layout-without-place' },
  )
}

interface Layer {
  readonly content: Uint8Array
  readonly annotations: Annotations
}

/**
 * Reads the layers of a type. Others add layers to the same manifest: one that cannot be read does not
 * hide the rest, unless it may be read later.
 */
async function readLayers(
  store: Pick<TagStore, 'readBlob'>,
  request: CallOptions & { manifest: ImageManifest; mediaType: string },
): Promise<readonly Layer[]> {
  const { manifest, mediaType, signal } = request
  const blobs = new Map<string, Uint8Array>()
  const found: Layer[] = []
  let failure: CountersignError | undefined
  for (const layer of manifest.layers.filter((one) => one.mediaType === mediaType)) {
    try {
      // Signatures of one image by one tool share one payload: each blob is read once.
      const content = blobs.get(layer.digest) ?? (await store.readBlob(layer, { signal }))
      blobs.set(layer.digest, content)
      found.push({ content, annotations: layer.annotations ?? {} })
    } catch (thrown) {
      const error = toCountersignError(thrown)
      if (error.retryable) throw error
      failure ??= error
    }
  }
  if (found.length === 0 && failure !== undefined) throw failure
  return found
}

async function addLayer(
  store: TagStore,
  { tag, layer, signal }: CallOptions & { tag: string; layer: Descriptor },
  runtime: Chance,
): Promise<void> {
  // A stale reading must not undo what a fresher one held: every layer seen is kept.
  const seen = new Map<string, JsonObject>()
  const change = {
    tag,
    signal,
    isIn: (current: TaggedManifest | undefined) =>
      current !== undefined &&
      parseTagged(current, tag, store).layers.some((one) => identity(one) === identity(layer)),
    addTo: async (current: TaggedManifest | undefined) => {
      const found = current && parseTagged(current, tag, store)
      const layers = found ? manifestLayers(found) : []
      for (const [at, one] of (found?.layers ?? []).entries()) {
        seen.set(identity(one), layers[at] ?? serializeDescriptor(one))
      }
      seen.set(identity(layer), serializeDescriptor(layer))
      const config = await writeConfig(store, [...seen.values()], { signal })
      const start = found?.json ?? { schemaVersion: 2, mediaType: OCI_MANIFEST }
      const document = { ...start, config, layers: [...seen.values()] }
      const mediaType = current?.mediaType ?? OCI_MANIFEST
      return { mediaType, bytes: Buffer.from(JSON.stringify(document)) }
    },
    conflict: (tries: number) =>
      new CountersignError(
        'ERR_REFERRERS_CONFLICT',
        `${store.location} did not keep the signature at "${tag}"`,
        { hint: 'too many others write to the same tag; try again', details: { tag, tries } },
      ),
  }
  await updateTag(store, change, runtime)
}

/** A signature and its high-s twin are one layer. */
function identity({ digest, annotations = {} }: Descriptor): string {
  const text = annotations[SIGNATURE] ?? ''
  const signature = decodeSignature(annotations)
  return `${digest} ${signature === undefined ? text : encodeBase64(toCanonicalSignature(signature))}`
}

/** The configuration cosign gives these manifests: an image of nothing but its layers. */
async function writeConfig(
  store: TagStore,
  layers: readonly JsonObject[],
  options: CallOptions,
): Promise<JsonObject> {
  const created = '0001-01-01T00:00:00Z'
  const config = {
    architecture: '',
    created,
    history: layers.map(() => ({ created })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  }
  const bytes = Buffer.from(JSON.stringify(config))
  return serializeDescriptor(await store.writeBlob(bytes, IMAGE_CONFIG, options))
}

function parseTagged(
  { mediaType, bytes }: TaggedManifest,
  tag: string,
  store: TagStore,
): ImageManifest {
  const manifest = isManifestType(mediaType) ? parseImageManifest(bytes) : undefined
  if (manifest !== undefined && manifest.layers.length <= MAX_LAYERS) return manifest
  const what =
    manifest === undefined ? printableExcerpt(mediaType) : `${manifest.layers.length} layers`
  throw new CountersignError(
    'ERR_MANIFEST_INVALID',
    `the tag "${tag}" of ${store.location} holds "${what}", not signatures`,
    { hint: 'move what was pushed to this tag elsewhere; nothing was overwritten' },
  )
}
