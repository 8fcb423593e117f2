/**
 * Reading a small document from the web, bounded in bytes, time and redirects. The host alone decides what
 * it says.
 *
 * @packageDocumentation
 */
import { toCancellation } from '../../basics/cancellation.ts'
import { readWhole } from '../../basics/body.ts'
import { CountersignError, type ErrorCode } from '../../errors.ts'

/** How a document is read. */
export interface WebOptions {
  readonly fetch: typeof fetch
  /** A longer answer is refused. */
  readonly maxBytes: number
  /** Time for a whole answer with its redirects, in ms; default 10 000. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const MAX_REDIRECTS = 3
const DEFAULT_TIMEOUT_MS = 10_000

/**
 * Reads a document; redirects are followed on the same origin only.
 *
 * @throws {@link CountersignError} ERR_NETWORK, ERR_THROTTLED, ERR_NOT_ALLOWED, ERR_KEY_NOT_FOUND — by the
 * answer; ERR_KEY_URI_INVALID — it redirects elsewhere; ERR_INPUT_TOO_LARGE; ERR_TIMEOUT, ERR_CANCELLED
 */
export async function readWeb(url: string, options: WebOptions): Promise<Uint8Array> {
  const { signal: caller, maxBytes } = options
  const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  const signal = caller === undefined ? timeout : AbortSignal.any([caller, timeout])
  try {
    const response = await fetchFollowing(new URL(url), options.fetch, signal)
    if (response.ok) return await readBounded(response, url, maxBytes)
    await response.body?.cancel()
    throw refused(response, url)
  } catch (cause) {
    if (CountersignError.is(cause)) throw cause
    if (signal.aborted) throw toCancellation(signal)
    throw new CountersignError('ERR_NETWORK', `can't read "${url}": ${reasonOf(cause)}`, {
      hint: 'check the address and the network, or save what is there to a file and name that',
      cause,
    })
  }
}

async function fetchFollowing(
  start: URL,
  fetchPage: typeof fetch,
  signal: AbortSignal,
): Promise<Response> {
  let url = start
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
    const response = await fetchPage(url, { redirect: 'manual', signal })
    const location = response.headers.get('location')
    if (response.status < 300 || response.status > 399 || location === null) return response
    await response.body?.cancel()
    url = new URL(location, url)
    if (url.origin !== start.origin) throw strayed(start, url)
  }
  const message = `"${start.href}" redirects more than ${MAX_REDIRECTS} times`
  throw new CountersignError('ERR_KEY_URI_INVALID', message)
}

/** The address is what is trusted: a redirect to another host is refused, so that the user names that host. */
function strayed(start: URL, url: URL): CountersignError {
  const message = `"${start.href}" redirects to another host: ${url.origin}`
  return new CountersignError('ERR_KEY_URI_INVALID', message, {
    hint: `if that host is trusted too, use its address: ${url.href}`,
  })
}

function refused({ status, headers }: Response, url: string): CountersignError {
  const retryAfter = headers.get('retry-after')
  return new CountersignError(codeOf(status), `"${url}" answers with status ${status}`, {
    hint: retryAfter === null ? 'open the address in a browser' : `try again after ${retryAfter}`,
    details: { status },
  })
}

function codeOf(status: number): ErrorCode {
  if (status === 429) return 'ERR_THROTTLED'
  if (status === 401 || status === 403) return 'ERR_NOT_ALLOWED'
  return status >= 500 ? 'ERR_NETWORK' : 'ERR_KEY_NOT_FOUND'
}

async function readBounded(response: Response, url: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await readWhole(response.body, maxBytes)
  if (bytes !== undefined) return bytes
  throw new CountersignError('ERR_INPUT_TOO_LARGE', `"${url}" is over ${maxBytes} bytes`)
}

/** Node's fetch says only "fetch failed"; the reason is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure'
  const { cause } = error
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause instanceof Error ? cause.message : error.message
}
