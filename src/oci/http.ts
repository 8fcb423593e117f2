/**
 * One HTTP request as registries need it: in bounded time, with bounded answers, repeated where that
 * may help, credentials never sent to another origin than they are for. Every answer may be hostile.
 *
 * @packageDocumentation
 */
import { readStart } from '../basics/body.ts'
import { withinDeadline } from '../basics/deadline.ts'
import { CountersignError } from '../errors.ts'
import { isPassing, networkError } from './network-error.ts'
import { assertNoDowngrade } from './registry-host.ts'
import { isLongWait, retryDelay } from '../basics/retry-delay.ts'
import type { Runtime } from '../basics/runtime.ts'

/** What is asked. Repeating it must be harmless, as it is for all of the registry API. */
export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Uint8Array<ArrayBuffer> | undefined
  /** Value of `Authorization`; left out as soon as a redirect leaves the URL's origin. */
  readonly authorization?: string | undefined
  /** Longest answer that is taken, in bytes. */
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
}

/** What was answered, whole. */
export interface HttpResponse {
  readonly status: number
  readonly headers: Headers
  /** Of an answer that is an error, the first 64 KiB. */
  readonly body: Uint8Array
  /** Where the answer came from, after redirects. */
  readonly url: URL
}

/** Sends one request. */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>

/** How requests are sent. */
export interface HttpOptions {
  readonly runtime: Runtime
  /** Time for one try, its answer included; default 30 s. */
  readonly timeoutMs?: number | undefined
  /** Tries in all; default 5. */
  readonly maxTries?: number | undefined
}

const MAX_REDIRECTS = 5
const MAX_ERROR_BYTES = 64 * 1024
const RETRIED: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504])
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/**
 * Makes a client that answers any status, repeating 408, 429, 5xx and broken connections with growing
 * pauses, unless the server asks to wait longer than two minutes.
 *
 * @throws {@link CountersignError} from the client: ERR_NETWORK; ERR_TIMEOUT; ERR_CANCELLED — by the
 * request's signal; ERR_INPUT_TOO_LARGE — an answer over `maxBytes`; ERR_REGISTRY_PROTOCOL — redirects in
 * circles, to nowhere or out of TLS
 */
export function createHttpClient(options: HttpOptions): HttpClient {
  const { runtime, maxTries = 5 } = options
  return async (request) => {
    for (let tries = 1; ; tries += 1) {
      const isLast = tries >= maxTries
      const answer = await attempt(request, options).catch((error: unknown) => {
        if (isLast || !CountersignError.is(error, 'ERR_NETWORK') || !isPassing(error)) throw error
        return undefined
      })
      if (answer !== undefined && (isLast || !RETRIED.has(answer.status))) return answer
      const retryAfter = answer?.headers.get('retry-after')
      if (answer !== undefined && isLongWait(retryAfter, runtime.now())) return answer
      const wait = retryDelay(tries, retryAfter, runtime)
      await runtime.pause(wait, request.signal)
    }
  }
}

/** One try: all redirects and the whole answer under one deadline. */
async function attempt(request: HttpRequest, options: HttpOptions): Promise<HttpResponse> {
  const { runtime, timeoutMs = 30_000 } = options
  const { url: first, signal: cancelled } = request
  const deadline = runtime.deadline(timeoutMs)
  const failed = (cause: unknown): CountersignError => networkError(first, cause)
  const timed = { url: first, timeoutMs, deadline, signal: cancelled, failed }
  return withinDeadline(timed, (signal) =>
    follow(request, (url) => exchange(request, url, { fetch: runtime.fetch, signal })),
  )
}

async function follow(
  request: HttpRequest,
  send: (url: URL) => Promise<HttpResponse>,
): Promise<HttpResponse> {
  let url = request.url
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const answer = await send(url)
    if (!REDIRECTS.has(answer.status)) return answer
    url = redirectTarget(request, url, answer)
  }
  throw protocolError(request.url, `more than ${MAX_REDIRECTS} redirects`)
}

function redirectTarget(request: HttpRequest, from: URL, answer: HttpResponse): URL {
  const location = answer.headers.get('location') ?? ''
  const keepsMethod = answer.status === 307 || answer.status === 308
  if (!keepsMethod && request.method !== 'GET' && request.method !== 'HEAD') {
    throw protocolError(from, `${answer.status} in answer to ${request.method}`)
  }
  const to = location === '' ? null : URL.parse(location, from.href)
  if (to === null) throw protocolError(from, 'a redirect to no address')
  assertNoDowngrade(from, to)
  return to
}

async function exchange(
  request: HttpRequest,
  url: URL,
  { fetch, signal }: { fetch: Runtime['fetch']; signal: AbortSignal },
): Promise<HttpResponse> {
  const { method, body = null, authorization } = request
  const headers = new Headers(request.headers)
  headers.set('user-agent', 'countersign')
  // Digests and lengths are of the content itself.
  headers.set('accept-encoding', 'identity')
  if (authorization !== undefined && url.origin === request.url.origin) {
    headers.set('authorization', authorization)
  }
  const answer = await fetch(url, { method, body, headers, signal, redirect: 'manual' })
  return {
    status: answer.status,
    headers: answer.headers,
    body: answer.ok
      ? await readWhole(answer, request)
      : await readStart(answer.body, MAX_ERROR_BYTES),
    url,
  }
}

async function readWhole(answer: Response, { url, maxBytes }: HttpRequest): Promise<Uint8Array> {
  const body = await readStart(answer.body, maxBytes + 1)
  if (body.length <= maxBytes) return body
  throw new CountersignError('ERR_INPUT_TOO_LARGE', `${url.host} answers over ${maxBytes} bytes`, {
    details: { host: url.host, maxBytes },
  })
}

function protocolError(url: URL, why: string): CountersignError {
  return new CountersignError('ERR_REGISTRY_PROTOCOL', `${url.host} breaks the protocol: ${why}`, {
    details: { host: url.host },
  })
}
