/** The few things that are asked of Cloud KMS, over its REST API (v1). */
import type { Runtime } from '../../basics/runtime.ts'
import { AccessTokens } from '../../client/access-tokens.ts'
import type { ExchangeAnswer } from '../../client/exchange.ts'
import { exchangeRepeatedly } from '../../client/repeated-exchange.ts'
import { CountersignError } from '../../errors.ts'
import { isJsonObject, type JsonObject, ObjectReader, parseJson } from '../../formats/json.ts'
import { acquireToken, type CredentialContext } from './credentials.ts'
import { readEndpoint } from './endpoint.ts'
import type { GcpCall } from './causes/commands.ts'
import { rejectGcpAnswer } from './errors.ts'

/** One call; `path` is below `/v1/`. */
export interface GcpRequest extends GcpCall {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly body?: JsonObject
  readonly signal?: AbortSignal | undefined
  /** Sends it once: repeated after a lost answer, it would fail. */
  readonly isOnce?: boolean
}

/** A connection to Cloud KMS. */
export interface GcpKmsClient {
  readonly runtime: Runtime
  /** Makes a call and answers the object of a success. */
  call(request: GcpRequest): Promise<ObjectReader>
  token(signal?: AbortSignal): Promise<string>
}

const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 1024 * 1024

/**
 * Makes a client; nothing is sent yet.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — an endpoint that is not https
 */
export function createGcpKmsClient(context: CredentialContext): GcpKmsClient {
  const { env, runtime } = context
  const endpoint = readEndpoint(env)
  const tokens = new AccessTokens(() => acquireToken(context), runtime.now)
  return {
    runtime,
    token: (signal) => tokens.token(signal),
    call: (request) =>
      tokens.use((token) => send(endpoint, runtime, request, token), request.signal),
  }
}

async function send(
  endpoint: URL,
  runtime: Runtime,
  request: GcpRequest,
  token: string,
): Promise<ObjectReader> {
  const { method, path, body, signal, isOnce } = request
  const answer = await exchangeRepeatedly(
    {
      url: new URL(`/v1/${path}`, endpoint),
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      maxBytes: MAX_ANSWER_BYTES,
      timeoutMs: TIMEOUT_MS,
      signal,
    },
    runtime,
    (given) => rejectGcpAnswer(given, request),
    isOnce === true ? { maxTries: 1 } : {},
  )
  return readGcpAnswer(answer)
}

/** Makes the error of an answer that Cloud KMS never gives. */
export function malformedGcpAnswer(why: string): CountersignError {
  return new CountersignError(
    'ERR_PROVIDER_FAULT',
    `malformed answer of Google Cloud KMS: ${why}`,
    {
      hint: 'nothing was released; check that the endpoint is Google Cloud KMS',
      details: { provider: 'gcpkms' },
    },
  )
}

function readGcpAnswer({ body }: ExchangeAnswer): ObjectReader {
  try {
    const value = parseJson(body)
    if (isJsonObject(value)) return new ObjectReader(value, malformedGcpAnswer, 'it')
  } catch (error) {
    if (!CountersignError.is(error)) throw error
  }
  throw malformedGcpAnswer('not a JSON object')
}
