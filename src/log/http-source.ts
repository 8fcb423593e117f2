/**
 * Reading a log over HTTP. Nothing read here is trusted, so any address will do; answers are bounded in
 * length and time, and a request that failed in passing is sent again.
 *
 * @packageDocumentation
 */
import { setTimeout as delay } from 'node:timers/promises'
import { toCancellation } from '../basics/cancellation.ts'
import { readWhole } from '../basics/body.ts'
import { CountersignError, type ErrorCode } from '../errors.ts'
import { type LogSource, maxBytesOf, type ReadOptions } from './source.ts'

/** What a log is read through. */
export interface LogServerOptions {
  readonly fetch: typeof fetch
  /** Which log of the service; default `log`, the transparency log. */
  readonly folder?: 'log' | 'audit' | undefined
  /** Shown with every request for a part of the log, and with no other. */
  readonly token?: ((signal: AbortSignal | undefined) => Promise<string>) | undefined
  /** Time for one answer; default 30 s. */
  readonly timeoutMs?: number | undefined
  /** Waits before a request is sent again. */
  readonly pause?: ((milliseconds: number, signal?: AbortSignal) => Promise<void>) | undefined
}

const TIMEOUT_MS = 30_000
const PAUSES_MS: readonly number[] = [500, 2000]

/** Reads documents of a service below its `/log/`. */
export interface LogServer extends LogSource {
  /**
   * Gets a document of a path that is not one of a tile.
   *
   * @throws {@link CountersignError} as reading a path does
   */
  get(path: string, maxBytes: number, options?: ReadOptions): Promise<Uint8Array | undefined>
}

/**
 * Reads a log of a service from below `/log/` or `/audit/` of its address; 404 is where nothing is.
 *
 * @throws {@link CountersignError} from reading: ERR_NETWORK, ERR_THROTTLED, ERR_NOT_AUTHENTICATED,
 * ERR_NOT_ALLOWED — the server gives no usable answer; ERR_TIMEOUT, ERR_CANCELLED; ERR_INPUT_TOO_LARGE
 */
export function openLogServer(server: string, options: LogServerOptions): LogServer {
  const base = toBase(server, options.folder ?? 'log')
  const { pause = pauseFor } = options
  const get: LogServer['get'] = async (path, maxBytes, { signal } = {}) => {
    const url = new URL(path, base)
    const isPart = url.href.startsWith(base.href)
    const asked = { ...options, token: isPart ? options.token : undefined, maxBytes, signal }
    for (const milliseconds of PAUSES_MS) {
      try {
        return await getOnce(url, asked)
      } catch (error) {
        if (!CountersignError.is(error) || !error.retryable || signal?.aborted === true) throw error
        await pause(milliseconds, signal)
      }
    }
    return getOnce(url, asked)
  }
  return { name: base.href, get, read: (path, read) => get(path, maxBytesOf(path), read) }
}

function toBase(server: string, folder: string): URL {
  const url = URL.parse(server)
  if (url !== null && /^https?:$/.test(url.protocol)) {
    return new URL(`${url.pathname.replace(/\/$/, '')}/${folder}/`, url)
  }
  throw new CountersignError('ERR_USAGE', `"${server.slice(0, 200)}" is not an http address`, {
    hint: 'name the service as https://HOST',
  })
}

/** Waits; ends early when cancelled. */
export async function pauseFor(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, signal && { signal }).catch((error: unknown) => {
    throw signal?.aborted === true ? toCancellation(signal) : error
  })
}

interface GetOptions extends LogServerOptions {
  readonly maxBytes: number
  readonly signal: AbortSignal | undefined
}

async function getOnce(url: URL, options: GetOptions): Promise<Uint8Array | undefined> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS)
  const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout
  try {
    const response = await options.fetch(url, await toRequest(options.token, signal))
    if (response.ok) return await readBody(response, url, options.maxBytes)
    await response.body?.cancel()
    if (response.status === 404) return undefined
    throw refused(url, response.status)
  } catch (cause) {
    if (CountersignError.is(cause)) throw cause
    if (signal.aborted) throw toCancellation(signal)
    throw new CountersignError('ERR_NETWORK', `no answer from ${url.host}`, {
      hint: 'check the address of the service, the network and the proxy, and try again',
      details: { host: url.host },
      cause,
    })
  }
}

/** With a token, no redirect is followed: it is for this address. */
async function toRequest(
  token: LogServerOptions['token'],
  signal: AbortSignal,
): Promise<RequestInit> {
  if (token === undefined) return { signal }
  const authorization = `Bearer ${await token(signal)}`
  return { signal, headers: { authorization }, redirect: 'manual' }
}

async function readBody(response: Response, url: URL, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readWhole(response.body, maxBytes)
  if (bytes !== undefined) return bytes
  const message = `${url.pathname} of ${url.host} is over ${maxBytes} bytes`
  throw new CountersignError('ERR_INPUT_TOO_LARGE', message, { details: { maxBytes } })
}

function refused(url: URL, status: number): CountersignError {
  const message = `${url.host} answers ${url.pathname} with status ${status}`
  const { code, hint } = REFUSALS[status] ?? UNUSABLE
  return new CountersignError(code, message, { hint, details: { host: url.host, status } })
}

interface Refusal {
  readonly code: ErrorCode
  readonly hint: string
}

const UNUSABLE: Refusal = {
  code: 'ERR_NETWORK',
  hint: 'check that this is the address of a countersign service',
}

const REFUSALS: Readonly<Partial<Record<number, Refusal>>> = {
  401: {
    code: 'ERR_NOT_AUTHENTICATED',
    hint: 'renew the token, and check that it is for this service',
  },
  403: {
    code: 'ERR_NOT_ALLOWED',
    hint: 'the audit log needs a policy that permits readLog; ask the operator of the service',
  },
  429: { code: 'ERR_THROTTLED', hint: 'wait, and try again' },
}
