/** An OIDC issuer in this process, and callers with its tokens: jobs as GitHub Actions describes them. */
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import { GITHUB_CLAIMS } from '../../test/support/identity-claims.ts'

/** Address of the service that is measured, as its tokens and its callers' name it. */
export const ISSUER = 'https://sign.example.com'

/** Who vouches for callers. */
export interface Callers extends AsyncDisposable {
  readonly issuer: string
  readonly jwksUri: string
  /** As many tokens as asked for, each of a job of its own, good for an hour; claims may be others. */
  readonly tokens: (
    count: number,
    claims?: Readonly<Record<string, string>>,
  ) => Promise<readonly string[]>
}

/** Starts an issuer that signs RS256 with 2048 bits, as GitHub's does. */
export async function startCallers(): Promise<Callers> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const header = { alg: 'RS256', kid: 'bench', typ: 'JWT' }
  const jwk = { ...publicKey.export({ format: 'jwk' }), ...header, use: 'sig' }
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ keys: [jwk] }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const issuer = `http://127.0.0.1:${port}`
  const mint = (claims: Readonly<Record<string, string>>): Promise<string> =>
    new SignJWT({ ...GITHUB_CLAIMS, ...claims, jti: randomUUID(), run_id: randomUUID() })
      .setProtectedHeader(header)
      .setIssuer(issuer)
      .setAudience(ISSUER)
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(privateKey)
  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    tokens: (count, claims = {}) => Promise.all(Array.from({ length: count }, () => mint(claims))),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
