/**
 * `fetch` through the proxies of the environment. Node's own reads them only where `NODE_USE_ENV_PROXY` is set, knows no
 * networks in `NO_PROXY`, and asks for a tunnel to plain http servers, which proxies refuse.
 *
 * @packageDocumentation
 */
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { CountersignError } from '../errors.ts'
import { createAgent, ProxyingAgent, proxyRefusal, toProxyError } from './proxied-connections.ts'
import { namesProxy, type Proxies, type ProxyVariables, readProxies } from './proxies.ts'

const MAX_REDIRECTS = 5
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/** What a fetch trusts beside the environment. */
export interface FetchOptions {
  /** Certificates of the authorities that https servers are trusted by, in place of the usual ones; PEM. */
  readonly ca?: Buffer
}

/** Makes a fetch by the variables of an environment; Node's own where they name no proxy and no authority is given. */
export function createFetch(env: ProxyVariables, { ca }: FetchOptions = {}): typeof fetch {
  if (!namesProxy(env) && ca === undefined) return globalThis.fetch
  const proxies = readProxies(env)
  const agent = new ProxyingAgent(proxies, { keepAlive: true, ...(ca && { ca }) })
  return async (input, init) => {
    const request = new Request(input, init)
    const body = request.body === null ? undefined : Buffer.from(await request.arrayBuffer())
    const send = (url: URL, headers: Headers): Promise<Response> =>
      exchange(url, { request, headers, body, proxies, agent })
    return request.redirect === 'follow'
      ? follow(request, send)
      : send(urlOf(request), request.headers)
  }
}

function urlOf({ url }: Request): URL {
  return new URL(url)
}

async function follow(
  request: Request,
  send: (url: URL, headers: Headers) => Promise<Response>,
): Promise<Response> {
  let url = urlOf(request)
  const headers = new Headers(request.headers)
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const answer = await send(url, headers)
    const location = answer.headers.get('location')
    const isFollowed = REDIRECTS.has(answer.status) && ['GET', 'HEAD'].includes(request.method)
    if (!isFollowed || location === null) return answer
    await answer.body?.cancel()
    const target = new URL(location, url)
    // A login is for the server it was given for.
    if (target.origin !== url.origin) headers.delete('authorization')
    url = target
  }
  throw new TypeError('fetch failed', { cause: new Error(`more than ${MAX_REDIRECTS} redirects`) })
}

interface Exchange {
  readonly request: Request
  readonly headers: Headers
  readonly body: Uint8Array | undefined
  readonly proxies: Proxies
  readonly agent: ProxyingAgent
}

async function exchange(url: URL, exchange: Exchange): Promise<Response> {
  const proxy = exchange.proxies.proxyFor(url)
  try {
    const incoming = await send(url, proxy, exchange)
    const { statusCode: status = 0 } = incoming
    if (proxy !== undefined && status === 407) {
      incoming.destroy()
      throw proxyRefusal(status, url, proxy)
    }
    return toResponse(incoming, exchange.request.method)
  } catch (cause) {
    if (CountersignError.is(cause)) throw cause
    exchange.request.signal.throwIfAborted()
    throw (proxy && toProxyError(cause, url, proxy)) ?? new TypeError('fetch failed', { cause })
  }
}

/** Sends a request and answers as soon as the headers are there. */
function send(
  url: URL,
  proxy: URL | undefined,
  { request, headers, body, agent }: Exchange,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const isSecure = url.protocol === 'https:'
  const sent = (isSecure ? httpsRequest : httpRequest)(
    url,
    {
      method: request.method,
      headers: Object.fromEntries(headers),
      agent: isSecure ? agent : createAgent(false, proxy),
      signal: request.signal,
    },
    resolve,
  )
  sent.on('error', reject)
  sent.end(body)
  return promise
}

function toResponse(incoming: IncomingMessage, method: string): Response {
  const { statusCode: status = 0, rawHeaders } = incoming
  const headers = new Headers()
  rawHeaders.forEach((name, index) => {
    if (index % 2 === 0) headers.append(name, rawHeaders[index + 1] ?? '')
  })
  if (method !== 'HEAD' && !BODILESS.has(status)) {
    return new Response(Readable.toWeb(incoming) as ReadableStream<Uint8Array>, { status, headers })
  }
  incoming.resume()
  return new Response(null, { status, headers })
}
