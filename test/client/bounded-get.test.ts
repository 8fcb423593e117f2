import type { LookupFunction } from 'node:net'
import { expect, test } from 'vitest'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import { startRawServer } from '../support/raw-server.ts'
import { startTlsServer } from '../support/tls-server.ts'

const get = createBoundedGet({ allowPrivateAddresses: true })

/** Answers every name with the addresses given. */
function resolveTo(...addresses: readonly string[]): LookupFunction {
  return (_name, options, callback) => {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    if (options.all === true) callback(null, found)
    else callback(null, found[0]?.address ?? '', found[0]?.family)
  }
}

test('a document is read in full, with its headers', async () => {
  const url = await startRawServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'Application/JSON; charset=utf-8', etag: '"1"' })
    response.end('{}')
  })

  const answer = await get({ url, mediaTypes: ['application/json'] })

  expect(answer).toMatchObject({ status: 200, headers: { etag: '"1"' } })
  expect(Buffer.from(answer.body).toString()).toBe('{}')
})

test('a document is accepted only over TLS of the named authority', async () => {
  const { url, certificate } = await startTlsServer((_request, response) => {
    response.end('{}')
  })
  const trusting = createBoundedGet({ allowPrivateAddresses: true, ca: certificate })

  await expect(trusting({ url })).resolves.toMatchObject({ status: 200 })
  await expect(get({ url })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    details: { reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  })
})

test('an unchanged document is recognized by its status', async () => {
  const url = await startRawServer((request, response) => {
    response.writeHead(request.headers['if-none-match'] === '"1"' ? 304 : 200).end()
  })

  const answer = await get({ url, headers: { 'if-none-match': '"1"' } })

  expect(answer.status).toBe(304)
})

test.each([
  ['a status that is an error', 503, {}, 'status 503'],
  ['another media type', 200, { 'content-type': 'text/html' }, 'another type'],
  ['a compressed answer', 200, { 'content-encoding': 'gzip' }, '"gzip", expected identity'],
  ['an answer encoded twice', 200, { 'content-encoding': 'identity, br' }, 'expected identity'],
  ['a redirect to another host', 302, { location: 'https://evil.example/' }, 'another place'],
  ['a redirect to another scheme', 302, { location: 'file:///etc/passwd' }, 'another place'],
  ['a redirect to nowhere', 302, {}, 'redirects'],
  ['a redirect in circles', 302, { location: '/' }, 'more than 2 redirects'],
])('%s is not a usable answer', async (_what, status, headers, message) => {
  const url = await startRawServer((_request, response) => {
    response.writeHead(status, headers).end('x')
  })

  await expect(get({ url, mediaTypes: ['application/json'] })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining(message) as string,
  })
})

test.each(['identity', 'Identity', ' identity '])(
  'an answer that says it is encoded as %j is taken',
  async (encoding) => {
    const url = await startRawServer((request, response) => {
      const asked = String(request.headers['accept-encoding'])
      response.writeHead(200, { 'content-encoding': encoding, 'x-asked': asked }).end('x')
    })

    await expect(get({ url })).resolves.toMatchObject({
      status: 200,
      headers: { 'x-asked': 'identity' },
    })
  },
)

test('a redirect within the origin is followed', async () => {
  const url = await startRawServer((request, response) => {
    if (request.url === '/keys') response.end('here')
    else response.writeHead(307, { location: '/keys' }).end()
  })

  const { body } = await get({ url })

  expect(Buffer.from(body).toString()).toBe('here')
})

test('an answer without an end is let go of at the bound', async () => {
  const url = await startRawServer((_request, response) => {
    const pour = (): void => {
      while (!response.destroyed && response.write('x'.repeat(1000)));
    }
    response.on('drain', pour)
    pour()
  })

  await expect(get({ url, maxBytes: 10_000 })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('over 10000 bytes') as string,
  })
})

test('a server that answers nothing is ERR_TIMEOUT, also in the middle of an answer', async () => {
  const silent = await startRawServer(() => undefined)
  const stalling = await startRawServer((_request, response) => {
    response.writeHead(200).write('{')
  })

  for (const url of [silent, stalling]) {
    await expect(get({ url, timeoutMs: 50 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  }
})

test('a caller that aborts gets ERR_CANCELLED', async () => {
  const url = await startRawServer(() => undefined)

  await expect(get({ url, signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ERR_CANCELLED',
  })
})

test('a broken connection is ERR_NETWORK', async () => {
  const url = await startRawServer((request) => {
    request.socket.destroy()
  })

  await expect(get({ url })).rejects.toMatchObject({ code: 'ERR_NETWORK' })
})

test.each([
  'https://127.0.0.1/',
  'https://2130706433/',
  'https://0x7f.1/',
  'https://[::1]/',
  'https://[::ffff:169.254.169.254]/',
  'https://169.254.169.254/latest/meta-data',
])('%s is not connected to', async (address) => {
  await expect(createBoundedGet()({ url: new URL(address) })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('not a public one') as string,
  })
})

test.each([[['10.0.0.1']], [['140.82.112.3', '127.0.0.1']], [['::ffff:127.0.0.1']]])(
  'a name that resolves to %s is not connected to',
  async (addresses) => {
    const guarded = createBoundedGet({ lookup: resolveTo(...addresses) })

    await expect(guarded({ url: new URL('https://issuer.example/') })).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining('not a public one') as string,
    })
  },
)

test('a name is judged by the lookup of its own connection, so a changing answer bypasses nothing', async () => {
  let asked = 0
  const guarded = createBoundedGet({
    lookup: (name, options, callback) => {
      asked += 1
      resolveTo('127.0.0.1')(name, options, callback)
    },
  })

  await expect(guarded({ url: new URL('https://rebound.example/') })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    message: expect.stringContaining('not a public one') as string,
  })
  expect(asked).toBe(1)
})

test('a name that is not found is ERR_NETWORK', async () => {
  const failing = createBoundedGet({
    lookup: (_name, _options, callback) => {
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '', 0)
    },
  })

  await expect(failing({ url: new URL('https://nowhere.example/') })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    details: { reason: 'ENOTFOUND' },
  })
})

test.each(['http://issuer.example/', 'ftp://127.0.0.1/', 'https://user:secret@issuer.example/'])(
  '%s is refused before anything is sent',
  async (address) => {
    await expect(get({ url: new URL(address) })).rejects.toMatchObject({ code: 'ERR_NETWORK' })
  },
)

test('plain http is refused even to loopback unless private addresses are allowed', async () => {
  const url = await startRawServer((_request, response) => {
    response.end('{}')
  })

  await expect(createBoundedGet()({ url })).rejects.toMatchObject({ code: 'ERR_NETWORK' })
})

test.each([['192.0.2.1'], ['10.0.0.1'], ['127.0.0.1', '10.0.0.1']])(
  'plain http goes to this machine alone, also where localhost resolves to %s',
  async (...addresses) => {
    const plain = createBoundedGet({ allowPrivateAddresses: true, lookup: resolveTo(...addresses) })

    await expect(plain({ url: new URL('http://localhost:9/') })).rejects.toMatchObject({
      code: 'ERR_NETWORK',
      message: expect.stringContaining('plain http is for this machine alone') as string,
    })
  },
)
