import { expect, onTestFinished, test } from 'vitest'
import { CountersignError, ERROR_TRAITS } from '../../../src/errors.ts'
import type { ProtectedRequest } from '../../../src/access/approvals.ts'
import type { ServiceContext } from '../../../src/service/context.ts'
import { parseKeyHistory } from '../../../src/keys/key-history.ts'
import { transition } from '../../../src/rotation/key-changes.ts'
import { createKeyring } from '../../../src/rotation/store-keyring.ts'
import {
  createPublications,
  KEY_HISTORY_PATH,
  type Publications,
} from '../../../src/service/publishing/publications.ts'
import type { Signer } from '../../../src/signing/signer.ts'
import { TRUST_SIGNER } from '../../support/published-keys.ts'
import { OPERATOR, RotationScene } from '../../support/rotation-scene.ts'
import { CREDENTIALS, startService, type TestServiceOptions } from '../../support/service.ts'

interface Administered {
  readonly publications: Publications
  readonly scene: RotationScene
  readonly post: (path: string, payload?: object) => Promise<{ status: number; body: unknown }>
  readonly get: (path: string) => Promise<{ status: number; body: unknown }>
}

interface StartOptions extends TestServiceOptions {
  readonly trustSigner?: () => Promise<Signer>
}

const signAtOnce = (): Promise<Signer> => Promise.resolve(TRUST_SIGNER)

/** A service over a key with an active version and a standby. */
async function start(
  parts: Partial<ServiceContext> = {},
  { trustSigner = signAtOnce, ...options }: StartOptions = {},
): Promise<Administered> {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { store, providers } = scene
  const keyring = await createKeyring({
    store,
    openKey: (reference, keyOptions) => providers.openKey(reference, keyOptions),
    onError: () => undefined,
  })
  onTestFinished(() => keyring[Symbol.asyncDispose]())
  const publications = createPublications({
    keyring,
    store,
    onAnnouncement: (listener) => store.onAnnouncement(listener),
    lifetimes: { expiresSeconds: 86_400, offlineSeconds: 30 * 86_400 },
    random: () => 0,
    names: {
      issuer: 'https://sign.example.com',
      logOrigin: 'sign.example.com',
      auditOrigin: 'sign.example.com/audit',
    },
    trustSigner: () => trustSigner(),
    now: () => scene.now,
    startTimer: () => () => undefined,
    onError: () => undefined,
  })
  onTestFinished(() => {
    publications[Symbol.dispose]()
  })
  const own = { store, keyring, publications, now: () => scene.now, rotation: scene.context() }
  const { app } = await startService({ ...options, parts: { ...own, ...parts } })
  const call = async (method: 'GET' | 'POST', url: string, payload?: object) => {
    const body = payload === undefined ? {} : { payload }
    const answer = await app.inject({ method, url, headers: CREDENTIALS, ...body })
    return { status: answer.statusCode, body: answer.json<unknown>() }
  }
  return {
    scene,
    publications,
    post: (path, payload = {}) => call('POST', path, payload),
    get: (path) => call('GET', path),
  }
}

test('the inventory shows every key with its versions and its plan', async () => {
  const { scene, get } = await start()
  const [first] = await scene.versions()

  const list = await get('/v1/keys')
  const one = await get('/v1/keys/release')

  expect(one.body).toMatchObject({
    name: 'release',
    use: 'artifact',
    algorithm: 'ES256',
    active: 1,
    standby: 2,
    rotation: { from: 1, to: 2 },
    versions: [
      { version: 1, state: 'active', kid: first?.publicKey.kid, isForced: false },
      { version: 2, state: 'pending' },
    ],
  })
  expect(list).toEqual({ status: 200, body: { keys: [one.body] } })
})

test('a rotation is done, logged with its caller, and seen by the next request', async () => {
  const { scene, post, get } = await start()
  scene.pass(3600)

  const { status, body } = await post('/v1/keys/release/rotate', { reason: 'as planned' })

  expect(status).toBe(200)
  expect(body).toMatchObject({
    key: 'release',
    dryRun: false,
    sequence: 6,
    changed: [
      { version: 1, state: 'retired' },
      { version: 2, state: 'active' },
    ],
  })
  expect((await get('/v1/keys/release')).body).toMatchObject({ active: 2 })
  expect((await scene.log()).at(-1)).toMatchObject({
    action: 'activate',
    caller: { issuer: 'static', subject: 'tester' },
    reason: 'as planned',
  })
})

test('the answer to a change comes once the signed history shows it', async () => {
  const { post, publications } = await start()
  const showsRevocation = (): boolean => {
    const { body = new Uint8Array() } = publications.page(KEY_HISTORY_PATH) ?? {}
    return parseKeyHistory(body, TRUST_SIGNER.key).versions.some(({ state }) => state === 'revoked')
  }
  await publications.settled()
  const before = showsRevocation()

  const { status } = await post('/v1/keys/release/revoke', {
    mode: 'seamless',
    reason: 'a laptop was stolen',
  })

  expect([before, status, showsRevocation()]).toEqual([false, 200, true])
})

test('a trust key that does not answer holds up no revocation', async () => {
  const { post } = await start({}, { trustSigner: () => new Promise(() => undefined) })

  const { status } = await post('/v1/keys/release/revoke', {
    mode: 'seamless',
    reason: 'a laptop was stolen',
  })

  expect(status).toBe(200)
})

test('a dry run answers the plan of a revocation and changes nothing', async () => {
  const { scene, post } = await start()
  const before = await scene.versions()

  const { status, body } = await post('/v1/keys/release/revoke?dryRun=true', { mode: 'seamless' })

  expect(status).toBe(200)
  expect(body).toMatchObject({
    dryRun: true,
    plan: {
      changes: [
        { version: 1, from: 'active', to: 'revoked' },
        { version: 2, from: 'pending', to: 'active' },
      ],
      revocation: { version: 1, mode: 'seamless', successor: 2 },
    },
  })
  expect(await scene.versions()).toEqual(before)
})

test('a dry run of a refused change states the reason', async () => {
  const { post } = await start()

  const { body } = await post('/v1/keys/release/activate?dryRun=true')

  expect(body).toMatchObject({ plan: { refusal: { code: 'ERR_TRANSITION_TOO_EARLY' } } })
})

test('every kind of change can be requested', async () => {
  const { scene, post } = await start()
  const provider = await scene.providers.provider({ scheme: 'file', path: '' })
  const path = `${scene.folder}/keys/old.pem`
  await provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })
  const because = { force: true, reason: 'a test' }
  const asked: readonly (readonly [string, object])[] = [
    ['/v1/keys', { key: 'release', publish: false }],
    ['/v1/keys/release/import', { uri: `file:${path}` }],
    ['/v1/keys/release/activate', because],
    ['/v1/keys/release/revoke', { mode: 'flush', compromisedSince: '2026-11-20T00:00:00Z' }],
    ['/v1/keys/release/retire', because],
  ]
  for (const [url, body] of asked) expect(await post(url, body), url).toMatchObject({ status: 200 })
  scene.pass(60 * 86_400)
  const destroyed = await post('/v1/keys/release/destroy', { version: 1 })
  const cancelled = await post('/v1/keys/release/destroy', { version: 1, cancel: true })

  expect(await scene.states()).toBe('destroyed revoked retired standby')
  expect(destroyed.body).toMatchObject({ backend: { action: 'destroy', outcome: 'done' } })
  expect(cancelled.body).toMatchObject({ backend: { outcome: 'unsupported' } })
})

test('an imported key pair is published, so that it can be activated without anything else', async () => {
  const { scene, post } = await start()
  const path = `${scene.folder}/keys/old.pem`
  const uri = { scheme: 'file', path } as const
  await (await scene.providers.provider(uri)).create({ uri, algorithm: 'ES256' })
  const imported = await post('/v1/keys/release/import', { uri: `file:${path}` })
  const forced = { version: 3, force: true, reason: 'the other token is lost' }
  const activated = await post('/v1/keys/release/activate', forced)

  expect([imported.status, activated.status]).toEqual([200, 200])
  expect(await scene.states()).toBe('retired standby active')
})

test('a change that a rule forbids is a conflict', async () => {
  const { post } = await start()

  const { status, body } = await post('/v1/keys/release/rotate')

  expect(status).toBe(409)
  expect(body).toMatchObject({ code: 'ERR_TRANSITION_TOO_EARLY', retryable: false })
})

test.each([
  ['an unknown key', '/v1/keys/missing/rotate', {}, 'ERR_KEY_NOT_FOUND'],
  ['an unknown member', '/v1/keys/release/rotate', { forced: true }, 'ERR_REQUEST_INVALID'],
  ['no mode', '/v1/keys/release/revoke', {}, 'ERR_REQUEST_INVALID'],
  [
    'a malformed time',
    '/v1/keys/release/revoke',
    { mode: 'flush', compromisedSince: '2026-99-20T00:00:00Z' },
    'ERR_REQUEST_INVALID',
  ],
  [
    'a day that no month has',
    '/v1/keys/release/revoke',
    { mode: 'flush', compromisedSince: '2026-02-31T00:00:00Z' },
    'ERR_REQUEST_INVALID',
  ],
  [
    'a key at another location',
    '/v1/keys/release/import',
    { uri: 'pkcs11:object=x?module-path=/evil.so' },
    'ERR_KEY_URI_INVALID',
  ],
] as const)('%s is refused', async (_what, url, payload, code) => {
  const { scene, post } = await start()

  expect(await post(url, payload)).toMatchObject({
    status: ERROR_TRAITS[code].http,
    body: { code },
  })
  expect(await scene.states()).toBe('active standby')
})

test.each([
  ['GET', '/v1/keys'],
  ['GET', '/v1/keys/release'],
  ['POST', '/v1/keys/release/rotate'],
  ['POST', '/v1/keys/release/rotate?dryRun=true'],
] as const)('%s %s needs a policy that permits it', async (method, url) => {
  const { post, get } = await start(
    {},
    { policies: 'permit (principal, action == Action::"sign", resource);' },
  )

  const answer = method === 'GET' ? await get(url) : await post(url)

  expect(answer).toMatchObject({ status: 403, body: { code: 'ERR_NOT_ALLOWED' } })
})

/** Parts in which everything has to wait; collects what is asked for. */
function waitingParts(): {
  readonly asked: ProtectedRequest[]
  readonly parts: Partial<ServiceContext>
} {
  const asked: ProtectedRequest[] = []
  const approvals: ServiceContext['approvals'] = {
    rules: () => Promise.reject(new Error('nothing is approved here')),
    consentTo: () => () => Promise.reject(new Error('nothing is approved here')),
    assertApproved: (request) => {
      asked.push(request)
      return Promise.reject(new CountersignError('ERR_NOT_ALLOWED', 'others have to approve'))
    },
  }
  return { asked, parts: { approvals } }
}

const forced = { force: true, reason: 'a drill' }

test('an approval fixes the change and the version, though the request names none', async () => {
  const { asked, parts } = waitingParts()
  const { post } = await start(parts)

  await post('/v1/keys/release/revoke', { mode: 'seamless' })
  await post('/v1/keys/release/retire', forced)
  await post('/v1/keys/release/activate', forced)
  await post('/v1/keys/release/rotate', forced)
  await post('/v1/keys', { key: 'release' })
  await post('/v1/keys/release/revoke', { mode: 'flush' })

  expect(asked.map(({ parameters }) => parameters['does'])).toEqual([
    ['revoke 1', 'activate 2'],
    ['retire 1'],
    ['retire 1', 'activate 2'],
    ['retire 1', 'activate 2'],
    ['create 3', 'publish 3'],
    ['create 3', 'revoke 1', 'activate 3'],
  ])
})

test('a pending request creates no key pair', async () => {
  const { parts } = waitingParts()
  const { post, scene } = await start(parts)
  const before = scene.keyFiles()

  await post('/v1/keys', { key: 'release' })
  await post('/v1/keys/release/revoke', { mode: 'flush' })

  expect(scene.keyFiles()).toEqual(before)
  expect(await scene.intents()).toBe(0)
})

test.each([
  ['revoke', { mode: 'flush', compromisedSince: '2100-01-01T00:00:00Z' }],
  ['revoke', { mode: 'flush', force: true }],
])('a refused %s %j makes no key pair', async (action, body) => {
  const { post, scene } = await start()
  const before = scene.keyFiles()

  const answer = await post(`/v1/keys/release/${action}`, body)

  expect(answer.body).toMatchObject({ code: 'ERR_TRANSITION_REFUSED' })
  expect(scene.keyFiles()).toEqual(before)
  expect(await scene.intents()).toBe(0)
})

test('a rotation that makes its own standby is one change, and one approval', async () => {
  const { post, scene } = await start()
  await post('/v1/keys/release/rotate', forced)

  const { asked, parts } = waitingParts()
  const waiting = await start(parts)
  await transition(
    waiting.scene.context(),
    'release',
    { action: 'activate', force: true },
    OPERATOR,
  )
  await waiting.post('/v1/keys/release/rotate', forced)
  const { status } = await post('/v1/keys/release/rotate', forced)

  expect(asked.map(({ parameters }) => parameters['does'])).toEqual([
    ['create 3', 'publish 3', 'retire 2', 'activate 3'],
  ])
  expect(status).toBe(200)
  const states = (await scene.log()).filter((entry) => entry.type === 'state')
  const last = states.at(-1)?.sequence
  expect(
    states
      .filter(({ sequence }) => sequence === last)
      .map(({ action, key }) => `${action}${key.version}`),
  ).toEqual(['create3', 'publish3', 'retire2', 'activate3'])
})

test('a rotation that its own standby is too early for leaves it published', async () => {
  const { post, scene } = await start()
  await post('/v1/keys/release/rotate', forced)

  const { body } = await post('/v1/keys/release/rotate', {})

  expect(body).toMatchObject({ code: 'ERR_TRANSITION_TOO_EARLY' })
  expect(await scene.states()).toBe('retired active standby')
})

test('a change that others have to approve waits, with all that it says', async () => {
  const { asked, parts } = waitingParts()
  const { scene, post } = await start(parts)

  const request = { mode: 'seamless', version: 1, reason: 'stolen' }
  const { status } = await post('/v1/keys/release/revoke', request)
  const plan = await post('/v1/keys/release/revoke?dryRun=true', request)

  expect(status).toBe(403)
  expect(plan.status).toBe(200)
  expect(asked).toEqual([
    {
      action: 'revokeKey',
      resource: 'release',
      parameters: { does: ['revoke 1', 'activate 2'], action: 'revoke', ...request },
      steps: [
        { version: 1, action: 'revoke', isForced: false },
        { version: 2, action: 'activate', isForced: true },
      ],
    },
  ])
  expect(await scene.states()).toBe('active standby')
})
