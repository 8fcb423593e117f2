import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { toKmsError } from '../../../src/providers/awskms/errors.ts'
import { createAwsKmsProvider } from '../../../src/providers/awskms/provider.ts'
import { failedChecks } from '../../support/causes/staging.ts'
import { countersign, documentOf } from '../../support/cli.ts'
import { startForwardProxy } from '../../support/forward-proxy.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { listen, startRawServer } from '../../support/raw-server.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { startTlsServer } from '../../support/tls-server.ts'

const HOST = 'kms.eu-west-1.amazonaws.com'
const KEY = 'awskms:///alias/release?region=eu-west-1'
const NETWORK = 'ERR_NETWORK'
const OUTAGE = 'ERR_PROVIDER_UNAVAILABLE'

let double: KmsDouble

beforeEach(async () => {
  double = await startKmsDouble()
  stubKmsEnvironment(double.credentials)
  // The SDK's backoff is a random share of its longest delay: none of it, so that nothing waits.
  vi.spyOn(Math, 'random').mockReturnValue(0)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await double[Symbol.asyncDispose]()
})

test.each([
  ['endpoint-not-kms', 'endpoint', 404, '<html>not found</html>', 'let the endpoint'],
  ['endpoint-not-kms', 'endpoint', 404, '', 'let the endpoint'],
  ['endpoint-not-kms', 'endpoint', 404, '{"message":"no such route"}', 'let the endpoint'],
  ['endpoint-not-kms', 'endpoint', 403, '<Error><Code>AccessDenied</Code></Error>', '/ping'],
  ['captive-portal', 'network', 200, '<html>log in</html>', 'with a browser'],
  ['captive-portal', 'network', 302, '', 'with a browser'],
  ['captive-portal', 'network', 511, '<html>log in</html>', 'with a browser'],
  ['gateway-down', 'endpoint', 502, '<html>bad gateway</html>', 'proxy or gateway'],
  ['answer-cut', 'endpoint', 200, '{"KeyMetadata":{', 'cuts answers'],
] as const)(
  'what is not KMS is found: %s (%s), status %d, %j',
  async (...[cause, layer, status, body, cure]) => {
    const server = await startRawServer((_, response) => {
      response.writeHead(status, { location: 'http://portal.example.com/' }).end(body)
    })

    const [found] = await failedChecks(`awskms://${server.host}/alias/release`)

    expect(found).toMatchObject({ cause, layer, code: OUTAGE })
    expect(found?.hint).toContain(cure)
    expect(found?.hint).not.toContain('health.aws.amazon.com')
  },
)

test('a closed port and a connection that is cut are told apart', async () => {
  const server = createServer()
  const port = await listen(server, '127.0.0.1')
  await new Promise((resolve) => server.close(resolve))
  const [refused] = await failedChecks(`awskms://127.0.0.1:${port}/alias/release`)
  double.fail('DescribeKey', { kind: 'cut', when: 'before' })
  const [cut] = await failedChecks(`awskms://${double.endpoint}/alias/release`)

  expect(refused).toMatchObject({ cause: 'connection-refused', layer: 'network', code: NETWORK })
  expect(refused?.hint).toContain(`curl -v http://127.0.0.1:${port}/ping`)
  expect(cut).toMatchObject({ cause: 'connection-cut', layer: 'network', code: NETWORK })
})

test('a host that is not found is a matter of DNS', async () => {
  const [found] = await failedChecks('awskms://kms.eu-nowhere-1.invalid/alias/release')

  // Without a resolver, as in some sandboxes, it is the resolver that does not answer.
  expect(['dns-unknown-host', 'dns-no-answer']).toContain(found?.cause)
  expect(found).toMatchObject({ layer: 'DNS', code: NETWORK })
  expect(found?.hint).toContain('getent hosts kms.eu-nowhere-1.invalid')
})

test('an answer that does not come is no failure of the connection', async () => {
  await using provider = createAwsKmsProvider({ requestTimeoutMs: 20 })
  double.fail('DescribeKey', { kind: 'hang' })

  const uri = { scheme: 'awskms', endpoint: double.endpoint, keyId: 'alias/release' } as const
  const [found] = await provider.diagnose(uri)

  expect(found).toMatchObject({ cause: 'answer-timeout', layer: 'network', code: 'ERR_TIMEOUT' })
})

test.each([
  ['proxy-forbids', 403, `have the proxy allow ${HOST}`],
  ['proxy-login', 407, 'http://USER:PASSWORD@HOST:PORT'],
  ['proxy-fails', 502, `curl -v https://${HOST}/ping`],
] as const)('a proxy that refuses is named: %s', async (cause, refusal, cure) => {
  const proxy = await startForwardProxy({ refusal })
  const env = { HTTPS_PROXY: `http://me:secret@${proxy.url.host}` }

  const [found] = await failedChecks(KEY, { env })

  expect(found).toMatchObject({ cause, layer: 'proxy', code: NETWORK })
  expect(found?.hint).toContain(cure)
  expect(JSON.stringify(found)).not.toContain('secret')
})

test('a proxy that is not there is not taken for AWS', async () => {
  const [found] = await failedChecks(KEY, { env: { HTTPS_PROXY: 'http://me:secret@127.0.0.1:9' } })

  expect(found).toMatchObject({ cause: 'proxy-unreachable', layer: 'proxy', code: NETWORK })
  expect(found?.hint).toContain('HTTPS_PROXY, which is http://127.0.0.1:9')
  expect(JSON.stringify(found)).not.toContain('secret')
})

/** The environment in which KMS is, by way of a proxy, another server. */
async function redirected(url: URL): Promise<{ readonly env: Readonly<Record<string, string>> }> {
  const proxy = await startForwardProxy({ hosts: { [HOST]: url } })
  return { env: { HTTPS_PROXY: proxy.url.href } }
}

test('a certificate of an unknown authority and one for another host are told apart', async () => {
  const server = await startTlsServer((_, response) => response.end())
  const world = await redirected(server.url)
  const [unknown] = await failedChecks(KEY, world)
  const trusted = getCACertificates('default')
  onTestFinished(() => {
    setDefaultCACertificates(trusted)
  })
  setDefaultCACertificates([...trusted, server.certificate])
  const [other] = await failedChecks(KEY, world)

  expect(unknown).toMatchObject({ cause: 'tls-unknown-authority', layer: 'TLS', code: NETWORK })
  expect(unknown?.hint).toContain('NODE_EXTRA_CA_CERTS to its PEM file')
  expect(other).toMatchObject({ cause: 'tls-wrong-name', layer: 'TLS', code: NETWORK })
  expect(other?.hint).toContain('NODE_EXTRA_CA_CERTS does not help')
})

test('a server that does not speak TLS is found', async () => {
  const server = await startRawServer((_, response) => response.end())

  const [found] = await failedChecks(KEY, await redirected(server))

  expect(found).toMatchObject({ cause: 'tls-not-spoken', layer: 'TLS', code: NETWORK })
})

// No machine of a test has these: the codes are those that Node documents (errno, TLS).
test.each([
  ['EAI_AGAIN', 'dns-no-answer', 'DNS', NETWORK],
  ['ENOTFOUND', 'dns-unknown-host', 'DNS', NETWORK],
  ['EHOSTUNREACH', 'no-route', 'network', NETWORK],
  ['CERT_HAS_EXPIRED', 'tls-validity', 'TLS', NETWORK],
  ['CERT_NOT_YET_VALID', 'tls-validity', 'TLS', NETWORK],
  ['ETIMEDOUT', 'connect-timeout', 'network', 'ERR_TIMEOUT'],
  ['ESOMETHING', 'connection-failed', 'network', NETWORK],
] as const)('%s is %s (%s)', (code, cause, layer, expected) => {
  const thrown = Object.assign(new Error('the connection failed'), { code })

  const error = toKmsError(thrown, { operation: 'Sign', region: 'eu-west-1' })

  expect(error.code).toBe(expected)
  expect(error.details).toMatchObject({ cause, layer })
})

test.each([
  ['CreateKey', 'UnsupportedOperationException', 'spec-not-in-region', 'region'],
  ['CreateAlias', 'AlreadyExistsException', 'alias-taken', 'key name'],
] as const)('%s answers %s: %s', async (operation, name, cause, layer) => {
  double.fail(operation, { kind: 'error', name })

  const create = ['key', 'create', `awskms://${double.endpoint}/alias/new`]
  const result = await countersign([...create, '--algorithm', 'ES256', '--json'])

  expect(documentOf(result)).toMatchObject({ error: { details: { cause, layer } } })
})

test('an error of every command carries its cause, not doctor’s alone', async () => {
  const key = await double.addKey({ spec: 'ECC_NIST_P256' })
  double.deny('Sign')
  const path = `${createTempFolder()}/app.txt`
  writeFileSync(path, 'app')

  const uri = `awskms://${double.endpoint}/${key.arn}`
  const result = await countersign(['sign', '--key', uri, path, '--json'])

  expect(result.exitCode).toBe(8)
  expect(result.stdout).toContain('"cause": "identity-policy"')
  expect(result.stdout).toContain('kms:SigningAlgorithm')
})

test('a text of the other side is shown on one line, and steers no terminal', async () => {
  const message = `not authorized\u001b[2J\nhint: run this\u202e${'x'.repeat(5000)}`
  double.fail('DescribeKey', { kind: 'error', name: 'AccessDeniedException', message })

  const { stdout } = await countersign(['doctor', `awskms://${double.endpoint}/alias/release`])

  expect(stdout).toContain('not authorized [2J hint: run this')
  // eslint-disable-next-line no-control-regex -- what must not be there
  expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
  expect(stdout.split('\n').every((line) => line.length < 600)).toBe(true)
})
