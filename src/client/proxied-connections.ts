/**
 * Connections through the proxies of the environment, by Node's own agents: `CONNECT` for https, whole addresses for
 * plain http.
 *
 * @packageDocumentation
 */
import { Agent as HttpAgent, type AgentOptions } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { CountersignError } from '../errors.ts'
import { displayProxy, type Proxies } from './proxies.ts'

/** A proxy that does not answer must not keep the process. */
const TUNNEL_TIMEOUT_MS = 30_000

/** Makes the agent for addresses of one proxy, or for those that are reached directly. */
export function createAgent(isSecure: boolean, proxy: URL | undefined): HttpAgent | HttpsAgent {
  const options: AgentOptions = { timeout: TUNNEL_TIMEOUT_MS, ...toProxyOptions(proxy) }
  return isSecure ? new HttpsAgent(options) : new HttpAgent(options)
}

/** Without any, so that Node's own reading of the environment (`NODE_USE_ENV_PROXY`) counts for nothing. */
function toProxyOptions(proxy: URL | undefined): AgentOptions {
  if (proxy === undefined) return {}
  return { proxyEnv: { https_proxy: proxy.href, http_proxy: proxy.href } }
}

/** An agent for https that finds out for each connection whether it goes through a proxy. */
export class ProxyingAgent extends HttpsAgent {
  readonly #proxies: Proxies

  constructor(proxies: Proxies, options: AgentOptions) {
    super({ timeout: TUNNEL_TIMEOUT_MS, ...options })
    this.#proxies = proxies
  }

  override createConnection(
    ...args: Parameters<HttpsAgent['createConnection']>
  ): ReturnType<HttpsAgent['createConnection']> {
    const [{ host, port }] = args
    const name = host ?? 'localhost'
    const url = new URL(`https://${name.includes(':') ? `[${name}]` : name}:${port ?? 443}`)
    const proxy = this.#proxies.proxyFor(url)
    if (proxy === undefined) return super.createConnection(...args)
    return createAgent(true, proxy).createConnection(...args)
  }
}

/**
 * Makes the error of a connection that a proxy refused or that did not reach it; undefined where the failure is not
 * the proxy's.
 */
export function toProxyError(cause: unknown, url: URL, proxy: URL): CountersignError | undefined {
  const status = tunnelStatus(cause)
  if (status !== undefined) return proxyRefusal(status, url, proxy)
  if (!isUnreached(cause)) return undefined
  const name = displayProxy(proxy)
  const message = `no answer from the proxy ${name} for ${url.host}: ${codeOf(cause)}`
  const details = { host: url.host, proxy: name }
  return new CountersignError('ERR_NETWORK', message, { hint: hintFor(0), details, cause })
}

/** Makes the error of a proxy that answers with a status of its own. */
export function proxyRefusal(status: number, url: URL, proxy: URL): CountersignError {
  const name = displayProxy(proxy)
  const message = `the proxy ${name} refuses to connect to ${url.host}: status ${status}`
  const details = { host: url.host, proxy: name, status }
  return new CountersignError('ERR_NETWORK', message, { hint: hintFor(status), details })
}

function hintFor(status: number): string {
  const without = 'a host that is reached without the proxy goes into NO_PROXY'
  if (status === 407) {
    return `give the proxy's login in HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT; ${without}`
  }
  if (status === 403) return `have the proxy allow the host; ${without}`
  return `check the address of the proxy in HTTPS_PROXY and the proxy itself; ${without}`
}

/** What the proxy answered in place of a tunnel. */
function tunnelStatus(cause: unknown): number | undefined {
  if (codeOf(cause) !== 'ERR_PROXY_TUNNEL') return undefined
  const isAnswer = cause instanceof Error && 'statusCode' in cause
  return isAnswer && typeof cause.statusCode === 'number' ? cause.statusCode : undefined
}

/** Of what is reached through a proxy, only the proxy itself is looked up and connected to. */
function isUnreached(cause: unknown): boolean {
  if (codeOf(cause) === 'ERR_PROXY_TUNNEL') return true
  const call = cause instanceof Error && 'syscall' in cause ? cause.syscall : undefined
  return call === 'connect' || call === 'getaddrinfo'
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : 'the connection failed'
}
