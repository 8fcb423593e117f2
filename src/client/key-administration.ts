/** The administration of keys over the HTTP API of a service: each call is one request, never repeated. */
import { type JsonObject, parseJson, readObject, type ObjectReader } from '../formats/json.ts'
import { CountersignError } from '../errors.ts'
import { exchange, type ExchangeRuntime } from './exchange.ts'
import { toServiceError } from './problem.ts'
import type { ServiceClientOptions } from './service-client.ts'
import { assertPrivate, atService } from './service-address.ts'

/** How a service is reached by an administrator. */
export type KeyAdministrationOptions = Pick<ServiceClientOptions, 'url' | 'token'> & {
  readonly runtime: ExchangeRuntime
  readonly signal: AbortSignal
}

/** Reads and changes keys of a service; what it answers is the service's word. */
export interface KeyAdministration {
  /** All keys with their versions. */
  list(): Promise<readonly ObjectReader[]>
  /** One key with its versions. */
  show(key: string): Promise<ObjectReader>
  /** Does something to a key, or answers its plan. */
  ask(key: string, action: string, body: JsonObject, isDryRun: boolean): Promise<ObjectReader>
  /** Requests that wait for approvals. */
  approvals(): Promise<readonly ObjectReader[]>
  /** Approves a request, as its approver saw it. */
  approve(id: string, requestSha256: string): Promise<ObjectReader>
}

const TIMEOUT_MS = 35_000
const MAX_ANSWER_BYTES = 16 * 1024 * 1024

/**
 * Creates a client. Each of its functions throws {@link CountersignError}: what the service refused with,
 * ERR_NETWORK, ERR_TIMEOUT, ERR_CANCELLED, ERR_JSON_INVALID.
 *
 * @throws {@link CountersignError} ERR_USAGE — the address would send tokens in the clear
 */
export function createKeyAdministration(options: KeyAdministrationOptions): KeyAdministration {
  assertPrivate(options.url)
  const urlIn = (collection: string, ...parts: readonly string[]): URL =>
    atService(options.url, [collection, ...parts.map(encodeURIComponent)].join('/'))
  const urlOf = (...parts: readonly string[]): URL => urlIn('v1/keys', ...parts)
  return {
    list: async () => (await send(options, urlOf())).objects('keys'),
    show: (key) => send(options, urlOf(key)),
    ask: (key, action, body, isDryRun) => {
      const url = action === 'create' ? urlOf() : urlOf(key, action)
      if (isDryRun) url.searchParams.set('dryRun', 'true')
      return send(options, url, action === 'create' ? { key, ...body } : body)
    },
    approvals: async () => (await send(options, urlIn('v1/approvals'))).objects('approvals'),
    approve: (id, requestSha256) => send(options, urlIn('v1/approvals', id), { requestSha256 }),
  }
}

/** Only a change has a body. It is not tried again: it may have been made though its answer was lost. */
async function send(
  { token, runtime, signal }: KeyAdministrationOptions,
  url: URL,
  body?: JsonObject,
): Promise<ObjectReader> {
  const headers = { accept: 'application/json', authorization: `Bearer ${await token(signal)}` }
  const common = { url, maxBytes: MAX_ANSWER_BYTES, timeoutMs: TIMEOUT_MS, signal }
  const answer = await exchange(
    body === undefined
      ? { ...common, method: 'GET', headers }
      : {
          ...common,
          method: 'POST',
          headers: { ...headers, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
    runtime,
  )
  if (answer.status !== 200) throw toServiceError(url, answer)
  return readObject(parseJson(answer.body, { maxBytes: MAX_ANSWER_BYTES }), malformed, 'the answer')
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_JSON_INVALID', `the service answers with something else: ${why}`)
}
