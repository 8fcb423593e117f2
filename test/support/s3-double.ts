/** The few calls of S3 that countersign makes, over HTTP; the interop suite holds an emulator to the same contract. */
import { hashBytes } from '../../src/crypto/digest.ts'
import {
  type LoopbackAnswer,
  type LoopbackRequest,
  type LoopbackServer,
  startLoopbackServer,
} from './loopback-server.ts'

/** A bucket in memory. */
export interface S3Double extends LoopbackServer {
  /** `host:port` for a reference's `endpoint`. */
  readonly endpoint: string
  /** Bodies by key. */
  readonly objects: Map<string, Uint8Array>
  /** Answers all calls from now on instead of the bucket; undefined: the bucket again. */
  failing: LoopbackAnswer | undefined
}

/** Starts a server with the one bucket `bucket`. */
export async function startS3Double(): Promise<S3Double> {
  const objects = new Map<string, Uint8Array>()
  const state: { failing: LoopbackAnswer | undefined } = { failing: undefined }
  const server = await startLoopbackServer((request) => state.failing ?? answer(objects, request))
  return Object.assign(state, { ...server, endpoint: new URL(server.url).host, objects })
}

/** Makes a refusal as S3 words it. */
export function s3Error(status: number, code: string): LoopbackAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`
  return { status, body, contentType: 'application/xml' }
}

function answer(
  objects: Map<string, Uint8Array>,
  { body, headers, method, path }: LoopbackRequest,
): LoopbackAnswer {
  const [, bucket, ...parts] = new URL(path, 'http://s3').pathname.split('/')
  if (bucket !== 'bucket') return s3Error(404, 'NoSuchBucket')
  const key = parts.map(decodeURIComponent).join('/')
  const stored = objects.get(key)
  if (method === 'GET') {
    if (stored === undefined) return s3Error(404, 'NoSuchKey')
    return { status: 200, body: stored, headers: { etag: etagOf(stored) } }
  }
  if (method === 'DELETE') {
    objects.delete(key)
    return { status: 204 }
  }
  const seen = headers['if-match']
  if (headers['if-none-match'] === '*' && stored !== undefined) {
    return s3Error(412, 'PreconditionFailed')
  }
  if (seen !== undefined && stored === undefined) return s3Error(404, 'NoSuchKey')
  if (seen !== undefined && stored !== undefined && seen !== etagOf(stored)) {
    return s3Error(412, 'PreconditionFailed')
  }
  objects.set(key, body)
  return { status: 200, headers: { etag: etagOf(body) } }
}

function etagOf(bytes: Uint8Array): string {
  return `"${Buffer.from(hashBytes('sha256', bytes)).toString('hex').slice(0, 32)}"`
}
