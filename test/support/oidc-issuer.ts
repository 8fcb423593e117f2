/**
 * An OpenID Connect issuer on loopback that really signs: discovery, keys that rotate, tokens with the
 * claims of GitHub, GitLab or Kubernetes (`identity-claims.ts`), and every way to misbehave that a relying
 * party must bear.
 *
 * ```ts
 * const issuer = await startOidcIssuer({ claims: GITHUB_CLAIMS, audience: 'https://sign.example.com' })
 * const token = await issuer.mint({ ref: 'refs/heads/dev' }) // one claim replaced
 * createAuthenticator({ issuers: [issuer.settings], now })
 * await issuer.rotate() // a new key signs from now on, the old ones stay published
 * issuer.fault = 'silent' // …until it is undefined again
 * ```
 *
 * For workflows, `requestUrl` and `requestToken` are what GitHub gives a job as
 * `ACTIONS_ID_TOKEN_REQUEST_URL` and `ACTIONS_ID_TOKEN_REQUEST_TOKEN`: a GET with `&audience=` answers a
 * token.
 *
 * @packageDocumentation
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { SignJWT } from 'jose'
import type { IssuerSettings } from '../../src/access/settings.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import { GITHUB_CLAIMS } from './identity-claims.ts'
import { startRawServer } from './raw-server.ts'

/** What an issuer does instead of answering. */
export type IssuerFault =
  | 'silent'
  | 'broken-off'
  | 'unavailable'
  | 'not-found'
  | 'huge'
  | 'redirect'
  | 'html'
  | 'no-json'
  | 'wrong-issuer'
  | 'no-keys'

/** How an issuer begins. */
export interface OidcIssuerOptions {
  /** Claims of its tokens besides `iss`, `aud` and the times; default those of a GitHub job. */
  readonly claims?: JsonObject
  readonly audience?: string
  /** Claims in place of the usual, of tokens that a job requests: GitHub's own `iss`, say. */
  readonly jobClaims?: JsonObject
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

/** A running issuer, closed when the test ends. */
export interface OidcIssuer {
  /** Its address, the `iss` of its tokens. */
  readonly issuer: string
  /** Settings under which its tokens are accepted. */
  readonly settings: IssuerSettings
  /** Paths it was asked for, in order. */
  readonly requests: readonly string[]
  /** What it does wrong, to every request; change it at any time. */
  fault: IssuerFault | undefined
  /** The key that signs now. */
  readonly key: IssuerKey
  /** Address and bearer token by which a job requests its identity token. */
  readonly requestUrl: string
  readonly requestToken: string
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

/** The audience tokens are minted for unless a test says another. */
export const SERVICE_AUDIENCE = 'https://sign.example.com'

/** Starts an issuer. */
export async function startOidcIssuer(options: OidcIssuerOptions = {}): Promise<OidcIssuer> {
  const { claims = GITHUB_CLAIMS, audience = SERVICE_AUDIENCE, algorithm = 'ES256' } = options
  const now = options.now ?? (() => new Date())
  const requests: string[] = []
  let minted = 0
  let keys = [createKey(algorithm, 1)]
  const url = await startRawServer((request, response) => {
    requests.push(request.url ?? '')
    if (self.fault === undefined) answer(request, response, self, options)
    else misbehave(response, self)
  })
  const issuer = url.origin
  const self: OidcIssuer = {
    issuer,
    settings: { issuer, audience, allowPrivateAddresses: true },
    requests,
    fault: undefined,
    requestUrl: `${issuer}/token?api-version=2.0`,
    requestToken: 'request-token-of-the-job',
    get key() {
      return signingKey(keys)
    },
    mint(replaced = {}, header = {}) {
      const seconds = Math.floor(now().getTime() / 1000)
      minted += 1
      const times = { iat: seconds, nbf: seconds - 5, exp: seconds + 300 }
      const registered = { iss: issuer, aud: audience, jti: `jti-${minted}`, ...times }
      const { kid, privateKey } = signingKey(keys)
      return new SignJWT({ ...claims, ...registered, ...replaced })
        .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT', ...header })
        .sign(privateKey)
    },
    rotate({ drop = false } = {}) {
      keys = [
        createKey(algorithm, Number(signingKey(keys).kid.slice(4)) + 1),
        ...(drop ? [] : keys),
      ]
    },
    jwks: () => ({ keys: keys.map((key) => publish(key, algorithm)) }),
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

function signingKey([key]: readonly IssuerKey[]): IssuerKey {
  if (key === undefined) throw new Error('an issuer always has a key')
  return key
}

function publish({ kid, publicKey }: IssuerKey, alg: string): Readonly<Record<string, unknown>> {
  return { ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  self: OidcIssuer,
  { cacheControl = 'max-age=300', jobClaims = {} }: OidcIssuerOptions,
): void {
  const url = new URL(request.url ?? '', self.issuer)
  const send = (status: number, body: object): void => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'cache-control': cacheControl,
    })
    response.end(JSON.stringify(body))
  }
  if (url.pathname === '/.well-known/openid-configuration') {
    const { issuer } = self
    send(200, { issuer, jwks_uri: `${issuer}/jwks`, response_types_supported: ['id_token'] })
  } else if (url.pathname === '/jwks') send(200, self.jwks())
  else if (url.pathname === '/token') {
    const isJob = request.headers.authorization?.toLowerCase() === `bearer ${self.requestToken}`
    const audience = url.searchParams.get('audience') ?? self.settings.audience
    if (isJob)
      void self.mint({ ...jobClaims, aud: audience }).then((value) => {
        send(200, { value })
      })
    else send(401, { message: 'the request token is wrong' })
  } else send(404, {})
}

function misbehave(response: ServerResponse, { fault, issuer }: OidcIssuer): void {
  const json = { 'content-type': 'application/json' }
  switch (fault) {
    case undefined:
    case 'silent':
      return
    case 'broken-off':
      response.destroy()
      return
    case 'unavailable':
      response.writeHead(503, json).end('{}')
      return
    case 'not-found':
      response.writeHead(404, json).end('{}')
      return
    case 'huge':
      response.writeHead(200, json).end(`{"x":"${'x'.repeat(1024 * 1024)}"}`)
      return
    case 'redirect':
      response.writeHead(302, { location: 'https://evil.example/jwks' }).end()
      return
    case 'html':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
      return
    case 'no-json':
      response.writeHead(200, json).end('{"keys":[],"keys":[]}')
      return
    case 'wrong-issuer': {
      const other = { issuer: `${issuer}.evil.example`, jwks_uri: `${issuer}/jwks` }
      response.writeHead(200, json).end(JSON.stringify(other))
      return
    }
    case 'no-keys':
      response.writeHead(200, json).end(JSON.stringify({ issuer, jwks_uri: `${issuer}/x` }))
  }
}
