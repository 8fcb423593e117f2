import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { GITHUB_ISSUER, startOidcIssuer } from '../../src/testing.ts'

test.each(['RS256', 'ES256'] as const)('a job gets a token that verifies by %s', async (alg) => {
  await using issuer = await startOidcIssuer({
    algorithm: alg,
    jobClaims: { iss: GITHUB_ISSUER },
  })
  const url = `${issuer.requestUrl}&audience=me`
  const headers = { authorization: `Bearer ${issuer.requestToken}` }

  const { value } = (await (await fetch(url, { headers })).json()) as { value: string }

  const keys = createRemoteJWKSet(new URL(`${issuer.issuer}/jwks`))
  const { payload } = await jwtVerify(value, keys, { issuer: GITHUB_ISSUER, audience: 'me' })
  expect(payload).toMatchObject({ repository: 'acme/widget', ref: 'refs/heads/main' })
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300)
  expect(decodeProtectedHeader(value)).toMatchObject({ alg, kid: 'key-1' })
})

test('a client without the token of the job gets no token', async () => {
  await using issuer = await startOidcIssuer()

  expect((await fetch(issuer.requestUrl)).status).toBe(401)
  expect((await fetch(`${issuer.issuer}/nothing`)).status).toBe(404)
})

test('discovery names the keys, and a fault answers in its place until it is taken away', async () => {
  await using issuer = await startOidcIssuer()
  const ask = (): Promise<Response> => fetch(`${issuer.issuer}/.well-known/openid-configuration`)
  issuer.fault = (response) => response.writeHead(503).end()

  expect((await ask()).status).toBe(503)
  issuer.fault = undefined
  expect(await (await ask()).json()).toMatchObject({ jwks_uri: `${issuer.issuer}/jwks` })
})

test('a key that is rotated away stays published unless it is dropped', async () => {
  await using issuer = await startOidcIssuer({ algorithm: 'ES256' })
  const kids = (): unknown[] => issuer.jwks().keys.map(({ kid }) => kid)

  issuer.rotate()
  expect(kids()).toEqual(['key-2', 'key-1'])
  issuer.rotate({ drop: true })
  expect(kids()).toEqual(['key-3'])
})
