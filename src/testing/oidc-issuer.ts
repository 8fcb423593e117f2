/**
 * An OpenID Connect issuer on loopback that really signs: discovery, keys that rotate, and tokens with
 * the claims of a GitHub job, which a step gets as it does on a runner.
 *
 * @packageDocumentation
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { GITHUB_CLAIMS } from './github-claims.ts'
import { startLoopbackServer } from './loopback.ts'

/** How an issuer begins. */
export interface OidcIssuerOptions {
  /** Claims of its tokens besides `iss`, `aud`, `jti` and the times; default {@link GITHUB_CLAIMS}. */
  readonly claims?: Readonly<Record<string, unknown>>
  /** Audience of a token requested without one; default `https://example.com`. */
  readonly audience?: string
  /** Claims in place of the usual, of tokens that a job requests: GitHub's own `iss`, say. */
  readonly jobClaims?: Readonly<Record<string, unknown>>
  /** Default `RS256`, as GitHub's. */
  readonly algorithm?: 'RS256' | 'ES256'
  /** Default: the real time. */
  readonly now?: () => Date
  /** `Cache-Control` of its keys; default `max-age=300`. */
  readonly cacheControl?: string
}

/** A key of an issuer. */
export interface IssuerKey {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** A running issuer. */
export interface OidcIssuer extends AsyncDisposable {
  /** Its address, the `iss` of its tokens. */
  readonly issuer: string
  /** Address and bearer token by which a job requests its identity token. */
  readonly requestUrl: string
  readonly requestToken: string
  /** Both of them by the names a step knows them by. */
  readonly variables: Readonly<Record<string, string>>
  /** Paths it was asked for, in order. */
  readonly requests: readonly string[]
  /** The key that signs now. */
  readonly key: IssuerKey
  /** Answers every request in its place, or does not, until it is undefined again. */
  fault: ((response: ServerResponse, issuer: OidcIssuer) => void) | undefined
  /** Makes a token that lives 5 minutes; a claim given as `undefined` is left out. */
  mint(
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ): Promise<string>
  /** Makes a new key the one that signs; `drop` unpublishes the ones before. */
  rotate(options?: { readonly drop?: boolean }): void
  /** The published keys. */
  jwks(): { readonly keys: readonly Readonly<Record<string, unknown>>[] }
}

/**
 * Starts an issuer.
 *
 * @example
 * ```ts
 * import { startOidcIssuer } from 'countersign/testing'
 *
 * await using issuer = await startOidcIssuer({ audience: 'api' })
 * console.log((await issuer.mint()).split('.').length) // 3
 * ```
 */
export async function startOidcIssuer(options: OidcIssuerOptions = {}): Promise<OidcIssuer> {
  const { algorithm = 'RS256', now = () => new Date() } = options
  const requests: string[] = []
  let minted = 0
  let keys: readonly [IssuerKey, ...IssuerKey[]] = [createKey(algorithm, 1)]
  const server = await startLoopbackServer((request, response) => {
    requests.push(request.url ?? '')
    if (self.fault === undefined) void answer(request, response, self, options)
    else self.fault(response, self)
  })
  const requestUrl = `${server.origin}/token?api-version=2.0`
  const requestToken = 'request-token-of-the-job'
  const self: OidcIssuer = {
    issuer: server.origin,
    requestUrl,
    requestToken,
    variables: {
      ACTIONS_ID_TOKEN_REQUEST_URL: requestUrl,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    },
    requests,
    fault: undefined,
    get key() {
      return keys[0]
    },
    mint(replaced = {}, header = {}) {
      const seconds = Math.floor(now().getTime() / 1000)
      minted += 1
      const { claims = GITHUB_CLAIMS, audience: aud = 'https://example.com' } = options
      const times = { iat: seconds, nbf: seconds - 5, exp: seconds + 300 }
      const registered = { iss: server.origin, aud, jti: `jti-${minted}`, ...times }
      const { kid, privateKey } = keys[0]
      return signJwt(
        { alg: algorithm, kid, typ: 'JWT', ...header },
        { ...claims, ...registered, ...replaced },
        privateKey,
      )
    },
    rotate({ drop = false } = {}) {
      const next = createKey(algorithm, Number(keys[0].kid.slice('key-'.length)) + 1)
      keys = drop ? [next] : [next, ...keys]
    },
    jwks: () => ({ keys: keys.map((key) => publish(key, algorithm)) }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return self
}

function createKey(algorithm: string, number: number): IssuerKey {
  const pair =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { kid: `key-${number}`, ...pair }
}

function publish({ kid, publicKey }: IssuerKey, alg: string): Readonly<Record<string, unknown>> {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

const signLater = promisify(sign)

/** Signs by the kind of the key, whatever a header claims: tests forge headers. */
async function signJwt(header: object, claims: object, key: KeyObject): Promise<string> {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url')
  const input = `${encode(header)}.${encode(claims)}`
  const signer = { key, dsaEncoding: 'ieee-p1363' } as const
  const signature = await signLater('sha256', Buffer.from(input), signer)
  return `${input}.${signature.toString('base64url')}`
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  self: OidcIssuer,
  { cacheControl = 'max-age=300', jobClaims = {} }: OidcIssuerOptions,
): Promise<void> {
  const url = new URL(request.url ?? '', self.issuer)
  const send = (status: number, body: object): void => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'cache-control': cacheControl,
    })
    response.end(JSON.stringify(body))
  }
  const { issuer } = self
  if (url.pathname === '/.well-known/openid-configuration') {
    send(200, { issuer, jwks_uri: `${issuer}/jwks`, response_types_supported: ['id_token'] })
  } else if (url.pathname === '/jwks') send(200, self.jwks())
  else if (url.pathname !== '/token') send(404, {})
  else if (request.headers.authorization?.toLowerCase() === `bearer ${self.requestToken}`) {
    const aud = url.searchParams.get('audience')
    send(200, { value: await self.mint({ ...jobClaims, ...(aud !== null && { aud }) }) })
  } else send(401, { message: 'the request token is wrong' })
}
