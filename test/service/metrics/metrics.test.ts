/** What `/metrics` says of a running service, read as Prometheus reads it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { COUNTERS, GAUGES, HISTOGRAMS } from '../../../src/service/metrics/definitions.ts'
import { startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { runServer, serverFolder, type TestServer } from '../../support/server.ts'
import { type ServiceFolderOptions, writeServiceFolder } from '../../support/service-folder.ts'
import { SOON } from '../../support/soon.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { createCertificate } from '../../support/tls-server.ts'

const DEFINED = Object.values({ ...COUNTERS, ...GAUGES, ...HISTOGRAMS })
const DIGEST = 'ab'.repeat(32)

let stack = new AsyncDisposableStack()

afterEach(async () => {
  vi.unstubAllEnvs()
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

type Labels = Readonly<Record<string, string>>

/** One line of a scrape. */
interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

/** A service with metrics, and what its clients do. */
interface Scene {
  readonly server: TestServer
  readonly text: () => Promise<string>
  readonly samples: (name: string, labels?: Labels) => Promise<readonly Sample[]>
  /** The sum of the samples. */
  readonly value: (name: string, labels?: Labels) => Promise<number>
  readonly sign: (key?: string) => Promise<number>
  readonly post: (path: string, body: object) => Promise<number>
}

function parseSamples(text: string): readonly Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const {
      name = '',
      labels = '',
      value,
    } = /^(?<name>\w+)(?:\{(?<labels>.*)\})? (?<value>\S+)$/.exec(line)?.groups ?? {}
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
    return {
      name,
      labels: Object.fromEntries(pairs.map(([, label = '', text = '']) => [label, text])),
      value: Number(value),
    }
  })
}

async function startScene(
  keys: ServiceFolderOptions['keys'] = {},
  policies: Pick<ServiceFolderOptions, 'policies'> = {},
): Promise<Scene> {
  const folder = writeServiceFolder({
    ...policies,
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' }, ...keys },
    serve: { metrics: '127.0.0.1:0' },
  })
  const { authorization } = folder
  const server = await runServer(folder)
  const text: Scene['text'] = async () => {
    const answer = await fetch(`${server.metricsAddress ?? ''}/metrics`)
    expect(answer.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    return answer.text()
  }
  const samples: Scene['samples'] = async (name, labels = {}) =>
    parseSamples(await text()).filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )
  const post: Scene['post'] = async (path, body) => {
    const answer = await fetch(`${server.address}${path}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    await answer.arrayBuffer()
    return answer.status
  }
  const artifacts = [{ name: 'app', kind: 'file', digest: `sha256:${DIGEST}` }]
  return {
    server,
    text,
    samples,
    value: async (name, labels) =>
      (await samples(name, labels)).reduce((sum, { value }) => sum + value, 0),
    sign: (key = 'release') => post(`/v1/keys/${key}/signatures`, { artifacts }),
    post,
  }
}

test('a scrape describes every metric of the table, with its type, and no other of ours', async () => {
  const text = await (await startScene()).text()

  const described = [...text.matchAll(/^# TYPE (countersign_\w+) (\w+)$/gm)].map(
    ([, name, type]) => [name, type],
  )
  const typed = [
    ...Object.values(COUNTERS).map(({ name }) => [name, 'counter']),
    ...Object.values(GAUGES).map(({ name }) => [name, 'gauge']),
    ...Object.values(HISTOGRAMS).map(({ name }) => [name, 'histogram']),
  ]
  expect(described.toSorted()).toEqual(typed.toSorted())
})

test('names have their unit, and say what kind they are', () => {
  for (const { name } of DEFINED) expect(name).toMatch(/^countersign_[a-z_]+$/)
  for (const { name } of Object.values(COUNTERS)) expect(name).toMatch(/_total$/)
  for (const { name } of Object.values(HISTOGRAMS)) expect(name).toMatch(/_seconds$/)
})

test('requests are counted by operation and status, their backend and their log entry measured', async () => {
  const scene = await startScene()

  expect([await scene.sign(), await scene.sign(), await scene.sign('missing')]).toEqual([
    200, 200, 404,
  ])

  const operation = 'signArtifacts'
  const requests = 'countersign_http_requests_total'
  // An answer may arrive just before its request is counted.
  await expect.poll(() => scene.value('countersign_http_requests_in_flight')).toBe(0)
  expect(await scene.value(requests, { operation, status: '200' })).toBe(2)
  expect(await scene.value(requests, { operation, status: '404' })).toBe(1)
  const problems = { operation, code: 'ERR_KEY_NOT_FOUND' }
  expect(await scene.value('countersign_http_problems_total', problems)).toBe(1)
  const signed = { key: 'release', provider: 'file', outcome: 'signed' }
  const calls = await scene.value('countersign_backend_call_duration_seconds_count', signed)
  expect(calls).toBeGreaterThanOrEqual(2)
  // Two signatures, and the refusal.
  const appended = { outcome: 'appended' }
  expect(await scene.value('countersign_log_append_duration_seconds_count', appended)).toBe(3)
})

test('the state of keys, publications and logs is that of the moment', async () => {
  const scene = await startScene()
  await scene.sign()
  const active = { key: 'release', state: 'active' }
  expect(await scene.value('countersign_key_versions', active)).toBe(1)
  expect(await scene.value('countersign_key_signs', { key: 'release' })).toBe(1)
  expect(await scene.value('countersign_log_size', { log: 'transparency' })).toBeGreaterThan(0)
  const before = await scene.value('countersign_key_history_sequence')

  const body = {
    mode: 'seamless',
    reason: 'stolen',
    compromisedSince: '2020-01-01T00:00:00Z',
    force: true,
  }
  expect(await scene.post('/v1/keys/release/revoke', body)).toBe(200)

  expect(await scene.value('countersign_key_versions', { ...active, state: 'revoked' })).toBe(1)
  expect(await scene.value('countersign_revocation_seen_seconds_count')).toBe(1)
  await expect
    .poll(() => scene.value('countersign_key_history_sequence'), SOON)
    .toBeGreaterThan(before)
  const expires = await scene.value('countersign_key_history_expires_timestamp_seconds')
  expect(expires).toBeGreaterThan(
    await scene.value('countersign_key_history_issued_timestamp_seconds'),
  )
})

test('a backend that fails is counted by error code and cause', async () => {
  const double = stack.use(await startKmsDouble())
  stubKmsEnvironment(double.credentials)
  const provider = `awskms://${double.endpoint}/`
  const scene = await startScene({ cloud: { use: 'artifact', provider } })
  expect(await scene.sign('cloud')).toBe(200)
  double.fail('Sign', { kind: 'error', name: 'DisabledException' })

  expect(await scene.sign('cloud')).toBe(503)

  const [failed] = await scene.samples('countersign_backend_errors_total', { key: 'cloud' })
  expect(failed?.labels).toMatchObject({ provider: 'awskms', cause: 'disabled' })
  expect(await scene.value('countersign_key_signs', { key: 'cloud' })).toBe(0)
})

test('what fails beside requests is counted by code, as the renewal of a certificate', async () => {
  const folder = createTempFolder()
  const [certificate, key] = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const pair = createCertificate()
  writeFileSync(certificate, pair.certificate)
  writeFileSync(key, pair.key)
  const keys = { release: { use: 'artifact' } } as const
  const serve = { metrics: '127.0.0.1:0', tls: { certificate, key } }
  const server = await runServer(writeServiceFolder({ folder, keys, serve }))
  writeFileSync(certificate, 'not a certificate')

  await server.renew()

  const text = await (await fetch(`${server.metricsAddress ?? ''}/metrics`)).text()
  const failures = parseSamples(text).filter(
    ({ name }) => name === 'countersign_background_failures_total',
  )
  expect(failures).toMatchObject([{ labels: { code: 'ERR_CONFIG_INVALID' }, value: 1 }])
})

test('denials are counted, with the body of the request and without', async () => {
  const policies = `permit (principal, action == Action::"sign", resource)
    when { context.subject.name == "never" };\n`
  const scene = await startScene({}, { policies })
  const subjects = [{ digest: `sha256:${DIGEST}` }]
  const attestation = { subjects, predicateType: 'https://example.com/p', predicate: {} }

  expect([
    await scene.sign(),
    await scene.post('/v1/keys/release/attestations', attestation),
  ]).toEqual([403, 403])

  const denials = (await scene.samples('countersign_denials_total')).map(
    ({ labels: { action, key }, value }) => [action, key, value],
  )
  expect(denials).toEqual([
    ['sign', 'release', 1],
    ['attest', 'release', 1],
  ])
})

test('nothing that a request says becomes a label', async () => {
  const scene = await startScene()
  const hostile = async (round: number): Promise<void> => {
    const name = `k${round}"} 1\nx{y="`
    await scene.sign(encodeURIComponent(name))
    await scene.post(`/v1/keys/${round}/tokens`, { audience: [name] })
    await fetch(`${scene.server.address}/${round}/${encodeURIComponent(name)}`)
    await fetch(`${scene.server.address}/keys/${round}.pem`, {
      headers: { 'user-agent': `a${round}` },
    })
    await fetch(`${scene.server.address}/v1/keys`, { method: 'PROPFIND' })
    await fetch(`${scene.server.address}/v1/keys`, {
      headers: { authorization: `Bearer ${round}` },
    })
  }
  await hostile(0)
  const series = async (): Promise<readonly string[]> =>
    parseSamples(await scene.text())
      .filter(({ name }) => name.startsWith('countersign_'))
      .map(({ labels, name }) => `${name} ${JSON.stringify(labels)}`)
  const before = await series()

  for (let round = 1; round <= 20; round += 1) await hostile(round)

  const after = await series()
  expect(after.filter((one) => !before.includes(one))).toEqual([])
  for (const { labels } of parseSamples(await scene.text())) {
    const { key = 'release' } = labels
    expect(scene.server.keys.map(({ name }) => name)).toContain(key)
  }
})

test('metrics are nowhere unless an address is set, and never where callers are', async () => {
  const without = await runServer(serverFolder())
  const scene = await startScene()

  const answers = await Promise.all(
    [without, scene.server].map(({ address }) => fetch(`${address}/metrics`)),
  )

  expect(without.metricsAddress).toBeUndefined()
  expect(answers.map(({ status }) => status)).toEqual([404, 404])
  const others = ['/', '/v1/keys', '/readyz', '/trust/keys.json'].map(async (path) => {
    const answer = await fetch(`${scene.server.metricsAddress ?? ''}${path}`)
    return answer.status
  })
  expect(await Promise.all(others)).toEqual([404, 404, 404, 404])
})

test('an address that is taken is named with its setting', async () => {
  const scene = await startScene()
  const taken = new URL(scene.server.metricsAddress ?? '').host
  const { env, ...folder } = serverFolder()

  const second = runServer({ ...folder, env: { ...env, COUNTERSIGN_SERVE_METRICS: taken } })

  await expect(second).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    hint: expect.stringContaining('serve.metrics') as unknown,
  })
})
