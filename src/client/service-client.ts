/**
 * The HTTP API of a countersign service, as functions. What went wrong there is thrown here, with the
 * same code; what may be tried again is, as the service asks for it.
 *
 * @packageDocumentation
 */
import { randomUUID } from 'node:crypto'
import { CountersignError } from '../errors.ts'
import type { Digest } from '../crypto/digest.ts'
import { isJsonObject, type JsonObject, parseJson, type JsonValue } from '../formats/json.ts'
import type { PredicateInput } from '../formats/predicates/predicate.ts'
import { isLongWait, LONGEST_WORTH_MS, retryDelay } from '../basics/retry-delay.ts'
import type { Runtime } from '../basics/runtime.ts'
import { exchange } from './exchange.ts'
import { toServiceError } from './problem.ts'
import {
  type AttestationMade,
  readAttestation,
  readBatch,
  readSignatures,
  readToken,
  type SignaturesMade,
  type TokenMade,
} from './service-answers.ts'
import { assertPrivate, atService } from './service-address.ts'

/** How a service is reached. */
export interface ServiceClientOptions {
  /** Address of the service; https, or this machine. */
  readonly url: URL
  /** Returns the bearer token, called for every try: it may be short-lived, and a refused one is renewed once. */
  readonly token: (signal: AbortSignal | undefined) => Promise<string>
  readonly runtime: Runtime
  /** Default 4. */
  readonly maxTries?: number
  /** Of each try; default 35 s, a little more than the service takes. */
  readonly timeoutMs?: number
}

/** What a call takes beside its content. */
export interface ServiceCallOptions {
  readonly signal?: AbortSignal | undefined
  /** Names one wish over several calls; default: one of its own for every call. */
  readonly idempotencyKey?: string
}

/** An artifact to be signed. */
export interface SignatureRequest {
  readonly digest: Digest
  readonly kind: 'file' | 'image'
  readonly name?: string
  readonly annotations?: Readonly<Record<string, string>>
  /** `legacy`: the older cosign layout, with the image name that its payload states. */
  readonly format?: 'legacy'
  readonly reference?: string
}

/** An attestation to be made: a predicate, or the provenance that the service makes itself. */
export type AttestationCall = {
  readonly subjects: readonly { readonly digest: Digest; readonly name?: string }[]
} & (PredicateInput | { readonly provenance: true })

/** A token to be issued. */
export interface TokenCall {
  readonly audience: string | readonly string[]
  readonly claims?: JsonObject
  readonly lifetimeSeconds?: number
}

/** The operations of a service that callers need. */
export interface ServiceClient {
  /** Signs artifacts with a key of the service; one result for each, in order, a signature or a problem. */
  sign(
    key: string,
    artifacts: readonly SignatureRequest[],
    options?: ServiceCallOptions,
  ): Promise<SignaturesMade>
  /** The same with one operation of the key; each bundle is a batch member. */
  signBatch(
    key: string,
    artifacts: readonly SignatureRequest[],
    options?: ServiceCallOptions,
  ): Promise<SignaturesMade>
  /** Signs an attestation with a key of the service. */
  attest(
    key: string,
    request: AttestationCall,
    options?: ServiceCallOptions,
  ): Promise<AttestationMade>
  /** Issues a token. A retry issues another one, which does no harm. */
  issueToken(key: string, request: TokenCall, options?: ServiceCallOptions): Promise<TokenMade>
}

const MAX_TRIES = 4
const TIMEOUT_MS = 35_000
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/**
 * Creates a client. Each of its functions throws {@link CountersignError}: what the service refused with,
 * ERR_NETWORK, ERR_TIMEOUT, ERR_CANCELLED.
 *
 * @throws {@link CountersignError} ERR_USAGE — the address would send tokens in the clear
 */
export function createServiceClient(options: ServiceClientOptions): ServiceClient {
  assertPrivate(options.url)
  const call = createCaller(options)
  const signing = ({ idempotencyKey = randomUUID() }: ServiceCallOptions): CallHeaders => ({
    'idempotency-key': idempotencyKey,
  })
  const signWith =
    (operation: string, read: typeof readSignatures): ServiceClient['sign'] =>
    async (key, artifacts, more = {}) => {
      const headers = signing(more)
      const answer = await call([key, operation], { artifacts }, { ...more, headers })
      return read(
        answer,
        artifacts.map(({ digest }) => digest),
      )
    }
  return {
    sign: signWith('signatures', readSignatures),
    signBatch: signWith('batches', readBatch),
    attest: async (key, request, more = {}) =>
      readAttestation(
        await call([key, 'attestations'], toBody(request), { ...more, headers: signing(more) }),
      ),
    issueToken: async (key, request, more = {}) =>
      readToken(await call([key, 'tokens'], request, { ...more, headers: {} })),
  }
}

/** Writes a request with its predicate as it was given: written again, 7.0 would become 7. */
function toBody(request: AttestationCall): object | string {
  if ('provenance' in request || request.predicateText === undefined) return request
  const { predicateText, subjects, predicateType } = request
  return `${JSON.stringify({ subjects, predicateType }).slice(0, -1)},"predicate":${predicateText}}`
}

type CallHeaders = Readonly<Record<string, string>>
type Call = (
  path: readonly string[],
  body: object | string,
  options: { readonly signal?: AbortSignal | undefined; readonly headers: CallHeaders },
) => Promise<JsonObject>

function createCaller(options: ServiceClientOptions): Call {
  const { runtime, maxTries = MAX_TRIES, timeoutMs = TIMEOUT_MS } = options
  return async (path, body, { signal, headers }) => {
    const url = keyUrl(options.url, path)
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    let refused: { readonly token: string; readonly error: CountersignError } | undefined
    for (let tries = 1; ; tries += 1) {
      const token = await options.token(signal)
      if (refused?.token === token) throw refused.error
      const authorization = `Bearer ${token}`
      const request = { signal, headers: { ...headers, authorization } }
      const attempt = await attemptOnce(url, text, { ...options, timeoutMs }, request)
      if ('answer' in attempt) return attempt.answer
      const { error, retryAfter } = attempt
      // A token may have ended on the way; a second refusal is final.
      if (error.code === 'ERR_NOT_AUTHENTICATED' && refused === undefined) {
        refused = { token, error }
        continue
      }
      if (tries >= maxTries || signal?.aborted === true || !isWorthARetry(attempt, runtime))
        throw error
      await runtime.pause(retryDelay(tries, retryAfter, runtime, LONGEST_WORTH_MS), signal)
    }
  }
}

type Attempt =
  | { readonly answer: JsonObject }
  | { readonly error: CountersignError; readonly retryAfter: string | null }

/** A service that asks for a longer wait than a command should sit through is not asked again. */
function isWorthARetry(
  { error, retryAfter }: Extract<Attempt, { readonly error: CountersignError }>,
  { now }: Pick<Runtime, 'now'>,
): boolean {
  return error.retryable && !isLongWait(retryAfter, now())
}

async function attemptOnce(
  url: URL,
  body: string,
  options: Pick<ServiceClientOptions, 'runtime'> & { readonly timeoutMs: number },
  { signal, headers }: Parameters<Call>[2],
): Promise<Attempt> {
  const { runtime, timeoutMs } = options
  const content = { 'content-type': 'application/json', accept: 'application/json' }
  try {
    const answer = await exchange(
      {
        url,
        method: 'POST',
        headers: { ...content, ...headers },
        body,
        maxBytes: MAX_ANSWER_BYTES,
        timeoutMs,
        signal,
      },
      runtime,
    )
    if (answer.status === 200 || answer.status === 201)
      return { answer: readAnswer(url, answer.body) }
    const error = toServiceError(url, answer)
    return { error, retryAfter: answer.headers.get('retry-after') }
  } catch (error) {
    if (CountersignError.is(error)) return { error, retryAfter: null }
    throw error
  }
}

function keyUrl(service: URL, [key = '', operation = '']: readonly string[]): URL {
  return atService(service, `v1/keys/${encodeURIComponent(key)}/${operation}`)
}

function readAnswer(url: URL, body: Uint8Array): JsonObject {
  const json: JsonValue = parseJson(body, { maxBytes: MAX_ANSWER_BYTES, maxDepth: 128 })
  if (isJsonObject(json)) return json
  throw new CountersignError(
    'ERR_JSON_INVALID',
    `${url.host} answers with something that is no object`,
  )
}
