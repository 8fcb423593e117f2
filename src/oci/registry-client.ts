/**
 * Authenticated requests to registries: one client for all that a command talks to, so that logins,
 * tokens and connections are shared.
 *
 * @packageDocumentation
 */
import type { CountersignError } from '../errors.ts'
import { type Access, RegistryAuthenticator } from './authenticator.ts'
import type { RegistryCredentialSource } from './credentials.ts'
import { createHttpClient, type HttpOptions, type HttpRequest, type HttpResponse } from './http.ts'
import { registryError } from './registry-error.ts'
import { registryOrigin } from './registry-host.ts'

/** How registries are reached. */
export interface RegistryClientOptions extends HttpOptions {
  readonly credentials: RegistryCredentialSource
  /** Plain http for every registry, for none, or for those named; left open, for those on loopback. */
  readonly plainHttp?: boolean | readonly string[] | undefined
}

/** One request to a registry, without what every request has. */
export interface RegistryRequest extends Omit<HttpRequest, 'url' | 'authorization' | 'signal'> {
  readonly access: Access
}

/** How registries answer for what is private and asked for without a login. */
const HIDDEN: ReadonlySet<number> = new Set([403, 404])

/** Talks to registries by `host[:port]`. */
export class RegistryClient {
  readonly options: RegistryClientOptions
  readonly #http: ReturnType<typeof createHttpClient>
  readonly #authenticators = new Map<string, RegistryAuthenticator>()

  constructor(options: RegistryClientOptions) {
    this.options = options
    this.#http = createHttpClient(options)
  }

  /** Where the API of a registry answers. */
  origin(registry: string): URL {
    const { plainHttp } = this.options
    if (typeof plainHttp !== 'object') return registryOrigin(registry, plainHttp)
    return registryOrigin(registry, plainHttp.includes(registry) ? true : undefined)
  }

  /**
   * Sends a request and, if the registry wants a login, again with it. The answer's status may
   * be anything else.
   *
   * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED; and those of {@link createHttpClient}
   */
  async send(registry: string, url: URL, request: RegistryRequest): Promise<HttpResponse> {
    const { access, ...rest } = request
    const send = (authorization?: string): Promise<HttpResponse> =>
      this.#http({ ...rest, url, authorization, signal: access.signal })
    // An upload may go to a storage service: the registry's credentials are none of its business.
    if (url.origin !== this.origin(registry).origin) return send()
    const authenticator = this.#authenticator(registry)
    const authorization = await authenticator.authorize(access)
    const first = await send(authorization)
    // An answer behind a redirect to another origin is not the registry's.
    if (first.url.origin !== url.origin) return first
    if (authorization === undefined && HIDDEN.has(first.status)) {
      const offered = await authenticator.offer(access)
      const again = offered === undefined ? first : await send(offered)
      return again.status === 401 ? first : again
    }
    if (first.status !== 401) return first
    const field = first.headers.get('www-authenticate') ?? ''
    const answer = await authenticator.answer(access, field, authorization)
    const second = await send(answer)
    if (second.status !== 401) return second
    throw lacksRight(second, access, answer) ?? (await authenticator.refusal(access))
  }

  #authenticator(registry: string): RegistryAuthenticator {
    const { credentials, runtime } = this.options
    const known =
      this.#authenticators.get(registry) ??
      new RegistryAuthenticator({
        registry,
        origin: this.origin(registry),
        credentials,
        http: this.#http,
        now: runtime.now,
      })
    this.#authenticators.set(registry, known)
    return known
  }
}

/** A fresh token that is refused lacks a right, where the registry says so or a write was asked. */
function lacksRight(
  response: HttpResponse,
  { actions, repository }: Access,
  authorization: string,
): CountersignError | undefined {
  const isToken = authorization.startsWith('Bearer ')
  const challenge = response.headers.get('www-authenticate') ?? ''
  const isWrite = actions === 'pull,push'
  if (!isToken || !(isWrite || challenge.includes('insufficient_scope'))) return undefined
  const what = isWrite ? `write to ${repository}` : `read ${repository}`
  return registryError(response, what, 'ERR_NOT_ALLOWED')
}
