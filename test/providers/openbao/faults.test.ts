import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLoopbackServer, type LoopbackAnswer } from '../../support/loopback-server.ts'
import { keyUri, openCounted } from '../../support/openbao-provider.ts'
import {
  describeOpenBao,
  type OpenBaoServer,
  ROOT_TOKEN,
  startOpenBao,
  startTransit,
} from '../../support/openbao.ts'

const RELEASE = keyUri('release')
const MESSAGE = Buffer.from('a message')

function because(cause: string): object {
  return { details: expect.objectContaining({ cause }) as object }
}

describeOpenBao('a server that refuses', () => {
  let server: OpenBaoServer

  beforeAll(async () => {
    server = await startTransit()
    await server.ask('POST', 'transit/keys/release', { type: 'ecdsa-p256' })
  })

  afterAll(() => server[Symbol.asyncDispose]())

  test('sealed, it names the command that unseals it, and is asked once', async () => {
    const { provider, pauses } = openCounted(server.env)
    const signer = await provider.open(RELEASE)
    await server.seal()

    const sealed = {
      code: 'ERR_PROVIDER_UNAVAILABLE',
      hint: expect.stringContaining('bao operator unseal') as string,
      ...because('sealed'),
    }
    await expect(signer.sign(MESSAGE)).rejects.toMatchObject(sealed)
    await expect(openCounted(server.env).provider.open(RELEASE)).rejects.toMatchObject(sealed)
    const diagnosis = await provider.diagnose(RELEASE)
    await server.unseal()

    expect(pauses).toEqual([])
    expect(diagnosis.at(-1)).toMatchObject({
      check: 'server',
      ok: false,
      code: 'ERR_PROVIDER_UNAVAILABLE',
      cause: 'sealed',
      layer: 'server',
    })
    expect(await signer.sign(MESSAGE)).toHaveLength(64)
  })

  test('a rate limit is waited for, and named where it lasts', async () => {
    const { provider, pauses } = openCounted(server.env)
    const signer = await provider.open(RELEASE)
    const quota = { rate: 0.0001, interval: '1h', path: 'transit/' }
    await server.ask('POST', 'sys/quotas/rate-limit/slow', quota)

    const outcomes = await Promise.allSettled([signer.sign(MESSAGE), signer.sign(MESSAGE)])
    await server.ask('DELETE', 'sys/quotas/rate-limit/slow')

    expect(outcomes).toContainEqual(
      expect.objectContaining({
        reason: expect.objectContaining({
          code: 'ERR_THROTTLED',
          ...because('rate-limit'),
        }) as Error,
      }),
    )
    expect(pauses.length).toBeLessThanOrEqual(4)
    expect(await signer.sign(MESSAGE)).toHaveLength(64)
  })

  test('a policy that is missing is printed, and is all that it takes', async () => {
    const reading = 'path "transit/keys/release" { capabilities = ["read"] }'
    const env = { ...server.env, BAO_TOKEN: await server.createToken(reading) }
    const { provider } = openCounted(env)
    const signer = await provider.open(RELEASE)

    const statement = 'path "transit/sign/release" { capabilities = ["update"] }'
    await expect(signer.sign(MESSAGE)).rejects.toMatchObject({
      code: 'ERR_NOT_ALLOWED',
      hint: expect.stringContaining(statement) as string,
      ...because('policy'),
    })
    expect((await provider.diagnose(RELEASE)).at(-1)).toMatchObject({
      check: 'sign-permission',
      ok: false,
      code: 'ERR_NOT_ALLOWED',
      hint: expect.stringContaining(statement) as string,
    })
    const enough = {
      ...server.env,
      BAO_TOKEN: await server.createToken(`${reading}\n${statement}`),
    }
    const allowed = openCounted(enough).provider
    expect(await (await allowed.open(RELEASE)).sign(MESSAGE)).toHaveLength(64)
    expect((await allowed.diagnose(RELEASE)).every(({ ok }) => ok)).toBe(true)
  })

  test.each(['team/transit', 'secret', 'sys'])(
    'the path %s, where no transit engine is, is not an absent key',
    async (mount) => {
      const { provider } = openCounted(server.env)

      await expect(provider.open({ ...RELEASE, mount })).rejects.toMatchObject({
        code: 'ERR_KEY_URI_INVALID',
        hint: expect.stringContaining('bao secrets list') as string,
        ...because('no-engine'),
      })
    },
  )

  test('a namespace has its own keys, and one that does not exist is named', async () => {
    await server.ask('PUT', 'sys/namespaces/team')
    await server.ask('POST', 'team/sys/mounts/transit', { type: 'transit' })
    const { provider } = openCounted(server.env)

    const uri = await provider.create({
      uri: keyUri('inner', { namespace: 'team' }),
      algorithm: 'ES256',
    })

    expect((await provider.open(uri)).key.algorithm.name).toBe('ES256')
    await expect(provider.open(keyUri('inner'))).rejects.toMatchObject({
      code: 'ERR_KEY_NOT_FOUND',
      ...because('key-missing'),
    })
    await expect(provider.open({ ...RELEASE, namespace: 'nowhere' })).rejects.toMatchObject({
      code: 'ERR_KEY_URI_INVALID',
      ...because('namespace-missing'),
    })
  })

  test('that is stopped is not an absent key, and is asked three times', async () => {
    const other = await startOpenBao()
    await other[Symbol.asyncDispose]()
    const { provider, pauses } = openCounted(other.env)

    await expect(provider.open(RELEASE)).rejects.toMatchObject({ code: 'ERR_NETWORK' })
    expect(pauses).toHaveLength(2)
  })

  test('a diagnosis ends with the first check that fails', async () => {
    const { provider } = openCounted(server.env)

    expect(await provider.diagnose(keyUri('absent'))).toMatchObject([
      { check: 'configuration', ok: true },
      { check: 'server', ok: true },
      { check: 'credentials', ok: true },
      { check: 'key', ok: false, code: 'ERR_KEY_NOT_FOUND' },
    ])
  })
})

describeOpenBao('TLS', () => {
  test('is checked with the authority of BAO_CACERT, in place of the usual ones', async () => {
    await using server = await startOpenBao({ tls: true })
    const env = { ...server.env, BAO_CACERT: server.caFile ?? '' }
    const { provider } = openCounted(env)

    await expect(openCounted(server.env).provider.open(RELEASE)).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      hint: expect.stringContaining('certificate') as string,
    })
    await expect(provider.open(RELEASE)).rejects.toMatchObject({ code: 'ERR_KEY_URI_INVALID' })
  })
})

/** What a real server never answers. */
describe('an answer that OpenBao never gives', () => {
  const PEM =
    '-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE82oFDq+Pnin/BbFwp2RbXeJWUvYF\nZfbH6zOKKHYaVOfTPlev5wJpj6fIK2f8woTgOhhQ5Z6+G4lIW3ze5RiMTw==\n-----END PUBLIC KEY-----\n'
  const KEY = {
    type: 'ecdsa-p256',
    latest_version: 1,
    min_encryption_version: 0,
    supports_signing: true,
    keys: { 1: { public_key: PEM } },
  }

  /** Answers about the key as given, and signs with the other answer. */
  async function openAt(key: unknown, signed: LoopbackAnswer) {
    const server = await startLoopbackServer(({ path }) => {
      if (path.includes('lookup-self'))
        return { status: 403, body: '{"errors":["permission denied"]}' }
      if (path.includes('/sign/')) return signed
      return { status: 200, body: JSON.stringify({ data: key }) }
    })
    const counted = openCounted({ BAO_ADDR: server.url, BAO_TOKEN: ROOT_TOKEN })
    return { ...counted, signer: counted.provider.open(RELEASE), requests: server.requests }
  }

  const signature = (text: string): LoopbackAnswer => ({
    status: 200,
    body: JSON.stringify({ data: { signature: text } }),
  })

  test.each([
    ['of another version', signature(`vault:v2:${'A'.repeat(86)}`)],
    ['that does not verify', signature(`vault:v1:${'A'.repeat(86)}`)],
    ['in another form', signature(`vault:v1:${'+'.repeat(86)}`)],
    ['that is absent', { status: 200, body: '{"data":{}}' }],
    ['that is not JSON', { status: 200, body: '<html>' }],
  ])('a signature %s is never released', async (_name, answer) => {
    const { signer } = await openAt(KEY, answer)

    await expect((await signer).sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
  })

  test.each([
    ['a key without versions', { ...KEY, keys: [] }],
    ['a version that is not a number', { ...KEY, keys: { one: { public_key: PEM } } }],
    ['a version without a public half', { ...KEY, keys: { 1: {} } }],
    ['no key at all', 'key'],
  ])('%s is refused', async (_name, key) => {
    const { signer } = await openAt(key, { status: 500 })

    await expect(signer).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
  })

  test('an answer over a mebibyte is refused', async () => {
    const { signer } = await openAt({ ...KEY, padding: 'x'.repeat(1024 * 1024) }, { status: 500 })

    await expect(signer).rejects.toMatchObject({ code: 'ERR_NETWORK' })
  })

  test('a page for people is not an absent key', async () => {
    const { signer } = await openAt(KEY, { status: 404, body: '<html>', contentType: 'text/html' })

    await expect((await signer).sign(MESSAGE)).rejects.toMatchObject({
      code: 'ERR_PROVIDER_FAULT',
      ...because('unknown-answer'),
    })
  })

  test('a standby node that redirects gets the token alone', async () => {
    const other = await startLoopbackServer(() => ({ status: 200 }))
    const location = { location: `${other.url}/v1/transit/sign/release` }
    const { signer, pauses } = await openAt(KEY, { status: 307, headers: location })

    await expect((await signer).sign(MESSAGE)).rejects.toMatchObject({
      code: 'ERR_PROVIDER_UNAVAILABLE',
      hint: expect.stringContaining('BAO_ADDR') as string,
      ...because('standby'),
    })
    expect(other.requests).toEqual([])
    expect(pauses).toEqual([])
  })

  test('a server that makes no keys of a type is named', async () => {
    const body = '{"errors":["unknown key type ed25519"]}'
    const server = await startLoopbackServer(({ method, path }) => {
      if (path.includes('lookup-self')) return { status: 403, body: '{"errors":["denied"]}' }
      return method === 'POST' ? { status: 400, body } : { status: 404, body: '{"errors":[]}' }
    })
    const { provider } = openCounted({ BAO_ADDR: server.url, BAO_TOKEN: ROOT_TOKEN })

    await expect(provider.create({ uri: RELEASE, algorithm: 'EdDSA' })).rejects.toMatchObject({
      code: 'ERR_ALGORITHM_UNSUPPORTED',
      ...because('key-type-unknown'),
    })
  })

  test('a server that is not initialized is named', async () => {
    const server = await startLoopbackServer(() => ({
      status: 200,
      body: '{"initialized":false,"sealed":true,"standby":true,"version":"2.7.2"}',
    }))
    const { provider } = openCounted({ BAO_ADDR: server.url, BAO_TOKEN: ROOT_TOKEN })

    expect((await provider.diagnose(RELEASE)).at(-1)).toMatchObject({
      check: 'server',
      code: 'ERR_PROVIDER_UNAVAILABLE',
      cause: 'not-initialized',
    })
  })

  test('a text that repeats the token is shown without it', async () => {
    const body = JSON.stringify({ errors: [`bad token ${ROOT_TOKEN}`] })
    const { signer } = await openAt(KEY, { status: 500, body })

    const error: unknown = await (await signer).sign(MESSAGE).catch((thrown: unknown) => thrown)

    expect(error).toMatchObject({
      code: 'ERR_PROVIDER_UNAVAILABLE',
      ...because('server-failure'),
    })
    expect(String(error)).toContain('bad token …')
  })

  test('Retry-After is waited for, and a long one is not', async () => {
    const busy = (seconds: string): LoopbackAnswer => ({
      status: 429,
      headers: { 'retry-after': seconds },
      body: '{"errors":["request path \\"transit/sign/release\\": rate limit quota exceeded"]}',
    })
    const brief = await openAt(KEY, busy('2'))
    const long = await openAt(KEY, busy('600'))

    const refusal = { code: 'ERR_THROTTLED' }
    await expect((await brief.signer).sign(MESSAGE)).rejects.toMatchObject(refusal)
    await expect((await long.signer).sign(MESSAGE)).rejects.toMatchObject(refusal)

    expect(brief.pauses.every((pause) => pause >= 2000)).toBe(true)
    expect(brief.pauses).toHaveLength(2)
    expect(long.pauses).toEqual([])
  })
})
