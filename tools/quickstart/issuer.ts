/**
 * An OpenID Connect issuer on loopback, as GitHub Actions or a company has one: it publishes its key and
 * attests identities.
 *
 * @packageDocumentation
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { freePort } from '../../test/support/free-port.ts'

/** A running issuer. */
export interface Issuer extends AsyncDisposable {
  readonly url: string
  /** Makes an identity token for one audience. */
  readonly identify: (claims: Readonly<Record<string, string>>, audience: string) => Promise<string>
}

/** Starts an issuer. */
export async function startIssuer(): Promise<Issuer> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const url = `http://127.0.0.1:${await freePort()}`
  const pages: Readonly<Record<string, object>> = {
    '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/jwks` },
    '/jwks': {
      keys: [{ ...(await exportJWK(publicKey)), kid: 'issuer', alg: 'ES256', use: 'sig' }],
    },
  }
  const server = createServer(({ url: path = '' }, response) => {
    const page = pages[path]
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(page ?? {}))
  })
  server.listen(Number(new URL(url).port), '127.0.0.1')
  await once(server, 'listening')
  return {
    url,
    identify: (claims, audience) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: 'issuer', typ: 'JWT' })
        .setIssuer(url)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('10m')
        .sign(privateKey),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
