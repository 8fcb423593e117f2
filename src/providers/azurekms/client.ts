/** The few things that are asked of a vault, over the REST API (7.4). */
import type { Runtime } from '../../basics/runtime.ts'
import { AccessTokens } from '../../client/access-tokens.ts'
import type { ExchangeAnswer, ExchangeRequest } from '../../client/exchange.ts'
import { exchangeRepeatedly } from '../../client/repeated-exchange.ts'
import { CountersignError } from '../../errors.ts'
import { type JsonObject, ObjectReader, parseJson } from '../../formats/json.ts'
import type { Surroundings } from '../surroundings.ts'
import type { AzureCall } from './causes/commands.ts'
import { cloudOf } from './clouds.ts'
import { acquireAzureToken } from './credentials.ts'
import { readVaultAddress } from './endpoint.ts'
import { foundAzureError, malformedAzureAnswer, rejectAzureAnswer } from './errors.ts'

/** One call; `path` is below the address of the vault. */
export interface AzureRequest extends Omit<AzureCall, 'vault'> {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly body?: JsonObject
  readonly signal?: AbortSignal | undefined
  /** Sends it once: repeated after a lost answer, it would do something twice. */
  readonly isOnce?: boolean
}

/** A connection to one vault. */
export interface AzureVaultClient {
  /** Host of the vault. */
  readonly vault: string
  /** Address that it is reached at, and that its keys are named by. */
  readonly endpoint: URL
  readonly isManagedHsm: boolean
  readonly runtime: Runtime
  /** Makes a call and answers the object of a success. */
  call(request: AzureRequest): Promise<ObjectReader>
  token(signal?: AbortSignal): Promise<string>
}

const API_VERSION = '7.4'
const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 1024 * 1024

/**
 * Makes the client of a vault; nothing is sent yet.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — an endpoint that is not https
 */
export function createAzureVaultClient(
  vault: string,
  { env, runtime }: { readonly env: Surroundings['env']; readonly runtime: Runtime },
): AzureVaultClient {
  const cloud = cloudOf(vault)
  const endpoint = readVaultAddress(env, vault)
  const tokens = new AccessTokens(() => acquireAzureToken({ env, runtime, cloud }), runtime.now)
  const send = (request: AzureRequest, token: string): Promise<ObjectReader> =>
    sendTo({ vault, endpoint, runtime, audience: cloud.audience }, request, token)
  return {
    vault,
    endpoint,
    isManagedHsm: cloud.isManagedHsm,
    runtime,
    token: (signal) => tokens.token(signal),
    call: (request) => tokens.use((token) => send(request, token), request.signal),
  }
}

interface Destination {
  readonly vault: string
  readonly endpoint: URL
  readonly runtime: Runtime
  readonly audience: string
}

async function sendTo(
  { vault, endpoint, runtime, audience }: Destination,
  request: AzureRequest,
  token: string,
): Promise<ObjectReader> {
  const call = { ...request, vault }
  const url = new URL(`/${request.path}`, endpoint)
  url.searchParams.set('api-version', API_VERSION)
  try {
    const answer = await exchangeRepeatedly(
      toExchange(url, request, token),
      runtime,
      (given) => rejectAzureAnswer(given, call, audience),
      request.isOnce === true ? { maxTries: 1 } : {},
    )
    return readAnswer(answer)
  } catch (error) {
    if (!isNameUnknown(error)) throw error
    throw foundAzureError('vault-missing', call, { cause: error })
  }
}

function toExchange(
  url: URL,
  { method, body, signal }: AzureRequest,
  token: string,
): ExchangeRequest {
  const authorization = `Bearer ${token}`
  const common = { url, method, maxBytes: MAX_ANSWER_BYTES, timeoutMs: TIMEOUT_MS, signal }
  if (body === undefined) return { ...common, headers: { authorization } }
  const headers = { authorization, 'content-type': 'application/json' }
  return { ...common, headers, body: JSON.stringify(body) }
}

function isNameUnknown(error: unknown): boolean {
  return CountersignError.is(error, 'ERR_NETWORK') && error.details['reason'] === 'ENOTFOUND'
}

function readAnswer({ body }: ExchangeAnswer): ObjectReader {
  try {
    return new ObjectReader(parseJson(body), malformedAzureAnswer, 'it')
  } catch (error) {
    if (!CountersignError.is(error)) throw error
    throw malformedAzureAnswer('not a JSON object')
  }
}
