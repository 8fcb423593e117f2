/**
 * Authentication to one registry: learns from its first 401 what it wants, and gives it from then on.
 * Bearer tokens come from the token server the registry names; Basic goes to the registry itself.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type Challenge, parseChallenges } from './auth-challenge.ts'
import type { Credentials, RegistryToken } from './auth-file.ts'
import type { RegistryCredentialSource } from './credentials.ts'
import type { HttpClient, HttpResponse } from './http.ts'
import { basicAuthorization, fetchToken, parseRealm, type IssuedBearer } from './token.ts'

/** What a request needs to be allowed. */
export interface Access {
  readonly repository: string
  /** Writing needs both. */
  readonly actions: 'pull' | 'pull,push'
  readonly signal?: AbortSignal | undefined
}

/** What an Authenticator needs. */
export interface RegistryAuthenticatorOptions {
  /** `host[:port]` as the user names it. */
  readonly registry: string
  readonly origin: URL
  readonly credentials: RegistryCredentialSource
  readonly http: HttpClient
  readonly now: () => number
}

const MAX_ROOT_BYTES = 64 * 1024

interface FoundCredentials {
  readonly credentials: Credentials | undefined
  /** Why none could be looked up. */
  readonly failure: unknown
}

/** Finds values for `Authorization`; concurrent requests share its tokens and look-ups. */
export class RegistryAuthenticator {
  readonly #options: RegistryAuthenticatorOptions
  /** By repository: podman keeps credentials for parts of a registry. */
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>()
  /** By token server, service and scopes. A token that failed, ended or was refused is taken out. */
  readonly #tokens = new Map<string, Promise<IssuedBearer>>()
  /** By repository: scopes a challenge asked for under another name than ours (a proxy's). */
  readonly #learnedScopes = new Map<string, readonly string[]>()
  /** The answer of the API's root; asked only where a login may help. */
  #root: Promise<HttpResponse> | undefined
  /** Set by the first 401. */
  #challenge: Challenge | undefined

  constructor(options: RegistryAuthenticatorOptions) {
    this.#options = options
  }

  /** What the registry is known to want; undefined before it has said so. */
  async authorize(access: Access): Promise<string | undefined> {
    return this.#challenge && (await this.#authorization(this.#challenge, access))
  }

  /**
   * Answers a 401.
   *
   * @param field - its `WWW-Authenticate`
   * @param refused - the value that was sent, which is not used again
   * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — nothing to answer with, or refused already
   */
  async answer(access: Access, field: string, refused: string | undefined): Promise<string> {
    const challenge = chooseChallenge(parseChallenges(field))
    if (challenge === undefined) throw this.#notAuthenticated('offers no way to log in')
    this.#challenge = challenge
    this.#learnScopes(access.repository, challenge.parameters.get('scope') ?? '')
    await this.#forget(refused)
    const authorization = await this.#authorization(challenge, access)
    if (authorization === undefined || authorization === refused) throw await this.refusal(access)
    return authorization
  }

  /** The error of a registry that refuses what {@link RegistryAuthenticator.answer} gave, or there is to give. */
  async refusal({ repository }: Access): Promise<CountersignError> {
    // The next call looks again: a helper's credentials may live for hours only.
    const known = await this.#lookUp(repository).finally(() => this.#credentials.delete(repository))
    return this.#notAuthenticated(
      known === undefined
        ? 'wants a login; none was found'
        : `refuses the credentials from ${known.source}`,
    )
  }

  /**
   * The login for a registry that answered 403 or 404 without one: many hide what is private, and ask for
   * a login only at the API's root. Undefined where there is no login, or none is wanted.
   */
  async offer(access: Access): Promise<string | undefined> {
    const { http, origin } = this.#options
    if (this.#challenge !== undefined) return undefined
    const found = await this.#lookUp(access.repository).catch(() => undefined)
    if (found === undefined) return undefined
    const url = new URL('/v2/', origin)
    this.#root ??= http({ method: 'GET', url, maxBytes: MAX_ROOT_BYTES })
    const root = await this.#root.catch(() => undefined)
    if (root?.status !== 401 || root.url.origin !== url.origin) return undefined
    const field = root.headers.get('www-authenticate') ?? ''
    return this.answer(access, field, undefined).catch(() => undefined)
  }

  async #authorization(challenge: Challenge, access: Access): Promise<string | undefined> {
    const { credentials, failure } = await this.#credentialsFor(access)
    if (credentials?.kind === 'registry-token') return `Bearer ${credentials.token}`
    if (challenge.scheme !== 'bearer') {
      return credentials?.kind === 'password' ? basicAuthorization(credentials) : undefined
    }
    return this.#bearer(challenge, access, credentials).catch((error: unknown) => {
      throw CountersignError.is(error, 'ERR_NOT_AUTHENTICATED') ? (failure ?? error) : error
    })
  }

  /** A helper that fails does not stop reads of public images; for others its failure is the error. */
  async #credentialsFor({ repository, actions }: Access): Promise<FoundCredentials> {
    try {
      return { credentials: await this.#lookUp(repository), failure: undefined }
    } catch (failure) {
      if (actions !== 'pull') throw failure
      return { credentials: undefined, failure }
    }
  }

  async #bearer(
    { parameters }: Challenge,
    { repository, actions }: Access,
    credentials: Exclude<Credentials, RegistryToken> | undefined,
  ): Promise<string> {
    const { http, origin, now } = this.#options
    const realm = parseRealm(parameters.get('realm') ?? '', origin)
    const service = parameters.get('service') ?? ''
    const scopes = this.#scopes(repository, actions)
    const key = JSON.stringify([realm.href, service, scopes])
    // What may write may read.
    const wider = JSON.stringify([realm.href, service, this.#scopes(repository, 'pull,push')])
    for (const usable of [wider, key]) {
      const cached = await this.#tokens.get(usable)
      if (cached !== undefined && cached.expiresAt > now()) return `Bearer ${cached.value}`
    }
    const isReadOnly = actions === 'pull'
    // Without the signal of the request that happens to come first: others wait for this token too.
    const token = fetchToken({ realm, service, scopes, credentials, isReadOnly }, http, now)
    this.#tokens.set(key, token)
    token.catch(() => this.#tokens.delete(key))
    return `Bearer ${(await token).value}`
  }

  #lookUp(repository: string): Promise<Credentials | undefined> {
    const { registry, credentials } = this.#options
    const found = this.#credentials.get(repository) ?? credentials({ registry, repository })
    this.#credentials.set(repository, found)
    return found
  }

  #scopes(repository: string, actions: Access['actions']): readonly string[] {
    const learned = this.#learnedScopes.get(repository) ?? []
    return [`repository:${repository}:${actions}`, ...learned]
  }

  #learnScopes(repository: string, scope: string): void {
    const foreign = scope
      .split(' ')
      .filter((one) => one !== '' && !one.startsWith(`repository:${repository}:`))
    this.#learnedScopes.set(repository, foreign)
  }

  async #forget(refused: string | undefined): Promise<void> {
    for (const [key, token] of this.#tokens) {
      const value = await token.then(({ value }) => value).catch(() => undefined)
      if (`Bearer ${value ?? ''}` === refused) this.#tokens.delete(key)
    }
  }

  #notAuthenticated(why: string): CountersignError {
    const { registry } = this.#options
    return new CountersignError('ERR_NOT_AUTHENTICATED', `${registry} ${why}`, {
      hint: `log in: docker login ${registry}`,
      details: { registry },
    })
  }
}

function chooseChallenge(challenges: readonly Challenge[]): Challenge | undefined {
  return (
    challenges.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm')) ??
    challenges.find(({ scheme }) => scheme === 'basic')
  )
}
