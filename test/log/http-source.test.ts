import { expect, test } from 'vitest'
import { openLogServer } from '../../src/log/http-source.ts'
import { openStoredLog } from '../../src/log/source.ts'
import { verifyLog } from '../../src/log/verify-log.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { type LoopbackAnswer, startLoopbackServer } from '../support/loopback-server.ts'
import { createSignedLog, LOG_KEY, signatureEntries } from '../support/signed-log.ts'

const options = { fetch: globalThis.fetch, pause: () => Promise.resolve() }

test('a log verifies over HTTP, below the path of its service', async () => {
  const source = openStoredLog((await createSignedLog(signatureEntries(300))).log)
  const parts = new Map<string, Uint8Array>()
  for (const path of ['checkpoint', 'tile/0/000', 'tile/0/001.p/44', 'tile/1/000.p/1']) {
    parts.set(`/sign/log/${path}`, (await source.read(path)) ?? new Uint8Array())
  }
  for (const path of ['tile/entries/000', 'tile/entries/001.p/44']) {
    parts.set(`/sign/log/${path}`, (await source.read(path)) ?? new Uint8Array())
  }
  const server = await startLoopbackServer(({ path }) => {
    const body = parts.get(path)
    return body === undefined ? { status: 404 } : { status: 200, body }
  })

  const read = openLogServer(`${server.url}/sign/`, options)
  const report = await verifyLog({ source: read, log: { keys: [LOG_KEY] } })
  expect(report.checkpoint.size).toBe(300)
  expect(await read.read('tile/7/000')).toBeUndefined()
})

test.each([
  [500, 'ERR_NETWORK', 3],
  [429, 'ERR_THROTTLED', 3],
  [401, 'ERR_NOT_AUTHENTICATED', 1],
  [403, 'ERR_NOT_ALLOWED', 1],
] as const)('an answer of status %i is %s after %i tries', async (status, code, tries) => {
  const server = await startLoopbackServer(() => ({ status }))
  const source = openLogServer(server.url, options)

  expect(await codeOfAsync(() => source.read('checkpoint'))).toBe(code)
  expect(server.requests).toHaveLength(tries)
})

test('a transient failure is retried', async () => {
  const answers: LoopbackAnswer[] = [{ status: 503 }, { status: 200, body: 'note' }]
  const server = await startLoopbackServer(() => answers.shift() ?? { status: 500 })
  const bytes = await openLogServer(server.url, options).read('checkpoint')

  expect(Buffer.from(bytes ?? []).toString()).toBe('note')
})

test('an answer that is too long is not read to its end', async () => {
  const server = await startLoopbackServer(() => ({ status: 200, body: Buffer.alloc(9000) }))
  const source = openLogServer(server.url, options)

  expect(await codeOfAsync(() => source.read('tile/0/000'))).toBe('ERR_INPUT_TOO_LARGE')
})

test('a reader may abort, and an address without a server is reported', async () => {
  const server = await startLoopbackServer(() => ({ status: 503 }))
  const signal = AbortSignal.abort()
  const source = openLogServer(server.url, { fetch: globalThis.fetch })

  expect(await codeOfAsync(() => source.read('checkpoint', { signal }))).toBe('ERR_CANCELLED')
  expect(codeOf(() => openLogServer('ftp://log.example', options))).toBe('ERR_USAGE')
  const unreachable = openLogServer('http://127.0.0.1:1', options)
  expect(await codeOfAsync(() => unreachable.read('checkpoint'))).toBe('ERR_NETWORK')
})
