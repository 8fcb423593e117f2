/**
 * Pushing blobs and manifests (distribution-spec v1.1, Push).
 *
 * @packageDocumentation
 */
import { type Digest, digestOf } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import type { AddressedDescriptor } from '../formats/oci-manifest.ts'
import type { CallOptions } from './artifact-store.ts'
import type { HttpResponse } from './http.ts'
import { parseErrorBody, registryError } from './registry-error.ts'
import { assertNoDowngrade } from './registry-host.ts'
import type { Repository } from './repository.ts'
import { retryDelay } from '../basics/retry-delay.ts'

/** A manifest to be pushed. */
export interface ManifestUpload extends CallOptions {
  /** Tag, or the digest of the bytes. */
  readonly reference: string
  readonly bytes: Uint8Array
  readonly mediaType: string
  /** `If-Match` or `If-None-Match`: honoured by few registries, harmless to the others. */
  readonly condition?: Readonly<Record<string, string>> | undefined
}

/** Pushes a blob that is not there yet. */
export async function pushBlob(
  repository: Repository,
  bytes: Uint8Array,
  mediaType: string,
  options: CallOptions = {},
): Promise<AddressedDescriptor> {
  const digest = digestOf(bytes)
  const descriptor = { mediaType, digest, size: bytes.length }
  if (await hasBlob(repository, digest, options)) return descriptor
  const upload = await startUpload(repository, options)
  const stored = await repository.send(withDigest(upload, digest), {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: toBody(bytes),
    isWrite: true,
    ...options,
  })
  // A repeated PUT finds its upload gone if the first arrived but its answer did not.
  const isStored = stored.status === 201 || (await hasBlob(repository, digest, options))
  if (!isStored) throw registryError(stored, `upload a blob to ${repository.location}`)
  return descriptor
}

/** How a registry refuses a manifest while it is still busy with the blobs it names. */
const UNSETTLED: ReadonlySet<string> = new Set([
  'BLOB_UNKNOWN',
  'MANIFEST_BLOB_UNKNOWN',
  // docker-registry 2 reads a blob's link while another upload of the same blob writes it.
  'DIGEST_INVALID',
])
const SETTLE_TRIES = 5

/**
 * Pushes a manifest. Answers undefined where the registry honours the condition and it does not hold.
 *
 * @throws {@link CountersignError} by the registry's refusal
 */
export async function pushManifest(
  repository: Repository,
  upload: ManifestUpload,
): Promise<HttpResponse | undefined> {
  const { reference, bytes, mediaType, condition, signal } = upload
  const { runtime } = repository
  for (let tries = 1; ; tries += 1) {
    const answer = await repository.send(`manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': mediaType, ...condition },
      body: toBody(bytes),
      isWrite: true,
      signal,
    })
    if (answer.status === 412 && condition !== undefined) return undefined
    if (answer.status === 201 || answer.status === 200) return answer
    // All it names was pushed before it and its digest is ours: such a refusal passes.
    const isUnsettled = UNSETTLED.has(parseErrorBody(answer.body).code)
    if (!isUnsettled || tries === SETTLE_TRIES) {
      throw registryError(answer, `write "${reference}" to ${repository.location}`)
    }
    await runtime.pause(retryDelay(tries, undefined, runtime), signal)
  }
}

async function hasBlob(
  repository: Repository,
  digest: Digest,
  options: CallOptions,
): Promise<boolean> {
  const answer = await repository.send(`blobs/${digest}`, {
    method: 'HEAD',
    isWrite: true,
    ...options,
  })
  // A registry that refuses HEAD is sent the blob; what it says to that counts.
  if (answer.status < 500 && answer.status !== 408 && answer.status !== 429)
    return answer.status === 200
  if (answer.status === 501) return false
  throw registryError(answer, `look for a blob in ${repository.location}`)
}

/**
 * Starts an upload and answers where to send it: the address may be on another host.
 *
 * @throws {@link CountersignError} ERR_REGISTRY_PROTOCOL — no address, or one that leaves TLS; and the
 * registry's refusals
 */
export async function startUpload(repository: Repository, options: CallOptions): Promise<URL> {
  const answer = await repository.send('blobs/uploads/', {
    method: 'POST',
    isWrite: true,
    ...options,
  })
  const { status, headers, url } = answer
  if (status !== 202) throw registryError(answer, `start an upload to ${repository.location}`)
  const location = headers.get('location') ?? ''
  const target = location === '' ? null : URL.parse(location, url.href)
  if (target === null) {
    throw new CountersignError('ERR_REGISTRY_PROTOCOL', `${url.host} names no place to upload to`)
  }
  assertNoDowngrade(url, target)
  return target
}

/** Adds the digest as text: URLSearchParams would re-encode the registry's own parameters. */
function withDigest(upload: URL, digest: Digest): URL {
  const query = `digest=${encodeURIComponent(digest)}`
  const target = new URL(upload)
  target.search = upload.search === '' ? query : `${upload.search}&${query}`
  return target
}

function toBody(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}
