/** An attacker who makes use of names: keys of one `kid`, keys without an algorithm, two names of one algorithm. */
import { expect, test } from 'vitest'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { startLoopbackServer } from '../support/loopback-server.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { signAnyToken } from '../support/tokens.ts'

type Jwk = Readonly<Record<string, unknown>>

const jwk = (name: AlgorithmName, more: Jwk = {}): Jwk => ({
  ...serializePublicKeyJwk(testSigner(name).key),
  ...more,
})

/** A service that accepts an issuer with these keys; answers what a call with a token of it gets. */
async function startScene(
  keys: readonly Jwk[],
  algorithms?: readonly AlgorithmName[],
): Promise<(signer: Signer, header?: Jwk) => Promise<number | string>> {
  const issuer = await startLoopbackServer(() => ({ status: 200, body: JSON.stringify({ keys }) }))
  const service = writeServiceFolder({
    folder: createTempFolder(),
    keys: { sessions: { use: 'token' } },
    access: {
      issuers: [
        {
          issuer: issuer.url,
          jwksUri: `${issuer.url}/keys`,
          allowPrivateAddresses: true,
          ...(algorithms && { algorithms }),
        },
      ],
    },
  })
  const { address } = await runServer(service)
  return async (signer, header = {}) => {
    const iat = Math.floor(Date.now() / 1000)
    const times = { iat, exp: iat + 300 }
    const claims = { iss: issuer.url, aud: service.issuer, sub: 'job-7', ...times }
    const token = await signAnyToken(claims, header, signer)
    const answer = await fetch(`${address}/v1/keys/sessions`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const { code } = (await answer.json()) as { code?: string }
    return code ?? answer.status
  }
}

const REFUSED = 'ERR_NOT_AUTHENTICATED'

test('an RSA key without an algorithm verifies the configured ones, and no other', async () => {
  const open = [jwk('RS256', { alg: undefined })]

  const usual = await startScene(open)
  expect(await usual(testSigner('RS256'))).toBe(200)
  expect(await usual(testSigner('PS256'))).toBe(REFUSED)

  const configured = await startScene(open, ['PS256', 'RS512'])
  expect(await configured(testSigner('PS256'))).toBe(200)
  expect(await configured(testSigner('RS512'))).toBe(200)
  expect(await configured(testSigner('RS256'))).toBe(REFUSED)
  // The header is an attacker's: it chooses among algorithms, and the signature must be of that one.
  expect(await configured(testSigner('RS512'), { alg: 'PS256' })).toBe(REFUSED)
})

test('an RSA key with an algorithm verifies no other, whatever is configured', async () => {
  const call = await startScene([jwk('RS256')], ['RS256', 'PS256'])

  expect(await call(testSigner('RS256'))).toBe(200)
  expect(await call(testSigner('PS256'))).toBe(REFUSED)
})

test('keys of one name are distinguished by algorithm, and never replace each other', async () => {
  const kid = 'shared'
  const names = ['ES256', 'RS256', 'EdDSA'] as const
  const call = await startScene(names.map((name) => jwk(name, { kid })))

  for (const name of names) {
    expect(await call(testSigner(name), { kid })).toBe(200)
    expect(await call(testSigner(name, 'other'), { kid })).toBe(REFUSED)
    for (const alg of names.filter((other) => other !== name)) {
      expect(await call(testSigner(name), { kid, alg })).toBe(REFUSED)
    }
  }
})

test('both names of Ed25519 are accepted, and for no other algorithm', async () => {
  for (const alg of ['EdDSA', 'Ed25519', undefined]) {
    const call = await startScene(
      [jwk('EdDSA', { alg })],
      alg === undefined ? ['EdDSA'] : undefined,
    )
    for (const name of ['EdDSA', 'Ed25519'] as const) {
      expect(await call(testSigner(name))).toBe(200)
      expect(await call(testSigner(name, 'other'))).toBe(REFUSED)
    }
    expect(await call(testSigner('EdDSA'), { alg: 'Ed448' })).toBe(REFUSED)
    expect(await call(testSigner('EdDSA'), { alg: 'none' })).toBe(REFUSED)
  }
  const ec = await startScene([jwk('ES256', { kid: 'k' })])
  expect(await ec(testSigner('ES256'), { kid: 'k', alg: 'Ed25519' })).toBe(REFUSED)
})
