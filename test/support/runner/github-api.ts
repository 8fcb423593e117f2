/**
 * A double of GitHub's attestations API: keeps what is uploaded, serves it as GitHub does since July 2026
 * (a `bundle_url` to another host, snappy, fetched without the token), and refuses in GitHub's words.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'

/** How the API answers uploads. */
export type UploadAnswer =
  | { readonly status: 201 }
  | {
      readonly status: 403 | 422 | 429 | 500 | 503
      readonly message: string
      readonly retryAfter?: number
    }
  /** Never answers. */
  | { readonly status: 'hang' }

/** One request as it came. */
export interface GitHubRequest {
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
}

/** A running double. */
export interface GitHubApi extends AsyncDisposable {
  /** For `GITHUB_API_URL`. */
  readonly url: string
  readonly requests: readonly GitHubRequest[]
  /** Bundles that were taken, in order; the id of the first is 1. */
  readonly bundles: readonly object[]
  /** Sets the answers to the next uploads; the last one stays. */
  answerUploads(...answers: readonly UploadAnswer[]): void
}

/** Starts a double on loopback. */
export async function startGitHubApi(): Promise<GitHubApi> {
  const requests: GitHubRequest[] = []
  const bundles: object[] = []
  let answers: readonly UploadAnswer[] = [{ status: 201 }]
  const next = (): UploadAnswer => {
    const [answer = { status: 201 }, ...rest] = answers
    if (rest.length > 0) answers = rest
    return answer
  }
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request
    requests.push({ method, path: url, authorization: headers.authorization })
    void serve({ request, response, bundles, next, base: address() })
  })
  const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: address(),
    requests,
    bundles,
    answerUploads: (...list) => {
      answers = list
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly bundles: object[]
  readonly next: () => UploadAnswer
  readonly base: string
}

async function serve(exchange: Exchange): Promise<void> {
  const { request, response, bundles, base } = exchange
  const { method, url = '' } = request
  const [, blob] = /^\/blobs\/(\d+)$/.exec(url) ?? []
  const [, digest] = /^\/repos\/[^/]+\/[^/]+\/attestations\/([^/?]+)/.exec(url) ?? []
  if (method === 'POST' && /^\/repos\/[^/]+\/[^/]+\/attestations$/.test(url)) await upload(exchange)
  else if (blob !== undefined) sendBlob(exchange, bundles[Number(blob) - 1])
  else if (digest !== undefined) {
    const found = bundles
      .map((bundle, index) => ({ bundle, index }))
      .filter(({ bundle }) => isAbout(bundle, decodeURIComponent(digest)))
    const attestations = found.map(({ index }) => ({
      bundle: null,
      bundle_url: `${base}/blobs/${index + 1}`,
      repository_id: 1,
    }))
    send(response, found.length === 0 ? 404 : 200, { attestations })
  } else send(response, 404, { message: 'Not Found' })
}

async function upload({ request, response, bundles, next }: Exchange): Promise<void> {
  const body = (await json(request)) as { bundle: object }
  const answer = next()
  if (answer.status === 'hang') return
  if (answer.status === 201) {
    bundles.push(body.bundle)
    send(response, 201, { id: bundles.length })
    return
  }
  if (answer.retryAfter !== undefined) response.setHeader('retry-after', answer.retryAfter)
  send(response, answer.status, { message: answer.message, status: String(answer.status) })
}

/** A pre-signed address knows its reader by itself: GitHub's blob store refuses an Authorization header. */
function sendBlob({ request, response }: Exchange, bundle: object | undefined): void {
  if (request.headers.authorization !== undefined) {
    send(response, 400, { message: 'Authorization is not expected here' })
  } else if (bundle === undefined) send(response, 404, { message: 'Not Found' })
  else {
    response.writeHead(200, { 'content-type': 'application/x-snappy' })
    response.end(toSnappy(Buffer.from(JSON.stringify(bundle))))
  }
}

function isAbout(bundle: object, digest: string): boolean {
  const { dsseEnvelope } = bundle as { dsseEnvelope?: { payload: string } }
  const payload = Buffer.from(dsseEnvelope?.payload ?? '', 'base64').toString()
  return payload.includes(digest.replace(/^sha256:/, ''))
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body)
  const etag = createHash('sha256').update(text).digest('hex')
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', etag })
  response.end(text)
}

/** Snappy's block format with literals alone: nothing is made smaller, and every reader reads it. */
function toSnappy(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from(toVarint(bytes.length))]
  for (let at = 0; at < bytes.length; at += 0x10000) {
    const literal = bytes.subarray(at, at + 0x10000)
    const length = literal.length - 1
    parts.push(Buffer.from([61 << 2, length & 0xff, length >> 8]), literal)
  }
  return Buffer.concat(parts)
}

function toVarint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...toVarint(value >>> 7)]
}
