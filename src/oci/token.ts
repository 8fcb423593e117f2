/**
 * Tokens of a registry's token server (distribution-spec, token authentication): with a password or
 * anonymously by GET, with an identity token by POST (OAuth 2 refresh grant).
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type ObjectReader, parseJson, readObject } from '../formats/json.ts'
import type { Credentials, PasswordCredentials, RegistryToken } from './auth-file.ts'
import type { HttpClient, HttpRequest, HttpResponse } from './http.ts'
import { parseErrorBody, registryError } from './registry-error.ts'
import { assertNoDowngrade } from './registry-host.ts'

/** A short-lived token. */
export interface IssuedBearer {
  readonly value: string
  /** Milliseconds since the epoch; a little before the server's own end. */
  readonly expiresAt: number
}

/** A token to be fetched. */
export interface RegistryTokenRequest {
  readonly realm: URL
  readonly service: string
  readonly scopes: readonly string[]
  readonly credentials: Exclude<Credentials, RegistryToken> | undefined
  /** Whether the scopes only read, so that what is public can be had without an account. */
  readonly isReadOnly: boolean
}

const MAX_BYTES = 1024 * 1024
/** What the specification says of an answer that does not say. */
const DEFAULT_LIFETIME_S = 60
const CLIENT_ID = 'countersign'

/**
 * The token server a registry names.
 *
 * @throws {@link CountersignError} ERR_REGISTRY_PROTOCOL — not a URL, or one to which credentials would go
 * in the clear
 */
export function parseRealm(realm: string, registry: URL): URL {
  const url = URL.parse(realm)
  if (url === null) {
    throw new CountersignError('ERR_REGISTRY_PROTOCOL', `${registry.host} names no token server`)
  }
  assertNoDowngrade(registry, url)
  return url
}

/**
 * Fetches a token. Where a read with credentials is refused, it is tried without them: a stale login
 * does not block access to public content.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — refused; ERR_REGISTRY_PROTOCOL — an answer that
 * is no token; and the errors of the network
 */
export async function fetchToken(
  request: RegistryTokenRequest,
  http: HttpClient,
  now: () => number,
): Promise<IssuedBearer> {
  const { credentials, isReadOnly } = request
  const asked = now()
  const answer = await http(toHttp(request))
  if (isSuccess(answer)) return parseToken(answer, asked)
  const isRefused = [400, 401, 403].includes(answer.status)
  if (!isRefused) throw registryError(answer, 'get a token')
  if (credentials !== undefined && isReadOnly) {
    const anonymous = await http(toHttp({ ...request, credentials: undefined }))
    if (isSuccess(anonymous)) return parseToken(anonymous, asked)
  }
  throw refused(answer, credentials)
}

function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300
}

function toHttp(request: RegistryTokenRequest): HttpRequest {
  const { realm, service, scopes, credentials } = request
  const maxBytes = MAX_BYTES
  if (credentials?.kind === 'identity-token') {
    const form = { grant_type: 'refresh_token', refresh_token: credentials.token, service }
    const body = new URLSearchParams({ ...form, client_id: CLIENT_ID, scope: scopes.join(' ') })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return { method: 'POST', url: realm, headers, body: Buffer.from(body.toString()), maxBytes }
  }
  const url = new URL(realm)
  if (service !== '') url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  const authorization = credentials && basicAuthorization(credentials)
  return { method: 'GET', url, authorization, maxBytes }
}

/** User name and password as the value of `Authorization` (RFC 7617). */
export function basicAuthorization({ username, password }: PasswordCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function parseToken(answer: HttpResponse, asked: number): IssuedBearer {
  const document = parseAnswer(answer)
  // Some servers send both members, one of them empty.
  const value = [document.value('token'), document.value('access_token')].find(
    (one) => one !== undefined && one !== '',
  )
  // It goes into a header: anything but visible ASCII is refused.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw noToken(answer)
  // Some write the number as a text.
  const lifetime = Number(document.value('expires_in') ?? 0)
  const seconds = Number.isFinite(lifetime) && lifetime > 0 ? lifetime : DEFAULT_LIFETIME_S
  return { value, expiresAt: asked + seconds * 900 }
}

function parseAnswer(answer: HttpResponse): ObjectReader {
  try {
    return readObject(parseJson(answer.body), () => noToken(answer))
  } catch {
    // The parser's error is dropped: nothing that may quote a token is kept as a cause.
    throw noToken(answer)
  }
}

function noToken({ url }: HttpResponse): CountersignError {
  return new CountersignError('ERR_REGISTRY_PROTOCOL', `${url.host} answers without a token`, {
    details: { host: url.host },
  })
}

function refused(
  { url, status, body }: HttpResponse,
  credentials: Credentials | undefined,
): CountersignError {
  const { message } = parseErrorBody(body)
  const what = credentials ? `the credentials from ${credentials.source}` : 'a token without login'
  const why = message === '' ? '' : `: "${message}"`
  return new CountersignError('ERR_NOT_AUTHENTICATED', `${url.host} refuses ${what}${why}`, {
    hint: 'log in to the registry (docker login, podman login)',
    details: { host: url.host, status },
  })
}
