/**
 * The issuer of `countersign/testing`, as the tests of this project use it: closed when the test ends,
 * with the settings a service accepts it by, and every way to misbehave that a relying party must bear.
 *
 * ```ts
 * const issuer = await startOidcIssuer({ claims: GITHUB_CLAIMS, audience: 'https://sign.example.com' })
 * const token = await issuer.mint({ ref: 'refs/heads/dev' }) // one claim replaced
 * createAuthenticator({ issuers: [issuer.settings], now })
 * await issuer.rotate() // a new key signs from now on, the old ones stay published
 * issuer.fault = ISSUER_FAULTS.silent // …until it is undefined again
 * ```
 *
 * @packageDocumentation
 */
import type { ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import type { IssuerSettings } from '../../src/access/settings.ts'
import {
  type OidcIssuer as RunningIssuer,
  type OidcIssuerOptions,
  startOidcIssuer as start,
} from '../../src/testing.ts'

/** Something an issuer does instead of answering. */
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

/** A running issuer, closed when the test ends. */
export interface OidcIssuer extends RunningIssuer {
  /** Settings under which its tokens are accepted. */
  readonly settings: IssuerSettings
}

/** The audience tokens are minted for unless a test says another. */
export const SERVICE_AUDIENCE = 'https://sign.example.com'

/** Starts an issuer; of ES256, whose keys are made at once. */
export async function startOidcIssuer(options: OidcIssuerOptions = {}): Promise<OidcIssuer> {
  const { audience = SERVICE_AUDIENCE } = options
  const running = await start({ algorithm: 'ES256', audience, ...options })
  onTestFinished(() => running[Symbol.asyncDispose]())
  const { issuer } = running
  return Object.assign(running, { settings: { issuer, audience, allowPrivateAddresses: true } })
}

const JSON_TYPE = { 'content-type': 'application/json' }

/** What an issuer does then. */
export const ISSUER_FAULTS: Readonly<Record<IssuerFault, RunningIssuer['fault']>> = {
  silent: () => undefined,
  'broken-off': (response) => {
    response.destroy()
  },
  unavailable: answering(503, JSON_TYPE, '{}'),
  'not-found': answering(404, JSON_TYPE, '{}'),
  huge: answering(200, JSON_TYPE, `{"x":"${'x'.repeat(1024 * 1024)}"}`),
  redirect: answering(302, { location: 'https://evil.example/jwks' }),
  html: answering(200, { 'content-type': 'text/html' }, '<html>'),
  'no-json': answering(200, JSON_TYPE, '{"keys":[],"keys":[]}'),
  'wrong-issuer': (response, { issuer }) => {
    const other = { issuer: `${issuer}.evil.example`, jwks_uri: `${issuer}/jwks` }
    response.writeHead(200, JSON_TYPE).end(JSON.stringify(other))
  },
  'no-keys': (response, { issuer }) => {
    response.writeHead(200, JSON_TYPE).end(JSON.stringify({ issuer, jwks_uri: `${issuer}/x` }))
  },
}

function answering(
  status: number,
  headers: Readonly<Record<string, string>>,
  body?: string,
): (response: ServerResponse) => void {
  return (response) => {
    response.writeHead(status, headers).end(body)
  }
}
