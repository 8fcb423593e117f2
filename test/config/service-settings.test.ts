import { expect, test } from 'vitest'
import { toConfig } from '../../src/config/config.ts'
import { environmentLayer, fileLayer, mergeLayers, toSingleFile } from '../../src/config/layers.ts'
import { describeProblem } from '../../src/config/problem.ts'

/** What is wrong with a text, each with its place. */
function problemsOf(text: string): readonly string[] {
  return fileLayer(text, 'c.yaml').problems.map(describeProblem)
}

test('unset service settings have their defaults', () => {
  const { serve, log, access } = toConfig({})

  expect(serve).toEqual({
    host: '127.0.0.1',
    port: 8080,
    tls: undefined,
    trustProxy: [],
    bodyTimeoutSeconds: 10,
    anonymousTimestamps: 3600,
    maxBodyBytes: 20_971_520,
    requestTimeoutSeconds: 30,
    requestsPerMinute: 600,
    maxConcurrent: 64,
    maxQueue: 256,
    drainTimeoutSeconds: 30,
    ready: 'any',
  })
  expect(log).toEqual({ checkpointEverySeconds: 1, isPublic: true, tiles: {}, witnesses: [] })
  expect(access).toEqual({
    issuers: [],
    policies: undefined,
    staticTokens: [],
    approvals: { required: 1, actions: [], lifetimeSeconds: 86_400, examinedEntries: [] },
  })
})

test('an address of version 6 is listened on without its brackets', () => {
  expect(toConfig({ serve: { listen: '[::1]:8443' } }).serve).toMatchObject({
    host: '::1',
    port: 8443,
  })
})

test('numbers and truths can be set by variables', () => {
  const env = { COUNTERSIGN_SERVE_MAX_QUEUE: '7', COUNTERSIGN_ACCESS_APPROVALS_REQUIRED: '2' }
  const layer = environmentLayer(env)

  expect(layer.problems).toEqual([])
  const { serve, access } = toConfig(toSingleFile(mergeLayers([layer])))
  expect(serve.maxQueue).toBe(7)
  expect(access.approvals.required).toBe(2)
})

test('a variable that is not a number is a problem with its name', () => {
  const { problems } = environmentLayer({ COUNTERSIGN_SERVE_MAX_QUEUE: 'many' })

  expect(problems.map(describeProblem)).toEqual([
    'COUNTERSIGN_SERVE_MAX_QUEUE: serve.maxQueue: expected a whole number; found a text',
  ])
})

test.each([
  [
    'serve: { listen: localhost }',
    'c.yaml:1:10: serve.listen: expected an address and a port, such as 127.0.0.1:8080, found "localhost"',
  ],
  [
    'serve: { listen: "0.0.0.0:70000" }',
    'c.yaml:1:10: serve.listen: expected an address and a port, such as 127.0.0.1:8080, found "0.0.0.0:70000"',
  ],
  [
    'serve: { trustProxy: [10.0.0.0/33] }',
    'c.yaml:1:23: serve.trustProxy[0]: expected an IP address, or a network such as 10.0.0.0/8, found "10.0.0.0/33"',
  ],
  ['serve: { maxQueue: -1 }', 'c.yaml:1:10: serve.maxQueue: -1 is not within 0 to 100000'],
  [
    'log: { origin: "https://sign.example.com" }',
    'c.yaml:1:8: log.origin: expected a host name in lower case without port or path, such as log.example.com, found "https://sign.example.com"',
  ],
  ...['log.example.com:443', 'log.example.com/log', 'Log.example.com', 'log.example.com.'].map(
    (origin): [string, string] => [
      `log: { origin: "${origin}" }`,
      `c.yaml:1:8: log.origin: expected a host name in lower case without port or path, such as log.example.com, found "${origin}"`,
    ],
  ),
  [
    'log: { auditOrigin: "https://sign.example.com/audit" }',
    'c.yaml:1:8: log.auditOrigin: expected a host and path without a scheme, such as sign.example.com/log, found "https://sign.example.com/audit"',
  ],
  [
    'timestamps: freetsa',
    'c.yaml:1:1: timestamps: expected embedded, none or an address, found "freetsa"',
  ],
  [
    'timestamps: http://tsa.example.com',
    'c.yaml:1:1: timestamps: "http://tsa.example.com" is not https',
  ],
  [
    'access: { staticTokens: [{ name: dev, token: s3cret }] }',
    'c.yaml:1:39: access.staticTokens[0].token: expected a reference to a secret: file:PATH or env:NAME',
  ],
  [
    'keys: { a: { use: token, provider: "file:/a/", tokenType: "a b" } }',
    'c.yaml:1:48: keys.a.tokenType: must match pattern "^[A-Za-z0-9][A-Za-z0-9.+_-]{0,63}$"',
  ],
  [
    'keys: { a: { use: token, provider: "file:/a/", timestamps: none } }',
    'c.yaml:1:48: keys.a.timestamps: only a key whose use is artifact or digest has this setting',
  ],
  [
    'keys: { a: { use: token, provider: "file:/a/", rotation: { every: 1h, verifierCache: 2h } } }',
    'c.yaml:1:48: keys.a.rotation: rotation: everySeconds is 3600, but a new version must wait 7265 s before it may sign',
  ],
  [
    'access: { issuers: [{ issuer: "https://a.example", jwks: keys.json, tokenFile: token }] }',
    'c.yaml:1:69: access.issuers[0].tokenFile: has no effect where jwks names a file with the keys',
  ],
  [
    'keyHistory: { expires: 2d, offlineUntil: 1d }',
    'c.yaml:1:15: keyHistory.expires: expires is longer than offlineUntil, expected no longer',
  ],
  [
    'keyHistory: { offlineUntil: 23h }',
    'c.yaml:1:15: keyHistory.offlineUntil: expires is longer than offlineUntil, expected no longer',
  ],
])('%s is refused with its place', (text, problem) => {
  expect(problemsOf(text)).toEqual([problem])
})

test('claims keep their names, whatever stands in them', () => {
  const layer = fileLayer(
    'keys: { s: { use: token, provider: "file:/s/", claims: { forced: { "https://a.example/role": [x] } } } }',
    'c.yaml',
  )

  const { keys } = toConfig(toSingleFile(mergeLayers([layer])))

  expect(keys['s']?.claims).toEqual({ forced: { 'https://a.example/role': ['x'] } })
})

test.each(['log', 'audit'])(
  'the key of a log is EdDSA, said or not, and nothing else: %s',
  (use) => {
    const written = (algorithm: string): string =>
      `keys: { mine: { use: ${use}, provider: "file:keys/"${algorithm} } }`
    const layer = fileLayer(written(''), 'c.yaml')

    const { keys } = toConfig(toSingleFile(mergeLayers([layer])))

    expect(keys['mine']).toMatchObject({ algorithm: 'EdDSA' })
    expect(problemsOf(written(', algorithm: EdDSA'))).toEqual([])
    expect(problemsOf(written(', algorithm: ES256'))).toEqual([
      expect.stringContaining('expected EdDSA for the key of a log; found "ES256"'),
    ])
  },
)
