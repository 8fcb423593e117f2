/** Connections that are no good: what comes in is not HTTP, comes slowly, or never ends. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import tls from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import type { HttpServerOptions } from '../../src/service/http/server.ts'
import type { Problem } from '../../src/service/http/problem.ts'
import { CREDENTIALS, createService, SETTINGS } from '../support/service.ts'
import { createCertificate } from '../support/tls-server.ts'

/** Lets a service listen; answers its port. */
async function listen(options: HttpServerOptions = {}): Promise<number> {
  const settings = { ...SETTINGS, requestTimeoutMs: 500, bodyTimeoutMs: 500 }
  const app = await createService({ settings }, options)
  onTestFinished(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

/** Connects to a service that gives a request half a second. */
async function open(): Promise<Socket> {
  const socket = connect(await listen(), '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

interface LastAnswer {
  readonly head: string
  readonly problem: Problem
}

/** What came until the service hung up: its last answer must be a problem. */
async function lastAnswer(socket: Socket): Promise<LastAnswer> {
  const all = await text(socket)
  const [head = '', body = ''] = all.slice(all.lastIndexOf('HTTP/1.1 ')).split('\r\n\r\n')
  return { head, problem: JSON.parse(body) as Problem }
}

const HEADERS = `host: x\r\nauthorization: ${CREDENTIALS.authorization}\r\ncontent-type: application/json`
const POST = `POST /v1/verifications HTTP/1.1\r\n${HEADERS}\r\n`

const NO_HTTP = {
  type: 'urn:countersign:error:ERR_REQUEST_INVALID',
  title: 'Request invalid',
  status: 400,
  code: 'ERR_REQUEST_INVALID',
  detail: 'this is no HTTP request',
  hint: 'send HTTP/1.1, as any HTTP library does',
  requestId: expect.stringMatching(/^id-\d$/) as string,
  retryable: false,
}
const HUGE = {
  ...NO_HTTP,
  status: 431,
  detail: 'the headers are over 16 KiB',
  hint: 'send fewer and shorter headers',
}

test.each([
  ['a TLS greeting', '\x16\x03\x01\x00\xa5\x01\r\n\r\n', NO_HTTP],
  ['a header without end', `GET /healthz HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}`, HUGE],
  ['two lengths', `${POST}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, NO_HTTP],
  [
    'a length and chunks',
    `${POST}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0`,
    NO_HTTP,
  ],
  ['chunks by another name', `${POST}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`, NO_HTTP],
  ['a folded header', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n', NO_HTTP],
  ['lines that end in LF', 'GET /healthz HTTP/1.1\nhost: x\n\n', NO_HTTP],
])('%s ends the connection with a problem document', async (_what, bytes, expected) => {
  const socket = await open()

  socket.write(bytes)

  const { head, problem } = await lastAnswer(socket)
  expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${expected.status} `))
  expect(head).toContain('content-type: application/problem+json')
  expect(head).toContain('connection: close')
  expect(problem).toEqual(expected)
})

test('garbage behind a request ends the connection', async () => {
  const socket = await open()

  socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'readable')
  socket.write('\0\x01 garbage\r\n\r\n')

  expect((await lastAnswer(socket)).problem).toMatchObject({ status: 400 })
})

const TOO_SLOW = {
  type: 'urn:countersign:error:ERR_TIMEOUT',
  title: 'Timeout',
  status: 408,
  code: 'ERR_TIMEOUT',
  detail: 'the request did not come in time',
  hint: 'send it whole and at once; what is large goes into fewer or smaller requests',
  requestId: expect.stringMatching(/^id-\d$/) as string,
  retryable: true,
}

test.each([
  ['headers', POST],
  ['a body', `${POST}content-length: 100\r\n\r\n{`],
])('%s that do not come whole end with the time of a request', async (_what, bytes) => {
  const socket = await open()

  socket.write(bytes)

  expect((await lastAnswer(socket)).problem).toEqual(TOO_SLOW)
})

test.each([
  ['TLSv1.1', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION'],
  ['TLSv1.2', 'TLSv1.2'],
] as const)(
  'a client of %s gets %s, whatever the options of this Node',
  async (version, expected) => {
    const usual = tls.DEFAULT_MIN_VERSION
    tls.DEFAULT_MIN_VERSION = 'TLSv1'
    onTestFinished(() => {
      tls.DEFAULT_MIN_VERSION = usual
    })
    const { certificate, key } = createCertificate()
    const port = await listen({ tls: { cert: Buffer.from(certificate), key: Buffer.from(key) } })
    const ciphers = 'DEFAULT@SECLEVEL=0'
    const only = { minVersion: version, maxVersion: version, ciphers }

    const socket = tls.connect({ ...only, port, host: '127.0.0.1', rejectUnauthorized: false })
    const outcome = await once(socket, 'secureConnect').then(
      () => socket.getProtocol(),
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    )
    socket.destroy()

    expect(outcome).toBe(expected)
  },
)
