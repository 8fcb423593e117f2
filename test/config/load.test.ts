import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { originOf, toConfig } from '../../src/config/config.ts'
import type { Environment } from '../../src/config/environment.ts'
import { type ConfigSources, inspectConfig, readConfig } from '../../src/config/load.ts'
import { describeProblem } from '../../src/config/problem.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const NONE: Environment = {}

function place(text: string | Uint8Array, name = 'countersign.yaml'): string {
  const file = join(createTempFolder(), name)
  writeFileSync(file, text)
  return file
}

async function failure(sources: ConfigSources): Promise<unknown> {
  return readConfig(sources).then(
    () => 'accepted',
    (error: unknown) => error,
  )
}

/** Every mistake of a text, without the path of its file. */
async function mistakesIn(text: string, env = NONE): Promise<readonly string[]> {
  const file = place(text)
  const { problems } = await inspectConfig({ file, env })
  return problems.map((problem) => describeProblem(problem).replace(`${file}:`, ''))
}

test('without a file, a variable or a flag everything is at its default', async () => {
  const config = await readConfig({ env: { PATH: '/bin' }, folder: createTempFolder() })

  expect(config).toEqual(toConfig({}))
  expect(config).toMatchObject({
    file: undefined,
    store: 'sqlite:countersign.db',
    keys: {},
    registry: { plainHttp: [], referrersMode: 'auto' },
  })
})

test('an empty file leaves everything at its default', async () => {
  for (const text of ['', '# nothing yet\n', '{}', '---\n...\n', '\uFEFF']) {
    const file = place(text)

    expect(await readConfig({ file, env: NONE })).toEqual({ ...toConfig({}), file })
  }
})

test('countersign.yaml of the folder is read where nothing else is named', async () => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'countersign.yaml'), 'issuer: https://here.example.com')
  const named = place('issuer: https://named.example.com')
  const flagged = place('issuer: https://flagged.example.com')
  const env = { COUNTERSIGN_CONFIG: named }

  expect((await readConfig({ env: NONE, folder })).issuer).toBe('https://here.example.com')
  expect((await readConfig({ env: { COUNTERSIGN_CONFIG: '' }, folder })).issuer).toBe(
    'https://here.example.com',
  )
  expect((await readConfig({ env, folder })).issuer).toBe('https://named.example.com')
  expect((await readConfig({ env, folder, file: flagged })).issuer).toBe(
    'https://flagged.example.com',
  )
})

test('a file that is named must be there', async () => {
  const missing = join(createTempFolder(), 'missing.yaml')

  expect(await failure({ file: missing, env: NONE })).toMatchObject({ code: 'ERR_FILE_READ' })
  expect(await failure({ env: { COUNTERSIGN_CONFIG: missing } })).toMatchObject({
    code: 'ERR_FILE_READ',
  })
})

test('a folder in the place of the file, a file that is too large or no text, is refused', async () => {
  const folder = createTempFolder()
  mkdirSync(join(folder, 'countersign.yaml'))

  expect(await failure({ env: NONE, folder })).toMatchObject({ code: 'ERR_FILE_READ' })
  expect(await failure({ file: place('#'.repeat(65_537)), env: NONE })).toMatchObject({
    code: 'ERR_INPUT_TOO_LARGE',
  })
  expect(await failure({ file: place(Uint8Array.of(0x61, 0xff)), env: NONE })).toMatchObject({
    code: 'ERR_CONFIG_INVALID',
  })
})

test('a flag goes before the environment, that before the file, that before the default', async () => {
  const file = place('registry:\n  ca: file.pem\n  referrersMode: tag\nstore: sqlite:/x.db\n')
  const env = { COUNTERSIGN_REGISTRY_CA: 'env.pem', COUNTERSIGN_REGISTRY_REFERRERS_MODE: 'api' }
  const flags = {
    'registry.ca': { flag: '--ca', value: 'flag.pem' },
    'registry.referrersMode': { flag: '--referrers-mode', value: undefined },
  }

  const config = await readConfig({ file, env, flags })

  expect(config.registry.ca).toBe('flag.pem')
  expect(originOf(config, 'registry.ca')).toEqual({ kind: 'flag', flag: '--ca' })
  expect(config.registry.referrersMode).toBe('api')
  expect(originOf(config, 'registry.referrersMode')).toEqual({
    kind: 'environment',
    variable: 'COUNTERSIGN_REGISTRY_REFERRERS_MODE',
  })
  expect(config.store).toBe('sqlite:/x.db')
  expect(originOf(config, 'store')).toEqual({ kind: 'file', file, line: 4, column: 1 })
  expect(originOf(config, 'registry.plainHttp')).toEqual({ kind: 'default' })
  expect(originOf(config, 'constructor')).toEqual({ kind: 'default' })
})

test('a list in a variable is separated by commas; an empty variable is ignored', async () => {
  const file = place('registry: { plainHttp: [file.lab] }')

  const read = (value: string) =>
    readConfig({ file, env: { COUNTERSIGN_REGISTRY_PLAIN_HTTP: value } })

  expect((await read('one.lab:5000, two.lab')).registry.plainHttp).toEqual([
    'one.lab:5000',
    'two.lab',
  ])
  expect((await read('')).registry.plainHttp).toEqual(['file.lab'])
})

test('a wrong value of a variable or a flag is refused by its name', async () => {
  const env = { COUNTERSIGN_REGISTRY_PLAIN_HTTP: 'fine.lab,not a host' }
  const flags = { 'registry.referrersMode': { flag: '--referrers-mode', value: 'apii' } }
  const folder = createTempFolder()

  expect(await failure({ env, folder })).toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message:
      'COUNTERSIGN_REGISTRY_PLAIN_HTTP: registry.plainHttp[1]: expected host or host:port, found "not a host"',
  })
  expect(await failure({ env: NONE, flags, folder })).toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message:
      '--referrers-mode: registry.referrersMode: expected one of auto, api, tag, none; found "apii"',
    hint: 'did you mean "api"?',
  })
})

test('values of the file are typed, and durations are in seconds', async () => {
  const file = place(`
issuer: https://sign.example.com
store: sqlite:countersign.db
keys:
  release:  { use: artifact, algorithm: ES256, provider: "awskms:///?region=eu-west-1", rotation: { every: 90d } }
  sessions: { use: token,    algorithm: RS256, provider: "pkcs11:token=prod?module-path=/usr/lib/hsm.so&pin-source=file:/run/pin", maxTokenLifetime: 1h, rotation: { every: 7d } }
  tsa:      { use: timestamp, algorithm: ES256, provider: "file:keys/" }
access:
  issuers: [{ issuer: https://token.actions.githubusercontent.com, audience: https://sign.example.com }]
  policies: policies/
`)

  const { keys, access } = await readConfig({ file, env: NONE })

  expect(keys['release']?.policy).toMatchObject({ everySeconds: 7_776_000 })
  expect(keys['sessions']).toMatchObject({
    algorithm: 'RS256',
    policy: { everySeconds: 604_800, maxTokenLifetimeSeconds: 3600 },
  })
  expect(access.issuers).toEqual([
    {
      issuer: 'https://token.actions.githubusercontent.com',
      audience: 'https://sign.example.com',
      algorithms: undefined,
      jwksUri: undefined,
      preventReplay: false,
      enterpriseSlug: undefined,
      allowPrivateAddresses: false,
      useProxy: true,
      maxTokenAgeSeconds: undefined,
      clockSkewSeconds: undefined,
      ca: undefined,
      jwks: undefined,
    },
  ])
})

test('relative paths in the file are meant from its folder', async () => {
  const file = place(`
store: sqlite:data.db
keys:
  near: { use: artifact, provider: file:near.pem, passphrase: file:near.txt }
  far: { use: artifact, provider: file:/keys/far.pem, passphrase: env:FAR }
access: { policies: policies/, issuers: [{ issuer: https://k8s.local, ca: ca.crt, jwks: k8s.json, clockSkew: 30s }] }
trust: { keys: [near, old.pub, file:older.pub, "awskms:///alias/a", https://example.com/k.pem], trustedRoot: root.json }
registry: { ca: ca.pem }
`)
  const at = (name: string): string => join(file, '..', name)

  const config = await readConfig({ file, env: NONE })

  expect(config.store).toBe(`sqlite:${at('data.db')}`)
  const [cluster] = config.access.issuers
  expect(cluster).toMatchObject({ ca: at('ca.crt'), jwks: at('k8s.json'), clockSkewSeconds: 30 })
  expect(config.keys['near']).toMatchObject({
    provider: `file:${at('near.pem')}`,
    passphrase: `file:${at('near.txt')}`,
  })
  expect(config.keys['far']).toMatchObject({
    provider: 'file:/keys/far.pem',
    passphrase: 'env:FAR',
  })
  expect(config.access.policies).toBe(at('policies/'))
  expect(config.registry.ca).toBe(at('ca.pem'))
  expect(config.trust).toEqual({
    keys: [
      'near',
      at('old.pub'),
      `file:${at('older.pub')}`,
      'awskms:///alias/a',
      'https://example.com/k.pem',
    ],
    history: undefined,
    historyKey: undefined,
    trustedRoot: at('root.json'),
  })
})

test('the configuration is immutable once it is read', async () => {
  const file = place('keys: { a: { use: artifact, provider: file:a.pem } }')

  const config = await readConfig({ file, env: NONE })

  for (const part of [config, config.keys, config.keys['a'], config.registry.plainHttp]) {
    expect(Object.isFrozen(part)).toBe(true)
  }
})

test('every mistake is named with its line and column, from the top of the file', async () => {
  const text = `isuer: https://sign.example.com
keys:
  Release: { use: artifact, provider: "file:a.pem" }
  release:
    use: artefact
    provider: env://NAME
    rotation: { every: 4000d, at: noon }
    maxTokenLifetime: 60
  bare: {}
registry: []
trust:
`

  expect(await mistakesIn(text)).toEqual([
    '1:1: isuer: unknown setting "isuer"',
    '3:3: keys.Release: "Release" is no name for a key',
    '5:5: keys.release.use: expected one of artifact, digest, token, timestamp, log, audit, trust; found "artefact"',
    '6:5: keys.release.provider: no keys can be made or opened in env:',
    '7:17: keys.release.rotation.every: "4000d" is not within 1s to 3650d',
    '7:31: keys.release.rotation.at: unknown setting "at"',
    '8:5: keys.release.maxTokenLifetime: expected a duration such as 30s, 15m, 1h or 90d; found a number',
    '8:5: keys.release.maxTokenLifetime: only a key whose use is token has this setting',
    '9:3: keys.bare: "use" is missing',
    '9:3: keys.bare: "provider" is missing',
    '10:1: registry: expected a mapping; found a list',
    '11:1: trust: expected a mapping; found nothing',
  ])
})

test('a file with more than eight mistakes names them all', async () => {
  const text = Array.from({ length: 40 }, (_, index) => `unknown${index}: 1`).join('\n')

  expect(await mistakesIn(text)).toHaveLength(40)
})

test('the error of a command names the first mistake and counts the rest', async () => {
  const file = place('issuer: https://a.example.com\nstroe: x\ntrast: y\n')

  expect(await failure({ file, env: NONE })).toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: `${file}:2:1: stroe: unknown setting "stroe" (and 1 more)`,
    reason: 'several-config-mistakes',
    details: { problems: 2 },
  })
})

test.each([
  [
    'a name twice',
    'store: sqlite:a\nstore: sqlite:b\n',
    '2:1: this name is there twice in one mapping',
  ],
  ['a tab', 'keys:\n\ta: 1\n', '2:1: a tab indents this line; YAML takes spaces only'],
  ['a second document', '{}\n---\n{}\n', '2:1: a second document begins here; one file holds one'],
  ['a name that is not a string', '? [a]\n: b\n', '1:3: a name must be a text'],
  ['an unknown tag', 'store: !x y\n', '1:8: unresolved tag: !x'],
  ['a missing anchor', 'store: *x\n', '1:1: an alias without its anchor, or too many aliases'],
  ['a text alone', 'hello', '1:1: expected a mapping; found a text'],
  ['a list alone', '- a', '1:1: expected a mapping; found a list'],
  [
    'a name that JavaScript inherits',
    '__proto__: {}',
    '1:1: __proto__: unknown setting "__proto__"',
  ],
  ['a merge, which YAML 1.2 has not', '<<: {}', '1:1: <<: unknown setting "<<"'],
])('%s is refused', async (_, text, mistake) => {
  expect(await mistakesIn(text)).toContain(mistake)
})

test.each([
  ['brackets', '['.repeat(9000)],
  ['mappings', '{a: '.repeat(1900)],
  ['lists', '- '.repeat(4900)],
])('%s nested without end are refused', async (_, text) => {
  expect(await mistakesIn(text)).toEqual([expect.stringMatching(/^1:\d+: nested too deeply$/)])
})

test('a file of more parts than settings have is refused before they are put together', async () => {
  expect(await mistakesIn('a: 1\n'.repeat(2100))).toEqual(['1:1: too long: settings take far less'])
  expect(await mistakesIn('# a comment\n'.repeat(4000))).toEqual([])
})

test('aliases that multiply are refused, a few are not', async () => {
  const eight = (below: string): string => `[${`*${below}, `.repeat(8)}]`
  const bomb = `a: &a x\nb: &b ${eight('a')}\nc: &c ${eight('b')}\nd: &d ${eight('c')}\n`
  const shared = 'keys:\n  a: &k { use: artifact, provider: file:a.pem }\n  b: *k\n'

  expect(await mistakesIn(bomb)).toEqual(['1:1: an alias without its anchor, or too many aliases'])
  expect(await mistakesIn(shared)).toEqual([])
  expect(await mistakesIn(shared.replace('artifact', 'x'))).toContainEqual(
    expect.stringMatching(/^2:11: keys\.b\.use: /),
  )
})

test('an anchor that contains itself is refused', async () => {
  expect(await mistakesIn('keys: &k { a: *k }')).not.toEqual([])
})
