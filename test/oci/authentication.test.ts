import { expect, test } from 'vitest'
import type { RegistryCredentialSource } from '../../src/oci/credentials.ts'
import { RegistryClient } from '../../src/oci/registry-client.ts'
import { createRegistryStore } from '../../src/oci/registry-store.ts'
import { REGISTRY_ACCOUNT, startDockerRegistry } from '../support/docker-registry.ts'
import { createArtifact, createImage } from '../support/oci-content.ts'
import { ACCOUNT } from '../support/registry/accounts.ts'
import { refuse } from '../support/registry/faults.ts'
import { createRegistryDouble, type RegistryDouble } from '../support/registry/registry-double.ts'
import type { Switches } from '../support/registry/switches.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { login, openRegistry, password, pushImage } from './open-registry.ts'

const image = createImage()
const subject = image.descriptor.digest

/** A double that holds the image and has forgotten who pushed it. */
async function createGuarded(switches: Partial<Switches>): Promise<RegistryDouble> {
  const double = await createRegistryDouble()
  await pushImage(double.host, image, { tag: 'v1' })
  Object.assign(double.switches, switches)
  double.requests.length = 0
  return double
}

const identity: RegistryCredentialSource = () =>
  Promise.resolve({ kind: 'identity-token', token: ACCOUNT.identityToken, source: 'the test' })

test.each(['basic', 'bearer'] as const)('a password opens a registry with %s', async (auth) => {
  const { host } = await createGuarded({ auth })

  expect(await openRegistry(host, { credentials: login }).resolve({ tag: 'v1' })).toEqual(
    image.descriptor,
  )
})

test('an identity token is exchanged for a token by POST', async () => {
  const { host, seen } = await createGuarded({ auth: 'bearer' }).then((double) => ({
    host: double.host,
    seen: (pattern: RegExp) => double.seen(pattern),
  }))

  await openRegistry(host, { credentials: identity }).attach(createArtifact(image.descriptor))

  expect(seen(/ \/token/)).toMatchObject([{ method: 'POST', path: '/token' }])
})

test('public images are read without credentials, which are looked up only after a 401', async () => {
  const open = await createGuarded({})
  let lookups = 0
  const credentials: RegistryCredentialSource = () => {
    lookups += 1
    return Promise.resolve(undefined)
  }
  await openRegistry(open.host, { credentials }).resolve({ tag: 'v1' })
  expect(lookups).toBe(0)

  const guarded = await createGuarded({ auth: 'bearer', isPullPublic: true })
  await openRegistry(guarded.host, { credentials }).resolve({ tag: 'v1' })
  expect(lookups).toBe(1)
})

test('a stale login does not block access to public images', async () => {
  const { host } = await createGuarded({ auth: 'bearer', isPullPublic: true })
  const store = openRegistry(host, { credentials: password('tester', 'old') })

  expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
  await expect(store.attach(createArtifact(image.descriptor))).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
    message: expect.stringContaining('refuses the credentials from the test') as string,
  })
})

test.each(['basic', 'bearer'] as const)(
  'a wrong password for %s is an error that names where it came from',
  async (auth) => {
    const { host } = await createGuarded({ auth })
    const store = openRegistry(host, { credentials: password('tester', 'wrong-secret') })

    const error: unknown = await store.resolve({ tag: 'v1' }).catch((thrown: unknown) => thrown)

    expect(error).toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })
    expect(String(error)).toContain('refuses the credentials from the test')
    expect(JSON.stringify([error, String(error)])).not.toContain('wrong-secret')
  },
)

test('a rejected password is not sent a second time', async () => {
  const double = await createGuarded({ auth: 'basic' })
  const store = openRegistry(double.host, { credentials: login })
  await store.resolve({ tag: 'v1' })
  double.requests.length = 0
  double.switches.faults.push({
    on: /\/v2\//,
    answer: refuse(401, { 'www-authenticate': 'Basic realm="x"' }),
  })

  await expect(store.resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
    message: expect.stringContaining('refuses the credentials from the test') as string,
  })
  expect(double.requests).toHaveLength(1)
})

test('a token with too little scope means an account without permission', async () => {
  const double = await createGuarded({ auth: 'bearer' })
  const realm = `http://${double.elsewhere}/token`
  const challenge = `Bearer realm="${realm}",error="insufficient_scope"`
  double.switches.faults.push({
    on: /\/v2\//,
    answer: refuse(401, { 'www-authenticate': challenge }),
  })

  await expect(
    openRegistry(double.host, { credentials: login }).resolve({ tag: 'v1' }),
  ).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED', details: { status: 401 } })
})

test('credentials that were refused or unreadable are looked up again', async () => {
  const { host } = await createGuarded({ auth: 'basic' })
  const answers = [
    () => Promise.reject(new Error('locked')),
    password('tester', 'old'),
    login,
  ] as RegistryCredentialSource[]
  const credentials: RegistryCredentialSource = (target) => (answers.shift() ?? login)(target)
  const store = openRegistry(host, { credentials })

  await expect(store.resolve({ tag: 'v1' })).rejects.toThrow('locked')
  await expect(store.resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
  })
  expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
})

test.each(['basic', 'bearer'] as const)('no login where %s wants one is an error', async (auth) => {
  const { host } = await createGuarded({ auth })

  await expect(openRegistry(host).resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
    hint: expect.stringContaining('log in') as string,
  })
})

test('an account that may not push gets an error that says so', async () => {
  const { host } = await createGuarded({ auth: 'bearer', isPushAllowed: false })
  const store = openRegistry(host, { credentials: login })

  await expect(store.attach(createArtifact(image.descriptor))).rejects.toMatchObject({
    code: 'ERR_NOT_ALLOWED',
  })
})

test('a 403 does not count as an image without signatures', async () => {
  const double = await createGuarded({})
  double.switches.faults.push({
    on: /referrers/,
    answer: refuse(403, {}, { errors: [{ code: 'DENIED', message: 'not\n yours' }] }),
  })

  await expect(openRegistry(double.host).referrers(subject)).rejects.toMatchObject({
    code: 'ERR_NOT_ALLOWED',
    message: expect.stringContaining('403 DENIED "not yours"') as string,
    details: { status: 403, registryCode: 'DENIED' },
  })
})

test('one token serves all requests to a repository', async () => {
  const double = await createGuarded({ auth: 'bearer' })
  const store = openRegistry(double.host, { credentials: login })

  await Promise.all([store.resolve({ tag: 'v1' }), store.referrers(subject)])
  await store.readManifest(subject)

  expect(double.seen(/ \/token/)).toHaveLength(1)
})

test('a token for writing serves reading too', async () => {
  const double = await createGuarded({ auth: 'bearer' })
  const store = openRegistry(double.host, { credentials: login })

  await store.attach(createArtifact(image.descriptor))
  await store.referrers(subject)

  expect(double.seen(/ \/token/).map(({ path }) => path)).toEqual([
    '/token?service=double&scope=repository%3Aapp%3Apull%2Cpush',
  ])
})

test('an expired token is replaced before it is sent, a revoked one once it is refused', async () => {
  const double = await createGuarded({ auth: 'bearer' })
  const runtime = createTestRuntime()
  const store = openRegistry(double.host, { credentials: login, runtime })
  await store.resolve({ tag: 'v1' })

  runtime.time += 300_000
  await store.resolve({ tag: 'v1' })
  expect(double.seen(/ \/v2\//)).toHaveLength(3)
  expect(double.seen(/ \/token/)).toHaveLength(2)

  double.accounts.revokeAll()
  await store.resolve({ tag: 'v1' })
  expect(double.seen(/ \/v2\//)).toHaveLength(5)
  expect(double.seen(/ \/token/)).toHaveLength(3)
})

test('two repositories of one registry have tokens of their own and one login', async () => {
  const double = await createGuarded({ auth: 'bearer' })
  await pushImage(double.host, image, { repository: 'other', credentials: login })
  double.requests.length = 0
  const client = new RegistryClient({ runtime: createTestRuntime(), credentials: login })
  for (const repository of ['app', 'other']) {
    const store = createRegistryStore({ client, registry: double.host, repository })
    await store.resolve({ digest: subject })
  }

  expect(double.seen(/ \/token/)).toHaveLength(2)
  expect(double.seen(/ \/v2\//)).toHaveLength(3)
})

test('credentials never leave for the host an upload is sent to', async () => {
  const double = await createGuarded({ auth: 'basic', uploads: 'elsewhere' })

  await openRegistry(double.host, { credentials: login }).attach(createArtifact(image.descriptor))

  const uploads = double.seen(/^PUT .*uploads/)
  expect(uploads.length).toBeGreaterThan(0)
  expect(uploads.every(({ host, authorization }) => host === 'elsewhere' && !authorization)).toBe(
    true,
  )
})

test('credentials never follow a redirect to another host, and its 401 is not answered', async () => {
  const double = await createGuarded({ auth: 'basic' })
  const elsewhere = `http://${double.elsewhere}/somewhere`
  double.switches.faults.push(
    { on: /GET \/v2\/app\/blobs/, answer: refuse(307, { location: elsewhere }) },
    { on: /somewhere/, answer: refuse(401, { 'www-authenticate': 'Basic realm="give"' }) },
  )
  const store = openRegistry(double.host, { credentials: login })
  await store.resolve({ tag: 'v1' })

  const blob = { mediaType: 'a/b', digest: subject, size: 10 }
  await expect(store.readBlob(blob)).rejects.toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })

  const followed = double.seen(/somewhere/)
  expect(followed).toHaveLength(1)
  expect(followed[0]?.authorization).toBeUndefined()
})

test.each([
  ['in the clear', 'http://auth.example/token'],
  ['of no web address', 'ldap://auth.example/token'],
  ['that is not a URL', 'nonsense'],
])('a token server %s gets no credentials', async (_what, realm) => {
  const double = await createGuarded({})
  double.switches.faults.push({
    on: /\/v2\//,
    answer: refuse(401, { 'www-authenticate': `Bearer realm="${realm}"` }),
  })

  await expect(
    openRegistry(double.host, { credentials: login }).resolve({ tag: 'v1' }),
  ).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' })
})

test.each([
  ['no challenge', {}, 'ERR_NOT_AUTHENTICATED'],
  ['an unknown scheme', { 'www-authenticate': 'Negotiate' }, 'ERR_NOT_AUTHENTICATED'],
])('a 401 with %s is an error', async (_what, headers, code) => {
  const double = await createGuarded({})
  double.switches.faults.push({ on: /\/v2\//, answer: refuse(401, headers) })

  await expect(
    openRegistry(double.host, { credentials: login }).resolve({ tag: 'v1' }),
  ).rejects.toMatchObject({ code })
})

test.each([
  ['nothing', ''],
  ['no JSON', 'SECRET'],
  ['no token', '{"tokens":"SECRET"}'],
  ['a token with a line break', '{"token":"SECRET\\r\\nx: y"}'],
])('a token server that answers %s is an error that leaks no secret', async (_what, body) => {
  const double = await createGuarded({ auth: 'bearer' })
  double.switches.faults.push({ on: / \/token/, answer: refuse(200, {}, body) })

  const error: unknown = await openRegistry(double.host, { credentials: login })
    .resolve({ tag: 'v1' })
    .catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL' })
  expect(JSON.stringify([error, String(error)])).not.toContain('SECRET')
})

test.each([
  [403, 'ERR_NOT_AUTHENTICATED'],
  [404, 'ERR_ARTIFACT_NOT_FOUND'],
  [503, 'ERR_REGISTRY_UNAVAILABLE'],
])('a token server that answers %i is an error, and asked again later', async (status, code) => {
  const double = await createGuarded({ auth: 'bearer' })
  double.switches.faults.push({ on: / \/token/, times: 2, answer: refuse(status) })
  const store = openRegistry(double.host, { credentials: identity, maxTries: 2 })

  await expect(store.resolve({ tag: 'v1' })).rejects.toMatchObject({ code })

  double.switches.faults.length = 0
  expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
})

test('a scope under another name, as proxies ask for, is asked for too', async () => {
  const double = await createGuarded({ auth: 'bearer' })
  const realm = `http://${double.elsewhere}/token`
  const challenge = `Bearer realm="${realm}",service="s",scope="repository:real/app:pull"`
  double.switches.faults.push({
    on: /\/v2\//,
    times: 1,
    answer: refuse(401, { 'www-authenticate': challenge }),
  })

  await openRegistry(double.host, { credentials: login }).resolve({ tag: 'v1' })

  const [request] = double.seen(/ \/token/)
  expect(new URL(request?.path ?? '', realm).searchParams.getAll('scope')).toEqual([
    'repository:app:pull',
    'repository:real/app:pull',
  ])
})

test('docker-registry with a login accepts valid credentials and reports missing ones', async () => {
  const registry = await startDockerRegistry({ login: true })
  try {
    const { username, password: secret } = REGISTRY_ACCOUNT
    const credentials = password(username, secret)
    await pushImage(registry.host, image, { credentials })
    const store = openRegistry(registry.host, { credentials })
    const { digest } = await store.attach(createArtifact(image.descriptor))

    expect(await store.referrers(subject)).toMatchObject([{ digest }])
    for (const wrong of [undefined, password(username, 'wrong')]) {
      const other = openRegistry(registry.host, wrong && { credentials: wrong })
      await expect(other.referrers(subject)).rejects.toMatchObject({
        code: 'ERR_NOT_AUTHENTICATED',
      })
    }
  } finally {
    await registry.stop()
  }
})
