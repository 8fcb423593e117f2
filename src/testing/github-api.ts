/**
 * A double of GitHub's API: keeps attestations that are uploaded, serves them as GitHub does since July
 * 2026 (a `bundle_url` to another host, snappy, fetched without the token), keeps storage records, and fails
 * as a test says.
 *
 * @packageDocumentation
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { startLoopbackServer } from './loopback.ts'

/** How the API answers one request. */
export interface GitHubAnswer {
  /** Default: what the double does by itself. */
  readonly status?: number
  /** Default `{ message: '…' }`, as GitHub's refusals. */
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  /** Time before it answers; `Infinity`: it never does. */
  readonly delayMs?: number
}

/** One request as it came. */
export interface GitHubRequest {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly authorization: string | undefined
}

/** A running double. */
export interface GitHubApi extends AsyncDisposable {
  readonly url: string
  /** The address by the name a step knows it by. */
  readonly variables: Readonly<Record<string, string>>
  readonly requests: readonly GitHubRequest[]
  /** Bundles that were taken, in order; the id of the first is 1. */
  readonly bundles: readonly object[]
  /** Storage records that were created, in order; the id of the first is 1. */
  readonly storageRecords: readonly object[]
  /**
   * Sets the answers to the next requests whose `METHOD /path?query` matches; the last one stays. What is
   * set later goes first.
   */
  answer(on: RegExp, ...answers: readonly GitHubAnswer[]): void
}

/**
 * Starts a double.
 *
 * @example
 * ```ts
 * import { startGitHubApi } from 'countersign/testing'
 *
 * await using github = await startGitHubApi()
 * github.answer(/^GET /, { status: 503 })
 * const { status } = await fetch(`${github.variables['GITHUB_API_URL']}/repos/acme/widget`)
 * console.log(status) // 503
 * ```
 */
export async function startGitHubApi(): Promise<GitHubApi> {
  const requests: GitHubRequest[] = []
  const bundles: object[] = []
  const storageRecords: object[] = []
  const plans: { readonly on: RegExp; readonly answers: GitHubAnswer[] }[] = []
  const server = await startLoopbackServer((request, response) => {
    const { method = '', url: path = '', headers } = request
    requests.push({ method, path, authorization: headers.authorization })
    const { answers = [] } = plans.find(({ on }) => on.test(`${method} ${path}`)) ?? {}
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? {}
    const exchange = { request, response, bundles, storageRecords, base: server.origin }
    serve(exchange, answer).catch(() => {
      response.destroy()
    })
  })
  return {
    url: server.origin,
    variables: { GITHUB_API_URL: server.origin },
    requests,
    bundles,
    storageRecords,
    answer: (on, ...answers) => {
      plans.unshift({ on, answers: [...answers] })
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly bundles: object[]
  readonly storageRecords: object[]
  readonly base: string
}

async function serve(exchange: Exchange, answer: GitHubAnswer): Promise<void> {
  const { status, headers = {}, delayMs = 0 } = answer
  if (delayMs === Infinity) return
  if (delayMs > 0) await sleep(delayMs, undefined, { ref: false })
  for (const [name, value] of Object.entries(headers)) exchange.response.setHeader(name, value)
  if (status === undefined) return serveKept(exchange)
  send(exchange.response, status, answer.body ?? { message: `status ${status}` })
}

const STORAGE_RECORD = /^\/orgs\/[^/]+\/artifacts\/metadata\/storage-record$/

async function keepRecord({ request, response, storageRecords }: Exchange): Promise<void> {
  const record = (await json(request)) as object
  const id = storageRecords.push(record)
  send(response, 200, { total_count: 1, storage_records: [{ id, ...record }] })
}

async function serveKept(exchange: Exchange): Promise<void> {
  const { request, response, bundles } = exchange
  const { method, url = '' } = request
  const [, blob] = /^\/blobs\/(\d+)$/.exec(url) ?? []
  const [, digest] = /^\/repos\/[^/]+\/[^/]+\/attestations\/([^/?]+)/.exec(url) ?? []
  if (method === 'POST' && /^\/repos\/[^/]+\/[^/]+\/attestations$/.test(url)) {
    const { bundle } = (await json(request)) as { bundle: object }
    send(response, 201, { id: bundles.push(bundle) })
  } else if (method === 'POST' && STORAGE_RECORD.test(url)) await keepRecord(exchange)
  else if (blob !== undefined) sendBlob(exchange, bundles[Number(blob) - 1])
  else if (digest !== undefined) listAttestations(exchange, decodeURIComponent(digest))
  else send(response, 404, { message: 'Not Found' })
}

function listAttestations({ response, bundles, base }: Exchange, digest: string): void {
  const attestations = bundles.flatMap((bundle, index) =>
    isAbout(bundle, digest)
      ? [{ bundle: null, bundle_url: `${base}/blobs/${index + 1}`, repository_id: 1 }]
      : [],
  )
  send(response, attestations.length === 0 ? 404 : 200, { attestations })
}

function isAbout(bundle: object, digest: string): boolean {
  const { dsseEnvelope } = bundle as { dsseEnvelope?: { payload: string } }
  const payload = Buffer.from(dsseEnvelope?.payload ?? '', 'base64').toString()
  return payload.includes(digest.replace(/^sha256:/, ''))
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

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
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
