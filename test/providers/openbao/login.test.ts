import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLoopbackServer } from '../../support/loopback-server.ts'
import { startOidcIssuer } from '../../support/oidc-issuer.ts'
import { keyUri, openCounted } from '../../support/openbao-provider.ts'
import { describeOpenBao, type OpenBaoServer, startTransit } from '../../support/openbao.ts'
import { createCertificate } from '../../support/tls-server.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const SIGNING = 'path "transit/*" { capabilities = ["read", "update"] }'
const RELEASE = keyUri('release')
const MESSAGE = Buffer.from('a message')

const RENEWAL = 'POST auth/token/renew-self'
const LOOKUP = 'GET auth/token/lookup-self'

describeOpenBao('logging in', () => {
  let server: OpenBaoServer

  beforeAll(async () => {
    server = await startTransit()
    await server.ask('POST', 'transit/keys/release', { type: 'ecdsa-p256' })
    await server.ask('PUT', 'sys/policies/acl/signing', { policy: SIGNING })
  })

  afterAll(() => server[Symbol.asyncDispose]())

  /** Where no token is found. */
  function emptyHome(): string {
    return createTempFolder()
  }

  function environment(more: Readonly<Record<string, string>>): Record<string, string> {
    return { BAO_ADDR: server.address, HOME: emptyHome(), ...more }
  }

  describe('with a token', () => {
    test.each(['BAO_TOKEN', 'VAULT_TOKEN'])('takes it from %s', async (variable) => {
      const token = await server.createToken(SIGNING)
      const { provider } = openCounted(environment({ [variable]: token }))

      expect((await provider.open(RELEASE)).key.algorithm.name).toBe('ES256')
    })

    test('takes the one that bao login saved', async () => {
      const env = environment({})
      writeFileSync(join(env['HOME'] ?? '', '.vault-token'), await server.createToken(SIGNING))

      expect((await openCounted(env).provider.open(RELEASE)).key.algorithm.name).toBe('ES256')
    })

    test('takes the newer one that an agent wrote once the other is refused', async () => {
      const file = join(createTempFolder(), 'token')
      const first = await server.createToken(SIGNING)
      writeFileSync(file, `${first}\n`)
      const { provider } = openCounted(environment({ COUNTERSIGN_OPENBAO_TOKEN_FILE: file }))
      const signer = await provider.open(RELEASE)

      await server.ask('POST', 'auth/token/revoke', { token: first })
      writeFileSync(file, `${await server.createToken(SIGNING)}\n`)

      expect(await signer.sign(MESSAGE)).toHaveLength(64)
    })

    test('renews it when two thirds of its life are over, once for all callers', async () => {
      const token = await server.createToken(SIGNING, { ttl: '1h' })
      const { provider, calls, pass } = openCounted(environment({ BAO_TOKEN: token }))
      const signer = await provider.open(RELEASE)

      pass(2390)
      await signer.sign(MESSAGE)
      expect(calls).not.toContain(RENEWAL)
      pass(20)
      await Promise.all(Array.from({ length: 5 }, () => signer.sign(MESSAGE)))

      expect(calls.filter((call) => call === RENEWAL)).toHaveLength(1)
    })

    test('uses one that cannot be renewed to its end', async () => {
      const token = await server.createToken(SIGNING, { ttl: '1h', renewable: false })
      const { provider, calls, pass } = openCounted(environment({ BAO_TOKEN: token }))
      const signer = await provider.open(RELEASE)

      pass(3000)
      await signer.sign(MESSAGE)

      expect(calls).not.toContain(RENEWAL)
    })

    test('names a token that is revoked, and what to run', async () => {
      const token = await server.createToken(SIGNING)
      const { provider } = openCounted(environment({ BAO_TOKEN: token }))
      const signer = await provider.open(RELEASE)
      await server.ask('POST', 'auth/token/revoke', { token })

      await expect(signer.sign(MESSAGE)).rejects.toMatchObject({
        code: 'ERR_NOT_AUTHENTICATED',
        hint: expect.stringContaining('bao login') as string,
        details: expect.objectContaining({ cause: 'token-invalid' }) as object,
      })
    })

    test('names the ways to log in without one', async () => {
      await expect(openCounted(environment({})).provider.open(RELEASE)).rejects.toMatchObject({
        code: 'ERR_NOT_AUTHENTICATED',
        hint: expect.stringContaining('COUNTERSIGN_OPENBAO_LOGIN') as string,
        details: expect.objectContaining({ cause: 'token-missing' }) as object,
      })
    })

    test('sends a file that holds anything else nowhere', async () => {
      const env = environment({})
      writeFileSync(join(env['HOME'] ?? '', '.vault-token'), 'two words')
      const { provider, calls } = openCounted(env)

      await expect(provider.open(RELEASE)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
      expect(calls).toEqual([])
    })
  })

  describe('by AppRole', () => {
    let roleId: string

    beforeAll(async () => {
      await server.ask('POST', 'sys/auth/approle', { type: 'approle' })
      const role = { token_policies: ['signing'], token_ttl: '1h', token_max_ttl: '90m' }
      await server.ask('POST', 'auth/approle/role/ci', role)
      const { data } = await server.ask('GET', 'auth/approle/role/ci/role-id')
      roleId = String(data?.['role_id'])
    })

    async function secretId(): Promise<string> {
      const { data } = await server.ask('POST', 'auth/approle/role/ci/secret-id')
      return String(data?.['secret_id'])
    }

    async function roleEnvironment(): Promise<Record<string, string>> {
      return environment({
        COUNTERSIGN_OPENBAO_LOGIN: 'approle',
        COUNTERSIGN_OPENBAO_ROLE_ID: roleId,
        COUNTERSIGN_OPENBAO_SECRET_ID: await secretId(),
      })
    }

    const LOGIN = 'POST auth/approle/login'

    test('logs in once for all calls', async () => {
      const { provider, calls } = openCounted(await roleEnvironment())

      const signer = await provider.open(RELEASE)
      await Promise.all(Array.from({ length: 5 }, () => signer.sign(MESSAGE)))

      expect(calls.filter((call) => call === LOGIN)).toHaveLength(1)
    })

    test('reads the secret id of a file', async () => {
      const { COUNTERSIGN_OPENBAO_SECRET_ID: secret = '', ...env } = await roleEnvironment()
      const file = join(createTempFolder(), 'secret-id')
      writeFileSync(file, `${secret}\n`)

      const { provider } = openCounted({ ...env, COUNTERSIGN_OPENBAO_SECRET_ID_FILE: file })

      expect((await provider.open(RELEASE)).key.algorithm.name).toBe('ES256')
    })

    test('renews its token, and logs in again at the end of its greatest life', async () => {
      const { provider, calls, pass } = openCounted(await roleEnvironment())
      const signer = await provider.open(RELEASE)

      pass(2500)
      await signer.sign(MESSAGE)
      expect(calls.slice(-2)).toEqual([RENEWAL, 'POST transit/sign/release'])
      pass(6000)
      await signer.sign(MESSAGE)

      expect(calls.slice(-2)).toEqual([LOGIN, 'POST transit/sign/release'])
    })

    test('logs in again where its token is revoked', async () => {
      const { provider, calls } = openCounted(await roleEnvironment())
      const signer = await provider.open(RELEASE)
      await server.ask('DELETE', 'sys/auth/approle')
      await server.ask('POST', 'sys/auth/approle', { type: 'approle' })

      await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })
      expect(calls.slice(-3)).toEqual(['POST transit/sign/release', LOOKUP, LOGIN])
    })
  })

  test('a wrong secret id is named, never repeated, and never tried twice', async () => {
    await server.ask('POST', 'sys/auth/second', { type: 'approle' })
    await server.ask('POST', 'auth/second/role/ci', { token_policies: ['signing'] })
    const { data } = await server.ask('GET', 'auth/second/role/ci/role-id')
    const { provider, calls } = openCounted(
      environment({
        COUNTERSIGN_OPENBAO_LOGIN: 'approle',
        COUNTERSIGN_OPENBAO_LOGIN_PATH: 'second',
        COUNTERSIGN_OPENBAO_ROLE_ID: String(data?.['role_id']),
        COUNTERSIGN_OPENBAO_SECRET_ID: 'a-wrong-secret-id',
      }),
    )

    const error: unknown = await provider.open(RELEASE).catch((thrown: unknown) => thrown)

    expect(error).toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })
    expect(JSON.stringify(error) + String(error)).not.toContain('a-wrong-secret-id')
    expect(calls).toEqual(['POST auth/second/login'])
  })

  test('by the identity token of an issuer', async () => {
    const issuer = await startOidcIssuer()
    await server.ask('POST', 'sys/auth/jwt', { type: 'jwt' })
    await server.ask('POST', 'auth/jwt/config', {
      oidc_discovery_url: issuer.issuer,
      bound_issuer: issuer.issuer,
    })
    await server.ask('POST', 'auth/jwt/role/ci', {
      role_type: 'jwt',
      user_claim: 'sub',
      bound_audiences: ['openbao'],
      bound_claims: { repository: 'acme/widget' },
      token_policies: ['signing'],
    })
    const file = join(createTempFolder(), 'identity')
    const { provider } = openCounted(
      environment({
        COUNTERSIGN_OPENBAO_LOGIN: 'jwt',
        COUNTERSIGN_OPENBAO_ROLE: 'ci',
        COUNTERSIGN_OPENBAO_JWT_FILE: file,
      }),
    )

    const foreign = await issuer.mint({ aud: 'openbao', repository: 'acme/other' })
    writeFileSync(file, foreign)
    const error: unknown = await provider.open(RELEASE).catch((thrown: unknown) => thrown)
    writeFileSync(file, await issuer.mint({ aud: 'openbao', repository: 'acme/widget' }))

    expect(error).toMatchObject({
      code: 'ERR_NOT_AUTHENTICATED',
      message: expect.stringContaining('repository') as string,
      details: expect.objectContaining({ cause: 'login-refused' }) as object,
    })
    expect(String(error)).not.toContain(foreign)
    expect((await provider.open(RELEASE)).key.algorithm.name).toBe('ES256')
  })

  test('by the service account of a pod', async () => {
    const issuer = await startOidcIssuer()
    const account = { namespace: 'build', serviceaccount: { name: 'signer', uid: 'uid-1' } }
    const podToken = await issuer.mint({ aud: ['cluster'], 'kubernetes.io': account })
    // The one call that OpenBao makes of a cluster, as Kubernetes documents it.
    const cluster = await startLoopbackServer(({ path, body }) => {
      const { spec } = JSON.parse(body.toString()) as {
        spec: { token: string; audiences: string[] }
      }
      const user = { username: 'system:serviceaccount:build:signer', uid: 'uid-1' }
      const isKnown = path.endsWith('/tokenreviews') && spec.token === podToken
      const { audiences } = spec
      const status = isKnown ? { authenticated: true, user, audiences } : { authenticated: false }
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', status }
      return { status: 201, body: JSON.stringify(review) }
    })
    await server.ask('POST', 'sys/auth/kubernetes', { type: 'kubernetes' })
    await server.ask('POST', 'auth/kubernetes/config', {
      kubernetes_host: cluster.url,
      token_reviewer_jwt: podToken,
      disable_local_ca_jwt: true,
      kubernetes_ca_cert: createCertificate().certificate,
    })
    await server.ask('POST', 'auth/kubernetes/role/ci', {
      bound_service_account_names: ['signer'],
      bound_service_account_namespaces: ['build'],
      token_policies: ['signing'],
    })
    const file = join(createTempFolder(), 'pod-token')
    writeFileSync(file, podToken)
    const { provider } = openCounted(
      environment({
        COUNTERSIGN_OPENBAO_LOGIN: 'kubernetes',
        COUNTERSIGN_OPENBAO_ROLE: 'ci',
        COUNTERSIGN_OPENBAO_JWT_FILE: file,
      }),
    )

    expect((await provider.open(RELEASE)).key.algorithm.name).toBe('ES256')
    expect(cluster.requests).toHaveLength(1)
  })

  test.each([
    [{ COUNTERSIGN_OPENBAO_LOGIN: 'ldap' }, 'approle'],
    [{ COUNTERSIGN_OPENBAO_LOGIN: 'approle' }, 'ROLE_ID'],
    [{ COUNTERSIGN_OPENBAO_LOGIN: 'jwt', COUNTERSIGN_OPENBAO_ROLE: 'ci' }, 'JWT_FILE'],
    [{ COUNTERSIGN_OPENBAO_LOGIN: 'kubernetes' }, 'ROLE'],
    [{ COUNTERSIGN_OPENBAO_LOGIN: 'approle', COUNTERSIGN_OPENBAO_ROLE_ID: 'r' }, 'SECRET_ID'],
  ])('settings that are not complete are refused: %o', async (settings, named) => {
    const { provider, calls } = openCounted(environment(settings))

    await expect(provider.open(RELEASE)).rejects.toMatchObject({
      code: 'ERR_CONFIG_INVALID',
      hint: expect.stringContaining(named) as string,
    })
    expect(calls).toEqual([])
  })
})
