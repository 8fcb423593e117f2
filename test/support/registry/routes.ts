/** The answers of a registry double to requests that are allowed, each a function of its content. */
import type { IncomingHttpHeaders } from 'node:http'
import { digestOf } from '../../../src/crypto/digest.ts'
import type { RepositoryContent } from './content.ts'
import type { Switches } from './switches.ts'

/** One answer. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer
}

/** One request below `/v2/NAME/KIND/REFERENCE`. */
export interface Call {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly name: string
  /** Tag, digest, or `uploads/…`. */
  readonly reference: string
  readonly content: RepositoryContent
  readonly switches: Switches
  /** Begins of absolute addresses. */
  readonly origins: { readonly registry: string; readonly elsewhere: string }
}

const INDEX = 'application/vnd.oci.image.index.v1+json'

/** An answer with a registry's error document. */
export function fail(status: number, code: string, message: string = code.toLowerCase()): Answer {
  const headers = { 'content-type': 'application/json' }
  return { status, headers, body: JSON.stringify({ errors: [{ code, message }] }) }
}

/** Manifests: GET, HEAD and PUT by tag or digest. */
export function answerManifest(call: Call): Answer {
  if (call.method === 'PUT') return putManifest(call)
  const { content, reference, switches, url } = call
  const digest = reference.includes(':') ? reference : content.readTag(reference)
  const manifest = content.manifests.get(digest ?? '')
  if (digest === undefined || manifest === undefined) return fail(404, 'MANIFEST_UNKNOWN')
  const body = switches.tamper?.(url.pathname, manifest.bytes) ?? manifest.bytes
  const telling = { 'docker-content-digest': digest, 'content-length': String(body.length) }
  const isSilent = call.method === 'HEAD' && !switches.isHeadTelling
  const headers = { 'content-type': manifest.mediaType, etag: `"${digest}"` }
  return { status: 200, headers: isSilent ? headers : { ...headers, ...telling }, body }
}

function putManifest({ content, reference, body, headers, switches }: Call): Answer {
  const digest = digestOf(body)
  if (reference.includes(':')) {
    if (reference !== digest) return fail(400, 'DIGEST_INVALID')
  } else {
    const refusal = refuseTag({ reference, digest, content, headers, switches })
    if (refusal !== undefined) return refusal
    content.putTag(reference, digest, switches)
  }
  const mediaType = headers['content-type'] ?? ''
  const subject = content.putManifest({ mediaType, bytes: body }, switches)
  const { ociSubject, referrersApi } = switches
  const isAnnounced = ociSubject === 'always' || (ociSubject === 'honest' && referrersApi === 'on')
  const announced = subject !== undefined && isAnnounced ? { 'oci-subject': subject } : {}
  return { status: 201, headers: { 'docker-content-digest': digest, ...announced }, body: '' }
}

function refuseTag({
  reference,
  digest,
  content,
  headers,
  switches,
}: Pick<Call, 'reference' | 'content' | 'headers' | 'switches'> & {
  digest: string
}): Answer | undefined {
  const before = content.tagNow(reference)
  if (switches.areTagsImmutable && before !== undefined && before !== digest) {
    return fail(400, 'TAG_INVALID', 'the tag is immutable')
  }
  if (!switches.honoursConditions) return undefined
  const match = headers['if-match']
  const isNew = headers['if-none-match'] !== '*' || before === undefined
  const isSame = match === undefined || match === `"${before ?? ''}"`
  return isNew && isSame ? undefined : fail(412, 'PRECONDITION')
}

/** Blobs: GET and HEAD by digest, POST, PUT and DELETE of uploads. */
export function answerBlob(call: Call): Answer {
  if (call.method === 'POST') return startUpload(call)
  if (call.method === 'PUT') return finishUpload(call)
  const { content, reference, switches, url } = call
  if (call.method === 'DELETE') {
    const isThere = content.uploads.delete(reference.replace('uploads/', ''))
    return isThere ? { status: 204, headers: {}, body: '' } : fail(404, 'BLOB_UPLOAD_UNKNOWN')
  }
  const blob = content.blobs.get(reference)
  if (blob === undefined) return fail(404, 'BLOB_UNKNOWN')
  const body = switches.tamper?.(url.pathname, blob) ?? blob
  return { status: 200, headers: { 'content-length': String(body.length) }, body }
}

function startUpload({ content, name, switches, origins }: Call): Answer {
  const { id, state } = content.startUpload()
  const origin = { relative: '', absolute: origins.registry, elsewhere: origins.elsewhere }
  const path = `/v2/${name}/blobs/uploads/${id}?_state=${state}`
  return { status: 202, headers: { location: `${origin[switches.uploads]}${path}` }, body: '' }
}

function finishUpload({ content, body, url, reference }: Call): Answer {
  const id = reference.replace('uploads/', '')
  const state = content.uploads.get(id)
  const digest = url.searchParams.get('digest') ?? ''
  if (state === undefined || !url.search.startsWith(`?_state=${state}&`)) {
    return fail(404, 'BLOB_UPLOAD_UNKNOWN')
  }
  if (digest !== digestOf(body)) return fail(400, 'DIGEST_INVALID')
  content.uploads.delete(id)
  content.blobs.set(digest, body)
  return { status: 201, headers: { 'docker-content-digest': digest }, body: '' }
}

/** The referrers API. */
export function answerReferrers({ content, reference, url, switches }: Call): Answer {
  const { referrersApi, filters, pageSize } = switches
  if (referrersApi === 'off') return fail(404, 'UNSUPPORTED')
  if (referrersApi === 'html') {
    return { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>hello</h1>' }
  }
  const type = url.searchParams.get('artifactType')
  const all = referrersApi === 'empty' ? [] : content.readReferrers(reference)
  const known = referrersApi === 'blind' ? all.slice(0, -1) : all
  const isFiltered = type !== null && filters === 'applied'
  const found = known.filter((one) => !isFiltered || one.artifactType === type)
  const start = Number(url.searchParams.get('start') ?? 0)
  const next = new URLSearchParams(url.searchParams)
  next.set('start', String(start + pageSize))
  const headers = {
    'content-type': INDEX,
    ...(type !== null && filters !== 'ignored' && { 'oci-filters-applied': 'artifactType' }),
    ...(start + pageSize < found.length && {
      link: `<${url.pathname}?${next.toString()}>; rel="next"`,
    }),
  }
  const manifests = found.slice(start, start + pageSize)
  const body = JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests })
  return { status: 200, headers, body }
}
