import { expect, test } from 'vitest'
import { parsePublicKeyPem } from '../../../src/crypto/public-key.ts'
import { activate } from '../../../src/keys/transitions.ts'
import { KeyStory, testKey } from '../../support/key-versions.ts'
import { PublishedKeys } from '../../support/published-keys.ts'
import { createService } from '../../support/service.ts'

const PATHS = [
  '/.well-known/jwks.json',
  '/.well-known/openid-configuration',
  '/trust/keys.json',
  '/trust/trusted-root.json',
]

/** A service with a token key and an artifact key. */
async function service() {
  const stories = (['token', 'artifact'] as const).map((use) => {
    const story = new KeyStory({ ...testKey(use, { maxAgeSeconds: 120 }), name: use }).standby(0)
    return story.take(activate(story.at(0), 1))
  })
  const published = new PublishedKeys(200, ...stories)
  await published.publications.settled()
  const { publications } = published
  return { app: await createService({ publications }), stories, published }
}

test('the JWKS has the headers that every verifier and browser needs', async () => {
  const { app, published } = await service()

  const answer = await app.inject({ url: '/.well-known/jwks.json' })

  expect(answer.statusCode).toBe(200)
  expect(answer.headers).toMatchObject({
    'content-type': 'application/jwk-set+json',
    'cache-control': 'public, max-age=120',
    'access-control-allow-origin': '*',
    'cross-origin-resource-policy': 'cross-origin',
    'content-security-policy': "default-src 'none';frame-ancestors 'none'",
    'strict-transport-security': 'max-age=31536000',
    'x-content-type-options': 'nosniff',
    'x-request-id': 'id-1',
  })
  expect(answer.headers.etag).toMatch(/^"[A-Za-z0-9_-]{43}"$/)
  expect(answer.body).toBe(published.text('/.well-known/jwks.json'))
  expect(answer.json()).toMatchObject({ sequence: 1, refreshHintSeconds: 120 })
})

test.each(PATHS)('%s is answered with 304 to a client that has it', async (url) => {
  const { app } = await service()
  const { headers } = await app.inject({ url })
  const ask = (tag: string) => app.inject({ url, headers: { 'if-none-match': tag } })
  const etag = headers.etag ?? ''

  const answers = await Promise.all(['"x"', etag, `W/${etag}`, `"x", ${etag}`, '*'].map(ask))

  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 304, 304, 304, 304])
  expect(answers[1]?.body).toBe('')
  expect(answers[1]?.headers).toMatchObject({
    etag,
    'cache-control': headers['cache-control'],
    'access-control-allow-origin': '*',
  })
})

test.each(PATHS)('HEAD of %s has the headers of GET and no body', async (url) => {
  const { app } = await service()
  const get = await app.inject({ url })

  const head = await app.inject({ method: 'HEAD', url })

  expect(head.statusCode).toBe(200)
  expect(head.body).toBe('')
  for (const name of ['etag', 'content-type', 'content-length', 'cache-control']) {
    expect(head.headers[name]).toBe(get.headers[name])
  }
})

test('a key is fetched as PEM by its kid', async () => {
  const { app, stories } = await service()
  const kid = stories[1]?.version(1).publicKey.kid ?? ''

  const answer = await app.inject({ url: `/keys/${kid}.pem` })

  expect(answer.headers['content-type']).toBe('application/x-pem-file')
  expect(parsePublicKeyPem(answer.body).kid).toBe(kid)
})

test('an unpublished key is not found, and a malformed kid is refused', async () => {
  const { app } = await service()

  const unknown = await app.inject({ url: `/keys/${'A'.repeat(43)}.pem` })
  const malformed = await app.inject({ url: '/keys/..%2fsecret.pem' })

  expect([unknown.statusCode, unknown.json<{ code: string }>().code]).toEqual([
    404,
    'ERR_KEY_NOT_FOUND',
  ])
  expect(malformed.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
})

test('the discovery document points to the JWKS of the same service', async () => {
  const { app } = await service()

  const answer = await app.inject({ url: '/.well-known/openid-configuration' })

  expect(answer.json()).toMatchObject({
    issuer: 'https://sign.example.com',
    jwks_uri: 'https://sign.example.com/.well-known/jwks.json',
  })
})

test('a history that was never signed is not served: try again', async () => {
  await using app = await createService({
    publications: { page: () => undefined, settled: () => Promise.resolve() },
  })

  const answer = await app.inject({ url: '/trust/keys.json' })

  expect(answer.statusCode).toBe(503)
  expect(answer.json()).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE', retryable: true })
})

test('a served page leaves no log line, and a failed one leaves a line with its request', async () => {
  const lines: string[] = []
  const logger = { level: 'info', stream: { write: (line: string) => void lines.push(line) } }
  const { published } = await service()
  const page = (path: string) =>
    path === '/trust/keys.json' ? undefined : published.publications.page(path)
  const publications = { page, settled: () => Promise.resolve() }
  await using app = await createService({ publications }, { logger })

  await app.inject({ url: '/.well-known/jwks.json' })
  const ofServed = lines.splice(0)
  const { headers } = await app.inject({ url: '/trust/keys.json' })

  expect(ofServed).toEqual([])
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { reqId: headers['x-request-id'], code: 'ERR_PROVIDER_UNAVAILABLE' },
  ])
})
