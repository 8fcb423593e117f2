/**
 * Public keys that are somewhere in plain sight: `env://NAME`, `https://host/kid.pem`. For
 * verification only; whoever controls the variable or the host decides what is trusted.
 *
 * @packageDocumentation
 */
import { assertNotCancelled, toCancellation } from '../cancellation.ts'
import { CountersignError, type ErrorCode } from '../errors.ts'
import type { EnvUri, HttpsUri, KeyUri } from './key-uri.ts'
import { disposedProvider, type KeyProvider } from './provider.ts'
import { parsePublicKeyText } from './public-key-text.ts'

/** What public keys are read through. */
export interface PublicKeySourceOptions {
  /** The environment, as far as it may be read. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: typeof fetch
  /** Time for a whole answer with its redirects, in ms; default 10 000. */
  readonly timeoutMs?: number
}

const MAX_BYTES = 64 * 1024
const MAX_REDIRECTS = 3
const DEFAULT_TIMEOUT_MS = 10_000

/**
 * A provider of public keys, as PEM or one JWK: describes them, and neither opens nor makes any. Web
 * answers are at most 64 KiB, and redirects are followed on the same origin only.
 */
export function createPublicKeySource(options: PublicKeySourceOptions): KeyProvider {
  let isDisposed = false

  async function readText(uri: KeyUri, signal: AbortSignal | undefined): Promise<string> {
    switch (uri.scheme) {
      case 'env':
        return readVariable(uri, options.env)
      case 'https':
        return readWeb(uri, options, signal)
      case 'file':
      case 'awskms':
      case 'pkcs11':
        throw new TypeError(`an env: or https: reference is needed, not ${uri.scheme}:`)
    }
  }

  function assertUsable(signal: AbortSignal | undefined): void {
    if (isDisposed) throw disposedProvider('public key')
    assertNotCancelled(signal)
  }

  return {
    describe: async (uri, { algorithm, signal } = {}) => {
      assertUsable(signal)
      return parsePublicKeyText(await readText(uri, signal), algorithm)
    },
    open: (uri) => Promise.reject(onlyPublic(uri)),
    create: ({ uri }) => Promise.reject(onlyPublic(uri)),
    [Symbol.asyncDispose]: () => {
      isDisposed = true
      return Promise.resolve()
    },
  }
}

function onlyPublic({ scheme }: KeyUri): CountersignError {
  const message = `${scheme}: references name public keys, which sign nothing`
  return new CountersignError('ERR_OPERATION_UNSUPPORTED', message, {
    hint: 'sign with a file, pkcs11: or awskms: key',
  })
}

function readVariable({ name }: EnvUri, env: PublicKeySourceOptions['env']): string {
  const text = env[name]
  if (text !== undefined && text.trim() !== '') return text
  throw new CountersignError('ERR_KEY_NOT_FOUND', `the environment has no key in ${name}`, {
    hint: `set it to the public key: export ${name}="$(cat key.pub)"`,
  })
}

async function readWeb(
  { url }: HttpsUri,
  options: PublicKeySourceOptions,
  caller: AbortSignal | undefined,
): Promise<string> {
  const timeout = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS)
  const signal = caller === undefined ? timeout : AbortSignal.any([caller, timeout])
  try {
    const response = await fetchFollowing(new URL(url), options.fetch, signal)
    if (response.ok) return await readBounded(response, url)
    await response.body?.cancel()
    throw refused(response, url)
  } catch (cause) {
    if (CountersignError.is(cause)) throw cause
    if (signal.aborted) throw toCancellation(signal)
    throw new CountersignError('ERR_NETWORK', `can't read "${url}": ${reasonOf(cause)}`, {
      hint: 'check the address and the network, or save the key to a file and name that',
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

/** The address is what is trusted: another host must be named by whoever trusts it. */
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

async function readBounded(response: Response, url: string): Promise<string> {
  const body: AsyncIterable<Uint8Array> | undefined = response.body ?? undefined
  if (body === undefined) return ''
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of body) {
    total += chunk.length
    if (total > MAX_BYTES) {
      throw new CountersignError('ERR_INPUT_TOO_LARGE', `"${url}" is over ${MAX_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Node's fetch says only "fetch failed"; the reason is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure'
  const { cause } = error
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return cause.code
  return cause instanceof Error ? cause.message : error.message
}
