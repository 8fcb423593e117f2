/**
 * One HTTP request and its whole answer, in bounded time and size. A redirect is an answer like any
 * other: what is sent, a token with it, goes to no other address than the one named.
 *
 * @packageDocumentation
 */
import { toCancellation } from '../basics/cancellation.ts'
import { CountersignError } from '../errors.ts'
import { connectionHint } from './connection-hint.ts'

/** What is sent. */
export interface ExchangeRequest {
  readonly url: URL
  readonly method: 'GET' | 'POST'
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
  const { url, method, headers, body } = request
  const deadline = runtime.deadline(request.timeoutMs)
  const signal = request.signal ? AbortSignal.any([deadline, request.signal]) : deadline
  try {
    const response = await runtime.fetch(url, {
      method,
      headers: { 'user-agent': 'countersign', ...headers },
      redirect: 'manual',
      signal,
      ...(body !== undefined && { body: typeof body === 'string' ? body : Buffer.from(body) }),
    })
    const { status } = response
    return { status, headers: response.headers, body: await readBounded(response, request) }
  } catch (cause) {
    throw toExchangeError(cause, request, deadline)
  }
}

async function readBounded(response: Response, request: ExchangeRequest): Promise<Uint8Array> {
  const { maxBytes, url } = request
  const chunks: Uint8Array[] = []
  let length = 0
  const body: AsyncIterable<Uint8Array> | null = response.body
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > maxBytes) {
      const why = `its answer is over ${maxBytes} bytes`
      throw new CountersignError('ERR_NETWORK', `no usable answer from ${url.host}: ${why}`, {
        hint: `check that ${url.origin} is the service you mean`,
        details: { host: url.host, maxBytes },
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function toExchangeError(
  cause: unknown,
  { url, timeoutMs, signal }: ExchangeRequest,
  deadline: AbortSignal,
): CountersignError {
  if (CountersignError.is(cause)) return cause
  if (signal?.aborted === true) return toCancellation(signal)
  const details = { host: url.host }
  if (deadline.aborted) {
    return new CountersignError('ERR_TIMEOUT', `no answer from ${url.host} in ${timeoutMs} ms`, {
      hint: `check that ${url.origin} answers from this machine, and try again`,
      details,
      cause,
    })
  }
  const reason = rootCode(cause)
  return new CountersignError('ERR_NETWORK', `no answer from ${url.host}: ${reason}`, {
    hint: connectionHint(reason),
    details: { ...details, reason },
    cause,
  })
}

/** Node's fetch says only "fetch failed"; the reason is at the bottom. */
function rootCode(error: unknown): string {
  let code = 'the connection failed'
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') code = at.code
  }
  return code
}
