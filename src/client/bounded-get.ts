/**
 * One HTTPS GET of a small public document from a host that may be hostile, or may be pointed at us: in
 * bounded time, with a bounded answer, over TLS, to public addresses, without leaving its origin.
 *
 * `fetch` can't do this: which address it connects to is not told before the request is sent, so a name
 * that resolves to a public address when it is checked and to a private one afterwards (DNS rebinding)
 * would get through. Here the address is judged by the lookup of the very connection.
 *
 * @packageDocumentation
 */
import { lookup as systemLookup, type LookupAddress } from 'node:dns'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { readStart } from '../basics/body.ts'
import { withinDeadline } from '../basics/deadline.ts'
import { CountersignError } from '../errors.ts'
import { connectionHint } from './connection-hint.ts'
import { createAgent, toProxyError } from './proxied-connections.ts'
import type { Proxies } from './proxies.ts'
import { isLoopbackAddress, isPublicAddress } from './public-address.ts'

/** What is asked for. */
export interface BoundedGetRequest {
  readonly url: URL
  /** Media types that are taken, without parameters; any where left out. */
  readonly mediaTypes?: readonly string[]
  /** Default 256 KiB. */
  readonly maxBytes?: number
  /** For everything together: name, connection, redirects, answer; default 5 s. */
  readonly timeoutMs?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Sent to the address itself, and with no redirect. */
  readonly bearerToken?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** What was answered, whole; its status is 200 or 304. */
export interface BoundedGetAnswer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Uint8Array
}

/** Gets one document. */
export type BoundedGet = (request: BoundedGetRequest) => Promise<BoundedGetAnswer>

/** What a {@link BoundedGet} may do. */
export interface BoundedGetOptions {
  /**
   * Also private, link-local and loopback addresses, and plain http to loopback; for a server in a
   * cluster, and for tests. Never where a caller chooses the address.
   */
  readonly allowPrivateAddresses?: boolean | undefined
  /** PEM of certificate authorities to trust instead of the system's. */
  readonly ca?: string | undefined
  /** Proxies that addresses are reached through, which then look up names for us; default: none. */
  readonly proxies?: Proxies | undefined
  /** Default: the system's; a test names its own. */
  readonly lookup?: LookupFunction | undefined
}

const MAX_BYTES = 256 * 1024
const TIMEOUT_MS = 5000
const MAX_REDIRECTS = 2
/** Nothing that is decoded can be a bomb; `identity` means as it is (RFC 9110 section 8.4.1). */
const PLAIN_ENCODINGS: ReadonlySet<string> = new Set(['', 'identity'])
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Makes the error of an answer that can't be used; the host is configured, so it may be named. */
function unusable(
  url: URL,
  why: string,
  { hint, status }: { readonly hint?: string; readonly status?: number } = {},
): CountersignError {
  return new CountersignError('ERR_NETWORK', `no usable answer from ${url.host}: ${why}`, {
    hint: hint ?? `check what ${url.origin}${url.pathname} serves, and try again`,
    details: { host: url.host, ...(status !== undefined && { status }) },
  })
}

/**
 * Makes a getter. What a name that is reached through a proxy stands for is for the proxy to judge; addresses
 * written as such are judged here all the same.
 *
 * @throws {@link CountersignError} from the getter: ERR_NETWORK — not reached, an address that may not
 * be connected to, another status than 200 or 304, another media type, too long, a redirect that leaves
 * the origin; ERR_TIMEOUT; ERR_CANCELLED — by the request's signal
 *
 * @example
 * ```ts
 * import { createBoundedGet } from 'countersign'
 *
 * const get = createBoundedGet({ allowPrivateAddresses: true })
 * const url = new URL('https://sign.example.com/.well-known/jwks.json')
 * const { status } = await get({ url, maxBytes: 65_536 })
 * console.log(status) // 200
 * ```
 */
export function createBoundedGet(options: BoundedGetOptions = {}): BoundedGet {
  const { allowPrivateAddresses = false, ca, lookup, proxies } = options
  const isAllowed = allowPrivateAddresses ? () => true : isPublicAddress
  const transport: Omit<Transport, 'lookup'> = {
    proxies,
    ...(ca !== undefined && { ca }),
  }
  return async (request) => {
    const { url, timeoutMs = TIMEOUT_MS } = request
    assertScheme(url, allowPrivateAddresses)
    // Node connects to a literal address without a lookup.
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    if (isIP(host) !== 0 && !isAllowed(host)) throw forbiddenAddress(url)
    const deadline = AbortSignal.timeout(timeoutMs)
    const timed = { url, timeoutMs, deadline, signal: request.signal, failed: failedAt(url) }
    const guarded = guardLookup(url, isAllowed, lookup ?? systemLookup)
    return withinDeadline(timed, (signal) =>
      follow(request, { ...transport, lookup: guarded, signal }),
    )
  }
}

/**
 * Makes a getter for an address that the operator of this program chose, which may be inside their network.
 * Otherwise like {@link createBoundedGet}.
 */
export function createChosenGet(proxies?: Proxies): BoundedGet {
  return createBoundedGet({ allowPrivateAddresses: true, proxies })
}

function assertScheme(url: URL, allowPrivateAddresses: boolean): void {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const isLoopback = host === 'localhost' || isLoopbackAddress(host)
  const isPlain = url.protocol === 'http:' && allowPrivateAddresses && isLoopback
  if (url.protocol !== 'https:' && !isPlain) {
    throw unusable(url, `"${url.protocol}" is not https`, { hint: 'use an https address' })
  }
  if (url.username !== '' || url.password !== '') {
    throw unusable(url, 'the address holds a password', { hint: 'leave it out of the address' })
  }
}

function forbiddenAddress(url: URL): CountersignError {
  const hint = 'if the server is meant to be inside your network, allow private addresses for it'
  return unusable(url, 'its address is not a public one', { hint })
}

function notThisMachine(url: URL): CountersignError {
  const why = 'plain http is for this machine alone, and its name resolves to another address'
  return unusable(url, why, { hint: 'use an https address' })
}

/** Lets the connection use an address only if all the name's addresses are allowed: no picking by luck. */
function guardLookup(
  url: URL,
  isAllowed: (address: string) => boolean,
  lookup: LookupFunction,
): LookupFunction {
  // Plain http is for this machine alone, whatever "localhost" resolves to.
  const isPlain = url.protocol === 'http:'
  const judge = isPlain ? isLoopbackAddress : isAllowed
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, address, family) => {
      const found: readonly LookupAddress[] =
        typeof address === 'string' ? [{ address, family: family ?? 0 }] : address
      const isFine = error !== null || found.every((one) => judge(one.address))
      if (isFine) callback(error, address, family)
      else if (isPlain) callback(notThisMachine(url), '', 0)
      else callback(forbiddenAddress(new URL(`https://${hostname}`)), '', 0)
    })
  }
}

/** How a request is sent. */
interface Transport extends RequestOptions {
  readonly proxies: Proxies | undefined
}

async function follow(request: BoundedGetRequest, transport: Transport): Promise<BoundedGetAnswer> {
  let { url } = request
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const bearerToken = hops === 0 ? request.bearerToken : undefined
    const answer = await exchange(url, { ...request, bearerToken }, transport)
    if (!REDIRECTS.has(answer.status)) return answer
    const target = URL.parse(answer.headers.location ?? '', url.href)
    if (target?.origin !== url.origin) throw unusable(url, 'it redirects to another place')
    url = target
  }
  throw unusable(request.url, `more than ${MAX_REDIRECTS} redirects`)
}

/** Sends one request and reads its answer; a redirect is answered without a body. */
function exchange(
  url: URL,
  request: BoundedGetRequest,
  transport: Transport,
): Promise<BoundedGetAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<BoundedGetAnswer>()
  const isPlain = url.protocol === 'http:'
  const { proxies, ...connection } = transport
  const proxy = proxies?.proxyFor(url)
  // An agent of its own keeps no connection.
  const agent = createAgent(!isPlain, proxy)
  const accept = request.mediaTypes?.join(', ') ?? '*/*'
  const headers = {
    'user-agent': 'countersign',
    ...request.headers,
    ...(request.bearerToken !== undefined && { authorization: `Bearer ${request.bearerToken}` }),
    accept,
    'accept-encoding': 'identity',
  }
  const options: RequestOptions = { ...connection, agent, headers }
  const sent = (isPlain ? httpRequest : httpsRequest)(url, options, (incoming) => {
    receive(incoming, url, request)
      .then(resolve, reject)
      .finally(() => sent.destroy())
  })
  sent.on('error', (error) => {
    reject((proxy && toProxyError(error, url, proxy)) ?? error)
  })
  sent.end()
  return promise
}

async function receive(
  incoming: IncomingMessage,
  url: URL,
  request: BoundedGetRequest,
): Promise<BoundedGetAnswer> {
  const { statusCode: status = 0, headers } = incoming
  if (REDIRECTS.has(status) || status === 304) return { status, headers, body: new Uint8Array() }
  if (status !== 200) throw unusable(url, `it answers with status ${status}`, { status })
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? ''
  if (!PLAIN_ENCODINGS.has(encoding)) {
    throw unusable(url, `its answer is encoded with "${encoding.slice(0, 40)}", expected identity`)
  }
  const { mediaTypes } = request
  if (mediaTypes?.includes(mediaTypeOf(headers['content-type'])) === false) {
    throw unusable(url, `its answer is of another type than ${mediaTypes.join(' or ')}`)
  }
  return { status, headers, body: await readBounded(incoming, url, request.maxBytes ?? MAX_BYTES) }
}

function mediaTypeOf(contentType = ''): string {
  return contentType.replace(/;.*$/s, '').trim().toLowerCase()
}

async function readBounded(
  incoming: AsyncIterable<Uint8Array>,
  url: URL,
  maxBytes: number,
): Promise<Uint8Array> {
  const body = await readStart(incoming, maxBytes + 1)
  if (body.length <= maxBytes) return body
  throw unusable(url, `its answer is over ${maxBytes} bytes`)
}

function failedAt({ host }: URL): (cause: unknown) => CountersignError {
  return (cause) => {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no connection'
    return new CountersignError('ERR_NETWORK', `no answer from ${host}: ${reason}`, {
      hint: connectionHint(reason),
      details: { host, reason },
      cause,
    })
  }
}
