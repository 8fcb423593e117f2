import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GCP_TOKEN, type GcpKms, startGcpKms } from '../../support/gcpkms/emulator.ts'
import { gcpKey, watchGcpKms } from '../../support/gcpkms/provider.ts'
import {
  type LoopbackAnswer,
  type LoopbackServer,
  startLoopbackServer,
} from '../../support/loopback-server.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const KEY = gcpKey('release', 1)
const GRANTED: LoopbackAnswer = {
  status: 200,
  body: JSON.stringify({ access_token: GCP_TOKEN, expires_in: 3600, token_type: 'Bearer' }),
}

let emulator: GcpKms

beforeAll(async () => {
  emulator = await startGcpKms()
  emulator.addVersion('release')
})

afterAll(async () => {
  await emulator[Symbol.asyncDispose]()
})

/** The emulator's endpoint, and no credentials. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  const noToken = { CLOUDSDK_AUTH_ACCESS_TOKEN: '' }
  return {
    ...emulator.env,
    ...noToken,
    HOME: createTempFolder(),
    GCE_METADATA_HOST: '127.0.0.1:1',
    ...more,
  }
}

/** Writes a file of credentials where gcloud does, or where the variable says. */
function saveCredentials(content: object, env: Record<string, string>, path?: string): void {
  const home = join(env['HOME'] ?? '', '.config/gcloud/application_default_credentials.json')
  mkdirSync(dirname(path ?? home), { recursive: true })
  writeFileSync(path ?? home, JSON.stringify(content))
  if (path !== undefined) env['GOOGLE_APPLICATION_CREDENTIALS'] = path
}

function formOf(server: LoopbackServer, index = 0): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(server.requests[index]?.body.toString()))
}

test('the key of a service account signs an assertion, once an hour', async () => {
  const server = await startLoopbackServer(() => GRANTED)
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const env = environment()
  saveCredentials(
    {
      type: 'service_account',
      client_email: 'signer@acme.iam.gserviceaccount.com',
      private_key_id: 'key-1',
      private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      token_uri: `${server.url}/token`,
    },
    env,
    join(createTempFolder(), 'key.json'),
  )
  const { provider, pass } = watchGcpKms(env)

  const signer = await provider.open(KEY)
  await signer.sign(Buffer.from('one'))
  expect(server.requests).toHaveLength(1)
  pass(3550)
  await Promise.all([signer.sign(Buffer.from('two')), signer.sign(Buffer.from('three'))])

  expect(server.requests).toHaveLength(2)
  const { assertion = '', grant_type: grant } = formOf(server)
  const [header = '', claims = '', signature = ''] = assertion.split('.')
  expect(grant).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer')
  expect(
    verify(
      'sha256',
      Buffer.from(`${header}.${claims}`),
      publicKey,
      Buffer.from(signature, 'base64url'),
    ),
  ).toBe(true)
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toEqual({
    iss: 'signer@acme.iam.gserviceaccount.com',
    aud: `${server.url}/token`,
    scope: 'https://www.googleapis.com/auth/cloudkms',
    iat: Date.parse('2026-11-25T10:00:00Z') / 1000,
    exp: Date.parse('2026-11-25T11:00:00Z') / 1000,
  })
  expect(createPublicKey(privateKey).asymmetricKeyType).toBe('rsa')
})

test('the login of gcloud is found at home', async () => {
  const server = await startLoopbackServer(() => GRANTED)
  const env = environment()
  const login = { client_id: 'id', client_secret: 'a-client-secret', refresh_token: 'a-refresh' }
  saveCredentials({ type: 'authorized_user', ...login }, env)
  const google = 'https://oauth2.googleapis.com/token'
  const { provider } = watchGcpKms(env, (url) => url.replace(google, server.url))

  await provider.open(KEY)

  expect(formOf(server)).toEqual({ grant_type: 'refresh_token', ...login })
})

test('the token of a job is exchanged, and a service account impersonated', async () => {
  const server = await startLoopbackServer(({ path, headers }) => {
    if (path === '/token')
      return { status: 200, body: '{"access_token":"federated","expires_in":60}' }
    const isFederated = headers.authorization === 'Bearer federated'
    const body = { accessToken: GCP_TOKEN, expireTime: '2026-11-25T11:00:00Z' }
    return { status: isFederated ? 200 : 403, body: JSON.stringify(body) }
  })
  const env = environment()
  const subject = join(createTempFolder(), 'token')
  writeFileSync(subject, '{"value":"the.token.of-the-job"}')
  saveCredentials(
    {
      type: 'external_account',
      audience:
        '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${server.url}/token`,
      service_account_impersonation_url: `${server.url}/v1/signer:generateAccessToken`,
      credential_source: {
        file: subject,
        format: { type: 'json', subject_token_field_name: 'value' },
      },
    },
    env,
    join(createTempFolder(), 'wif.json'),
  )

  await watchGcpKms(env).provider.open(KEY)

  expect(formOf(server)['subject_token']).toBe('the.token.of-the-job')
  expect(server.requests.map(({ path }) => path)).toEqual([
    '/token',
    '/v1/signer:generateAccessToken',
  ])
})

test('the subject token comes from an address, with its headers', async () => {
  const server = await startLoopbackServer(({ path, headers }) => {
    if (path !== '/subject') return GRANTED
    return { status: headers['x-job'] === '1' ? 200 : 403, body: 'the-subject' }
  })
  const env = environment()
  saveCredentials(
    {
      type: 'external_account',
      audience: 'pool',
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      token_url: `${server.url}/token`,
      credential_source: { url: `${server.url}/subject`, headers: { 'x-job': '1' } },
    },
    env,
    join(createTempFolder(), 'wif.json'),
  )

  await watchGcpKms(env).provider.open(KEY)

  expect(formOf(server, 1)['subject_token']).toBe('the-subject')
})

test('the server of a machine is asked where there is no file', async () => {
  const server = await startLoopbackServer(({ headers }) =>
    headers['metadata-flavor'] === 'Google' ? GRANTED : { status: 403 },
  )
  const env = environment({ GCE_METADATA_HOST: new URL(server.url).host })

  await watchGcpKms(env).provider.open(KEY)

  expect(server.requests[0]?.path).toContain('/service-accounts/default/token')
})

test('without credentials the ways to get some are named', async () => {
  await expect(watchGcpKms(environment()).provider.open(KEY)).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
    hint: expect.stringContaining('gcloud auth application-default login') as string,
  })
})

test('a refused login names the error of the server, and no secret', async () => {
  const server = await startLoopbackServer(({ body }) => ({
    status: 400,
    body: JSON.stringify({ error: 'invalid_grant', error_description: body.toString() }),
  }))
  const env = environment()
  saveCredentials(
    { type: 'authorized_user', client_id: 'id', client_secret: 'hush', refresh_token: 'a-refresh' },
    env,
  )
  const google = 'https://oauth2.googleapis.com/token'
  const { provider } = watchGcpKms(env, (url) => url.replace(google, server.url))

  const error: unknown = await provider.open(KEY).catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })
  expect(String(error)).toContain('invalid_grant')
  expect(JSON.stringify(error) + String(error)).not.toMatch(/hush|a-refresh/)
})

test.each([
  ['of another kind', { type: 'impersonated_service_account' }],
  [
    'that would send a token over plain http',
    {
      type: 'external_account',
      audience: 'pool',
      subject_token_type: 'jwt',
      token_url: 'http://sts.example.com/token',
      credential_source: { file: '/dev/null' },
    },
  ],
  [
    'that run a program',
    {
      type: 'external_account',
      audience: 'pool',
      subject_token_type: 'jwt',
      token_url: 'https://sts.example.com/token',
      credential_source: { executable: { command: 'true' } },
    },
  ],
  [
    'without a key',
    {
      type: 'service_account',
      client_email: 'a@b',
      private_key_id: '1',
      private_key: 'not a key',
    },
  ],
])('credentials %s are refused, and nothing is sent', async (_name, content) => {
  const env = environment()
  saveCredentials(content, env, join(createTempFolder(), 'file.json'))

  await expect(watchGcpKms(env).provider.open(KEY)).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
  })
})

test('an endpoint that is not https is refused', async () => {
  const env = environment({ CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS: 'http://kms.example.com/' })

  await expect(watchGcpKms(env).provider.open(KEY)).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
  })
})
