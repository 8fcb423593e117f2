import { generateKeyPairSync } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { openEnvironment } from '../../src/providers/env/provider.ts'
import { openWeb } from '../../src/providers/https/provider.ts'
import { parseKeyUri } from '../../src/providers/key-uri.ts'
import type { KeyProvider } from '../../src/providers/provider.ts'

const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const PEM = publicKey.export({ type: 'spki', format: 'pem' }).toString()

function source(options: { readonly timeoutMs?: number } = {}): KeyProvider {
  return openWeb({ fetch, ...options })
}

/** Serves on this machine until the test ends; answers the origin. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function answer(status: number, body = '', headers: Record<string, string> = {}): RequestListener {
  return (_, response) => {
    response.writeHead(status, headers).end(body)
  }
}

test('a key in an environment variable is read', async () => {
  const key = await openEnvironment({ env: { KEY: PEM } }).describe(parseKeyUri('env://KEY'))

  expect(key.algorithm.name).toBe('ES256')
})

test.each([undefined, '', ' \n'])('a variable with %j holds no key', async (KEY) => {
  await expect(
    openEnvironment({ env: { KEY } }).describe(parseKeyUri('env://KEY')),
  ).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
  })
})

test('a private key in an environment variable is refused', async () => {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

  await expect(
    openEnvironment({ env: { KEY: pem } }).describe(parseKeyUri('env://KEY')),
  ).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
})

test('a key at a web address is read, as PEM and as JWK', async () => {
  const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }))
  const origin = await serve((request, response) => {
    response.end(request.url === '/k.pem' ? PEM : jwk)
  })

  const pemKey = await source().describe(parseKeyUri(`${origin}/k.pem`))
  const jwkKey = await source().describe(parseKeyUri(`${origin}/k.json`))

  expect(pemKey.kid).toBe(jwkKey.kid)
})

test('the algorithm asked for is pinned', async () => {
  const origin = await serve(answer(200, PEM))

  await expect(
    source().describe(parseKeyUri(origin), { algorithm: 'RS256' }),
  ).rejects.toMatchObject({ code: 'ERR_KEY_INVALID' })
})

test('a set of keys is refused: one must be named', async () => {
  const origin = await serve(answer(200, '{"keys":[]}'))

  await expect(source().describe(parseKeyUri(origin))).rejects.toMatchObject({
    code: 'ERR_KEY_INVALID',
    message: `cannot read the key "${origin}": expected one JWK, found a set of keys`,
  })
})

test.each([
  [404, 'ERR_KEY_NOT_FOUND'],
  [410, 'ERR_KEY_NOT_FOUND'],
  [403, 'ERR_NOT_ALLOWED'],
  [429, 'ERR_THROTTLED'],
  [503, 'ERR_NETWORK'],
])('the status %i is %s', async (status, code) => {
  const origin = await serve(answer(status, PEM, { 'retry-after': '7' }))

  await expect(source().describe(parseKeyUri(origin))).rejects.toMatchObject({
    code,
    hint: 'try again after 7',
  })
})

test('a redirect on the same host is followed', async () => {
  const origin = await serve((request, response) => {
    if (request.url === '/k.pem') response.end(PEM)
    else response.writeHead(302, { location: '/k.pem' }).end()
  })

  expect((await source().describe(parseKeyUri(`${origin}/old`))).algorithm.name).toBe('ES256')
})

test('a redirect to another host is refused and named', async () => {
  const elsewhere = await serve(answer(200, PEM))
  const origin = await serve(answer(301, '', { location: `${elsewhere}/k.pem` }))

  await expect(source().describe(parseKeyUri(origin))).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
    hint: expect.stringContaining(elsewhere) as string,
  })
})

test('redirects without end are refused', async () => {
  const origin = await serve(answer(302, '', { location: '/again' }))

  await expect(source().describe(parseKeyUri(origin))).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
  })
})

test('an answer without end is cut off', async () => {
  const origin = await serve((_, response) => {
    const more = (): void => {
      while (response.write(Buffer.alloc(16 * 1024, ' ')));
    }
    response.on('drain', more)
    more()
  })

  await expect(source().describe(parseKeyUri(origin))).rejects.toMatchObject({
    code: 'ERR_INPUT_TOO_LARGE',
  })
})

test('an answer that does not come is a timeout', async () => {
  const origin = await serve(() => undefined)

  await expect(source({ timeoutMs: 20 }).describe(parseKeyUri(origin))).rejects.toMatchObject({
    code: 'ERR_TIMEOUT',
  })
})

test('an aborting caller ends the wait', async () => {
  const caller = new AbortController()
  const origin = await serve(() => {
    caller.abort()
  })

  await expect(
    source().describe(parseKeyUri(origin), { signal: caller.signal }),
  ).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  await expect(
    source().describe(parseKeyUri(origin), { signal: caller.signal }),
  ).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
})

test('a host that does not answer is an error of the network, with its reason', async () => {
  const origin = await serve(() => undefined)
  const { port } = new URL(origin)
  const closed = createServer()
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
  const { port: freePort } = closed.address() as AddressInfo
  await new Promise((resolve) => closed.close(resolve))
  expect(freePort).not.toBe(Number(port))

  await expect(
    source().describe(parseKeyUri(`http://127.0.0.1:${freePort}/k.pem`)),
  ).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('ECONNREFUSED') as string,
  })
})

test('a public key signs nothing and is not made', async () => {
  const uri = parseKeyUri('env://KEY')

  const refusal = { code: 'ERR_OPERATION_UNSUPPORTED' }
  await expect(source().open(uri)).rejects.toMatchObject(refusal)
  await expect(source().create({ uri, algorithm: 'ES256' })).rejects.toMatchObject(refusal)
})

test('a reference of another scheme is a mistake of the caller', async () => {
  await expect(source().describe(parseKeyUri('key.pem'))).rejects.toThrow(TypeError)
})

test('a disposed source reads nothing', async () => {
  const disposed = openEnvironment({ env: { KEY: PEM } })

  await disposed[Symbol.asyncDispose]()

  await expect(disposed.describe(parseKeyUri('env://KEY'))).rejects.toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
  })
})
