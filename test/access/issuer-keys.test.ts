import { expect, test } from 'vitest'
import { createIssuerKeys, type IssuerKeys } from '../../src/access/issuer-keys.ts'
import type { OidcIssuerOptions } from '../../src/testing.ts'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import { serializePublicKeyJwk } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import {
  ISSUER_FAULTS,
  type IssuerFault,
  type OidcIssuer,
  startOidcIssuer,
} from '../support/oidc-issuer.ts'
import { testSigner } from '../support/signers.ts'

interface Scene {
  readonly issuer: OidcIssuer
  readonly keys: IssuerKeys
  readonly failures: CountersignError[]
  readonly pass: (seconds: number) => void
  /** How often the keys were fetched. */
  readonly fetches: () => number
}

async function createScene(options: OidcIssuerOptions = {}): Promise<Scene> {
  let now = Date.parse('2026-11-25T12:00:00Z')
  const issuer = await startOidcIssuer(options)
  const failures: CountersignError[] = []
  const bounded = createBoundedGet({ allowPrivateAddresses: true })
  const keys = createIssuerKeys({
    settings: issuer.settings,
    get: (request) => bounded({ ...request, timeoutMs: 500 }),
    now: () => new Date(now),
    onFailure: (error) => failures.push(error),
  })
  return {
    issuer,
    keys,
    failures,
    pass: (seconds) => (now += seconds * 1000),
    fetches: () => issuer.requests.filter((path) => path === '/jwks').length,
  }
}

const kids = async (keys: IssuerKeys, kid: string): Promise<readonly string[]> =>
  (await keys.keysFor({ kid })).map((key) => key.kid)

test('keys are fetched once for as long as they may be kept', async () => {
  const { keys, pass, fetches } = await createScene({ cacheControl: 'public, max-age=120' })

  for (const seconds of [0, 100, 19]) {
    pass(seconds)
    expect(await kids(keys, 'key-1')).toEqual(['key-1'])
  }
  expect(fetches()).toBe(1)
  pass(1)
  await keys.keysFor({ kid: 'key-1' })
  expect(fetches()).toBe(2)
})

test.each([
  ['no time', 'no-store', 299, 301],
  ['too short a time', 'max-age=0', 9, 11],
  ['too long a time', 'max-age=999999', 3599, 3601],
])(
  'with %s (%s) keys are kept for a time that is bounded',
  async (_what, cacheControl, kept, gone) => {
    const { keys, pass, fetches } = await createScene({ cacheControl })

    await keys.keysFor({ kid: 'key-1' })
    pass(kept)
    await keys.keysFor({ kid: 'key-1' })
    expect(fetches()).toBe(1)
    pass(gone - kept)
    await keys.keysFor({ kid: 'key-1' })
    expect(fetches()).toBe(2)
  },
)

test('callers at the same time share one fetch', async () => {
  const { keys, fetches } = await createScene()

  await Promise.all(Array.from({ length: 20 }, () => keys.keysFor({ kid: 'key-1' })))

  expect(fetches()).toBe(1)
})

test('a new key is found at once, and unknown ones ask the issuer at most every 30 seconds', async () => {
  const { issuer, keys, pass, fetches } = await createScene()
  await keys.keysFor({ kid: 'key-1' })
  pass(30)
  issuer.rotate()

  expect(await kids(keys, 'key-2')).toEqual(['key-2', 'key-1'])
  for (let attempt = 0; attempt < 10; attempt += 1)
    await keys.keysFor({ kid: `unknown-${attempt}` })
  expect(fetches()).toBe(2)
  pass(30)
  await keys.keysFor({ kid: 'unknown' })
  expect(fetches()).toBe(3)
})

test('a key that the issuer dropped is dropped with the next fetch', async () => {
  const { issuer, keys, pass } = await createScene()
  await keys.keysFor({ kid: 'key-1' })
  issuer.rotate({ drop: true })
  pass(301)

  expect(await kids(keys, 'key-1')).toEqual(['key-2'])
})

test('keys serve through an outage, but not for ever', async () => {
  const { issuer, keys, pass, failures } = await createScene()
  await keys.keysFor({ kid: 'key-1' })
  issuer.fault = ISSUER_FAULTS.unavailable

  pass(301)
  expect(await kids(keys, 'key-1')).toEqual(['key-1'])
  expect(failures).toHaveLength(1)
  pass(3600)
  await expect(keys.keysFor({ kid: 'key-1' })).rejects.toMatchObject({ code: 'ERR_NETWORK' })
})

test('in an outage an unknown key does not reject the token, and the issuer is not asked again', async () => {
  const { issuer, keys, pass } = await createScene()
  issuer.fault = ISSUER_FAULTS.unavailable

  for (let attempt = 0; attempt < 5; attempt += 1) {
    await expect(keys.keysFor({ kid: 'key-1' })).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      retryable: true,
      details: { issuer: issuer.issuer },
    })
  }
  expect(issuer.requests).toHaveLength(1)
  issuer.fault = undefined
  pass(5)
  expect(await kids(keys, 'key-1')).toEqual(['key-1'])
})

test.each<[IssuerFault, string]>([
  ['silent', 'ERR_TIMEOUT'],
  ['broken-off', 'ERR_NETWORK'],
  ['unavailable', 'ERR_NETWORK'],
  ['not-found', 'ERR_NETWORK'],
  ['huge', 'ERR_NETWORK'],
  ['redirect', 'ERR_NETWORK'],
  ['html', 'ERR_NETWORK'],
  ['no-json', 'ERR_NETWORK'],
  ['wrong-issuer', 'ERR_NETWORK'],
  ['no-keys', 'ERR_NETWORK'],
])('an issuer that is %s is an outage: %s', async (fault, code) => {
  const { issuer, keys } = await createScene()
  issuer.fault = ISSUER_FAULTS[fault]

  await expect(keys.keysFor({ kid: 'key-1' })).rejects.toMatchObject({ code, retryable: true })
})

test('a clock that is put back does not stop us from asking', async () => {
  const { issuer, keys, pass, fetches } = await createScene()
  await keys.keysFor({ kid: 'key-1' })
  issuer.rotate()
  pass(-3600)

  expect(await kids(keys, 'key-2')).toContain('key-2')
  expect(fetches()).toBe(2)
})

test('a caller that goes away does not take the fetch with it', async () => {
  const { keys, fetches } = await createScene()
  const leaving = keys.keysFor({ kid: 'key-1' }, AbortSignal.abort())

  await expect(leaving).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  expect(await kids(keys, 'key-1')).toEqual(['key-1'])
  expect(fetches()).toBe(1)
})

test('an issuer whose address ends in a slash is asked below it, and must say so', async () => {
  const { issuer } = await createScene()
  const get = createBoundedGet({ allowPrivateAddresses: true })
  const settings = { issuer: `${issuer.issuer}/` }
  const keys = createIssuerKeys({ settings, get, now: () => new Date(0) })

  await expect(keys.keysFor({ kid: 'key-1' })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('another issuer') as string,
  })
  expect(issuer.requests).toEqual(['/.well-known/openid-configuration'])
})

test('keys at an address of their own need no metadata', async () => {
  const { issuer } = await createScene()
  const get = createBoundedGet({ allowPrivateAddresses: true })
  const settings = { issuer: 'https://idp.example', jwksUri: `${issuer.issuer}/jwks` }
  const keys = createIssuerKeys({ settings, get, now: () => new Date(0) })

  expect(await kids(keys, 'key-1')).toEqual(['key-1'])
  expect(issuer.requests).toEqual(['/jwks'])
})

test('a key of a known name and another algorithm is looked for at once', async () => {
  const { keys, pass, fetches } = await createScene()
  await keys.keysFor({ kid: 'key-1', alg: 'ES256' })
  pass(30)

  await keys.keysFor({ kid: 'key-1', alg: 'ES256' })
  expect(fetches()).toBe(1)
  await keys.keysFor({ kid: 'key-1', alg: 'RS256' })
  expect(fetches()).toBe(2)
})

interface FileScene {
  readonly file: { text: string; reads: number }
  readonly keys: IssuerKeys
  readonly failures: CountersignError[]
  readonly pass: (seconds: number) => void
}

const setOf = (...names: readonly string[]): string =>
  JSON.stringify({
    keys: names.map((kid) => ({ ...serializePublicKeyJwk(testSigner('ES256', kid).key), kid })),
  })

function createFileScene(text: string): FileScene {
  let now = 0
  const file = { text, reads: 0 }
  const failures: CountersignError[] = []
  const keys = createIssuerKeys({
    settings: {
      issuer: 'https://idp.example',
      jwks: () => {
        file.reads += 1
        return Promise.resolve(file.text)
      },
    },
    get: () => Promise.reject(new Error('nothing is fetched')),
    now: () => new Date(now),
    onFailure: (error) => failures.push(error),
  })
  return { file, keys, failures, pass: (seconds) => (now += seconds * 1000) }
}

test('a new key in a file is found at once, and unknown ones read it at most once a second', async () => {
  const { file, keys, pass } = createFileScene(setOf('a'))
  expect(await kids(keys, 'a')).toEqual(['a'])
  file.text = setOf('a', 'b')
  pass(1)

  expect(await kids(keys, 'b')).toEqual(['a', 'b'])
  for (let attempt = 0; attempt < 10; attempt += 1) await kids(keys, `unknown-${attempt}`)
  expect(file.reads).toBe(2)
})

test('a key that left a file is dropped within 5 seconds', async () => {
  const { file, keys, pass } = createFileScene(setOf('a', 'b'))
  await kids(keys, 'a')
  file.text = setOf('b')
  pass(5)

  expect(await kids(keys, 'a')).toEqual(['b'])
})

test('a file that is read again unchanged gives the same keys, so that verified tokens stay known', async () => {
  const { file, keys, pass } = createFileScene(setOf('a'))
  const first = await keys.keysFor({ kid: 'a' })
  pass(5)

  expect(await keys.keysFor({ kid: 'a' })).toBe(first)
  expect(file.reads).toBe(2)
})

test('a file that is half written is an outage: the keys before it serve on, for a bounded time', async () => {
  const { file, keys, pass, failures } = createFileScene(setOf('a'))
  await kids(keys, 'a')
  file.text = file.text.slice(0, -5)
  pass(5)

  expect(await kids(keys, 'a')).toEqual(['a'])
  expect(failures).toMatchObject([{ code: 'ERR_NETWORK' }])
  pass(3600)
  await expect(keys.keysFor({ kid: 'a' })).rejects.toMatchObject({ code: 'ERR_NETWORK' })
})

test('a proxy that refuses is not an issuer that needs a login', async () => {
  const hint = 'have the proxy allow the host'
  const details = { status: 403, proxy: 'http://proxy.example:3128' }
  const keys = createIssuerKeys({
    settings: { issuer: 'https://idp.example' },
    get: () => Promise.reject(new CountersignError('ERR_NETWORK', 'refused', { hint, details })),
    now: () => new Date(0),
  })

  await expect(keys.keysFor({ kid: 'a' })).rejects.toMatchObject({ code: 'ERR_NETWORK', hint })
})
