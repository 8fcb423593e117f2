/** Who may do what at a registry double, by Basic or by token. */
import type { IncomingMessage } from 'node:http'

/** The one account of a double. */
export const ACCOUNT = { username: 'tester', password: 'pass:word', identityToken: 'identity' }

const BASIC = `Basic ${Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')}`

/** What a registry wants before it answers. */
export type AuthKind = 'none' | 'basic' | 'bearer'

/** Issues tokens and knows them again. */
export class Accounts {
  /** Token → what it allows: repository → actions. */
  readonly #tokens = new Map<string, ReadonlyMap<string, string>>()
  #issued = 0

  /** Makes every token issued so far worthless. */
  revokeAll(): void {
    this.#tokens.clear()
  }

  /** Whether a header belongs to an account. */
  knows(kind: AuthKind, header: string | undefined): boolean {
    if (kind === 'bearer') return this.#tokens.has((header ?? '').replace(/^Bearer /, ''))
    return kind === 'none' || header === BASIC
  }

  /** Tells whether the bearer of a header may do something in a repository. */
  allows(
    kind: AuthKind,
    header: string | undefined,
    { repository, isWrite }: { repository: string; isWrite: boolean },
  ): boolean {
    if (kind === 'none') return true
    if (kind === 'basic') return header === BASIC
    const granted = this.#tokens.get((header ?? '').replace(/^Bearer /, ''))?.get(repository)
    return granted?.includes(isWrite ? 'push' : 'pull') ?? false
  }

  /** Answers a token request; undefined where it is refused. */
  issue(
    { method, headers, url = '' }: IncomingMessage,
    body: string,
    { isPullPublic, isPushAllowed }: { isPullPublic: boolean; isPushAllowed: boolean },
  ): object | undefined {
    const form = new URLSearchParams(method === 'POST' ? body : url.replace(/^[^?]*/, ''))
    const isKnown =
      method === 'POST'
        ? form.get('refresh_token') === ACCOUNT.identityToken && form.has('client_id')
        : headers.authorization === BASIC
    const isRefused = !isKnown && (headers.authorization !== undefined || method === 'POST')
    if (isRefused || (!isKnown && !isPullPublic)) return undefined
    const scopes = form.getAll('scope').flatMap((scope) => scope.split(' '))
    const granted = scopes.map((scope): [string, string] => {
      const [, repository = '', actions = ''] = /^repository:(.+):([a-z,]*)$/.exec(scope) ?? []
      return [repository, isKnown && isPushAllowed ? actions : 'pull']
    })
    this.#issued += 1
    const token = `token-${this.#issued}`
    this.#tokens.set(token, new Map(granted))
    return method === 'POST' ? { access_token: token } : { token, expires_in: 300 }
  }
}
