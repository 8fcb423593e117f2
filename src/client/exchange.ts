/**
 * One HTTP request and its whole answer, in bounded time and size. A redirect is an answer like any
 * other: what is sent, a token with it, goes to no other address than the one named.
 *
 * @packageDocumentation
 */
import { readStart } from '../basics/body.ts'
import { rootCode, withinDeadline } from '../basics/deadline.ts'
import { CountersignError } from '../errors.ts'
import { connectionHint } from './connection-hint.ts'

/** What is sent. */
export interface ExchangeRequest {
  readonly url: URL
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
  /** A longer answer is refused. */
  readonly maxBytes: number
  /** For everything together. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** What was answered. */
export interface ExchangeAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Uint8Array
}

/** What an exchange takes from the machine. */
export interface ExchangeRuntime {
  readonly fetch: typeof fetch
  /** A signal that aborts after a time. */
  readonly deadline: (milliseconds: number) => AbortSignal
}

/**
 * Sends a request and reads the answer, whatever its status is.
 *
 * @throws {@link CountersignError} ERR_NETWORK — no connection, or an answer over `maxBytes`;
 * ERR_TIMEOUT; ERR_CANCELLED — by the request's signal
 */
export async function exchange(
  request: ExchangeRequest,
  runtime: ExchangeRuntime,
): Promise<ExchangeAnswer> {
  const { url, method, headers, body, timeoutMs, signal: cancelled } = request
  const deadline = runtime.deadline(timeoutMs)
  const timed = { url, timeoutMs, deadline, signal: cancelled, failed: failedAt(url) }
  return withinDeadline(timed, async (signal) => {
    const response = await runtime.fetch(url, {
      method,
      headers: { 'user-agent': 'countersign', ...headers },
      redirect: 'manual',
      signal,
      ...(body !== undefined && { body: typeof body === 'string' ? body : Buffer.from(body) }),
    })
    const { status } = response
    return { status, headers: response.headers, body: await readBounded(response, request) }
  })
}

async function readBounded(
  response: Response,
  { maxBytes, url }: ExchangeRequest,
): Promise<Uint8Array> {
  const body = await readStart(response.body, maxBytes + 1)
  if (body.length <= maxBytes) return body
  const why = `its answer is over ${maxBytes} bytes`
  throw new CountersignError('ERR_NETWORK', `no usable answer from ${url.host}: ${why}`, {
    hint: `check that ${url.origin} is the service you mean`,
    details: { host: url.host, maxBytes },
  })
}

function failedAt({ host }: URL): (cause: unknown) => CountersignError {
  return (cause) => {
    const reason = rootCode(cause) ?? 'the connection failed'
    return new CountersignError('ERR_NETWORK', `no answer from ${host}: ${reason}`, {
      hint: connectionHint(reason),
      details: { host, reason },
      cause,
    })
  }
}
