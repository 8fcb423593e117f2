/**
 * Authentication to one registry: learns from its first 401 what it wants, and gives it from then on.
 * Bearer tokens come from the token server the registry names; Basic goes to the registry itself.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { type Challenge, parseChallenges } from './auth-challenge.ts'
import type { Credentials } from './auth-file.ts'
import type { CredentialSource } from './credentials.ts'
import type { HttpClient } from './http.ts'
import { basicAuthorization, fetchToken, parseRealm, type Token } from './token.ts'

/** What a request needs to be allowed. */
export interface Access {
  readonly repository: string
  /** Writing needs both. */
  readonly actions: 'pull' | 'pull,push'
  readonly signal?: AbortSignal | undefined
}

/** What an Authenticator needs. */
export interface AuthenticatorOptions {
  /** `host[:port]` as the user names it. */
  readonly registry: string
  readonly origin: URL
  readonly credentials: CredentialSource
  readonly http: HttpClient
  readonly now: () => number
}

/** Finds values for `Authorization`; concurrent requests share its tokens and look-ups. */
export class Authenticator {
  readonly #options: AuthenticatorOptions
  /** By repository: podman keeps credentials for parts of a registry. */
  readonly #credentials = new Map<string, Promise<Credentials | undefined>>()
  /** By token server, service and scopes. A token that failed, ended or was refused is taken out. */
  readonly #tokens = new Map<string, Promise<Token>>()
  /** By repository: scopes a challenge asked for under another name than ours (a proxy's). */
  readonly #learnedScopes = new Map<string, readonly string[]>()
  /** Set by the first 401. */
  #challenge: Challenge | undefined

  constructor(options: AuthenticatorOptions) {
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

  /** The error of a registry that refuses what {@link Authenticator.answer} gave, or there is to give. */
  async refusal({ repository }: Access): Promise<CountersignError> {
    const known = await this.#lookUp(repository)
    // The next call looks again: a helper's credentials may live for hours only.
    this.#credentials.delete(repository)
    return this.#notAuthenticated(
      known === undefined
        ? 'wants a login; none was found'
        : `refuses the credentials from ${known.source}`,
    )
  }

  async #authorization(challenge: Challenge, access: Access): Promise<string | undefined> {
    const credentials = await this.#lookUp(access.repository)
    if (challenge.scheme === 'bearer') return this.#bearer(challenge, access, credentials)
    return credentials?.kind === 'password' ? basicAuthorization(credentials) : undefined
  }

  async #bearer(
    { parameters }: Challenge,
    { repository, actions }: Access,
    credentials: Credentials | undefined,
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
    found.catch(() => this.#credentials.delete(repository))
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
