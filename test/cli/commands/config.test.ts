import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { countersign, documentOf } from '../../support/cli.ts'
import { serverFolder } from '../../support/server.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

function place(text: string): string {
  const file = join(createTempFolder(), 'countersign.yaml')
  writeFileSync(file, text)
  return file
}

const GOOD = `issuer: https://sign.example.com
keys:
  release: { use: artifact, provider: file:/release.pem }
registry:
  plainHttp: [a.lab, b.lab:5000]
`

const BAD = `isuer: https://sign.example.com
keys:
  release: { use: token, provider: file:/release.pem, maxTokenLifetime: 31d }
`

test('config check says that a good file is good', async () => {
  const file = place(GOOD)

  expect(await countersign(['config', 'check', file])).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^PASSED {2}.*\n {2}not checked {2}secrets,/) as string,
    stderr: '',
  })
})

test('config check prints every mistake with its line, and ends with 2', async () => {
  const file = place(BAD)

  expect(await countersign(['config', 'check', file])).toEqual({
    exitCode: 2,
    stdout: `FAILED  2 mistakes
${file}:1:1: isuer: unknown setting "isuer"
  hint: did you mean "issuer"?
${file}:3:55: keys.release.maxTokenLifetime: "31d" is not within 1s to 30d
`,
    stderr: '',
  })
})

test('config check --json prints the mistakes as one document', async () => {
  const file = place(BAD)

  const result = await countersign(['config', 'check', file, '--json'])

  expect(result.exitCode).toBe(2)
  expect(documentOf(result)).toEqual({
    schema: 'https://countersign.dev/schemas/config-check/v1',
    ok: false,
    exitCode: 2,
    file,
    problems: [
      {
        path: 'isuer',
        message: 'unknown setting "isuer"',
        hint: 'did you mean "issuer"?',
        origin: { kind: 'file', file, line: 1, column: 1 },
      },
      {
        path: 'keys.release.maxTokenLifetime',
        message: '"31d" is not within 1s to 30d',
        origin: { kind: 'file', file, line: 3, column: 55 },
      },
    ],
  })
})

test('config check looks at the variables too', async () => {
  const env = { COUNTERSIGN_CONFIG: place(GOOD), COUNTERSIGN_STORE: 'mysql://db' }

  const result = await countersign(['config', 'check'], { env })

  expect(result).toMatchObject({
    exitCode: 2,
    stdout:
      'FAILED  1 mistake\nCOUNTERSIGN_STORE: store: expected sqlite:FILE or postgres://user@host/db\n',
  })
})

test('config check ends with 2 if the file is missing', async () => {
  const result = await countersign(['config', 'check', '/nowhere/c.yaml', '--json'])

  expect(result.exitCode).toBe(2)
  expect(documentOf(result)).toMatchObject({ ok: false, error: { code: 'ERR_FILE_READ' } })
})

test('config check without any file reports the defaults', async () => {
  const result = await countersign(['config', 'check'])

  expect(result.exitCode).toBe(0)
  expect(result.stdout).toBe('PASSED  no configuration file; using defaults\n')
})

test('config show prints every setting with its origin', async () => {
  const file = place(GOOD)
  const env = { COUNTERSIGN_REGISTRY_REFERRERS_MODE: 'tag' }

  const result = await countersign(['config', 'show', '--config', file], { env })

  expect(result).toEqual({
    exitCode: 0,
    stdout: `issuer = https://sign.example.com  (${file}:1)
store = sqlite:countersign.db  (default)
storeConnections = 10  (default)
keys.release.use = artifact  (${file}:3)
keys.release.algorithm = ES256  (default)
keys.release.provider = file:/release.pem  (${file}:3)
keys.release.rotation.maxAge = 5m  (default)
keys.release.rotation.verifierCache = 15m  (default)
keys.release.rotation.replicaLag = 5s  (default)
keys.release.rotation.signerLag = 5s  (default)
keys.release.rotation.clockSkew = 1m  (default)
keys.release.rotation.verifierLeeway = 1m  (default)
keys.release.rotation.auditWindow = 30d  (default)
timestamps = embedded  (default)
access.approvals.required = 1  (default)
access.approvals.lifetime = 1d  (default)
serve.listen = 127.0.0.1:8080  (default)
serve.maxBodyBytes = 20971520  (default)
serve.requestTimeout = 30s  (default)
serve.bodyTimeout = 10s  (default)
serve.rateLimit = 600  (default)
serve.anonymousTimestamps = 3600  (default)
serve.maxConcurrent = 64  (default)
serve.maxQueue = 256  (default)
serve.drainTimeout = 30s  (default)
serve.ready = any  (default)
log.public = true  (default)
log.checkpointEvery = 1s  (default)
keyHistory.expires = 1d  (default)
keyHistory.offlineUntil = 30d  (default)
registry.plainHttp = ["a.lab","b.lab:5000"]  (${file}:5)
registry.referrersMode = tag  (COUNTERSIGN_REGISTRY_REFERRERS_MODE)
`,
    stderr: '',
  })
})

test('config show --json prints the same as one document', async () => {
  const file = place('store: sqlite:/x.db')

  const result = await countersign(['config', 'show', '--json', '--config', file])

  expect(documentOf(result)).toEqual({
    schema: 'https://countersign.dev/schemas/config/v1',
    ok: true,
    exitCode: 0,
    file,
    settings: expect.arrayContaining([
      {
        path: 'store',
        value: 'sqlite:/x.db',
        origin: { kind: 'file', file, line: 1, column: 1 },
      },
      { path: 'serve.maxQueue', value: 256, origin: { kind: 'default' } },
    ]) as unknown,
  })
})

test('config show shows nothing of a file with a mistake', async () => {
  const file = place(BAD)

  const result = await countersign(['config', 'show', '--config', file])

  expect(result).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `error: ${file}:1:1: isuer: unknown setting "isuer" (and 1 more) [ERR_CONFIG_INVALID]
hint:  list all of them: countersign config check ${file}
`,
  })
})

test('config check --help tells what is checked', async () => {
  const { stdout } = await countersign(['config', 'check', '--help'])

  expect(stdout).toMatchInlineSnapshot(`
    "Usage: countersign config check [options] [file]

    Checks the file, the variables that override it, and what serve would refuse of
    the files it names. Prints every mistake with its line.

    Arguments:
      file           file to check (default: the one that would be used)

    Options:
      -h, --help     print this help

    Global Options:
      --json         print one JSON document on stdout, on failure too
      -q, --quiet    print errors alone, a line each
      -v, --verbose  print more: causes of errors, what was looked at, keys tried
      --no-input     never ask for anything
      --no-color     no colour, as with NO_COLOR=1

    Examples:
      $ countersign config check
      $ countersign config check countersign.yaml
    "
  `)
})

test('config show --help tells what is shown', async () => {
  const { stdout } = await countersign(['config', 'show', '--help'])

  expect(stdout).toMatchInlineSnapshot(`
    "Usage: countersign config show [options]

    Prints every setting that holds, and whether it came from a variable, the file
    or is a default.

    Options:
      --config <file>  configuration (default: COUNTERSIGN_CONFIG, or
                       countersign.yaml where it is there)
      -h, --help       print this help

    Global Options:
      --json           print one JSON document on stdout, on failure too
      -q, --quiet      print errors alone, a line each
      -v, --verbose    print more: causes of errors, what was looked at, keys tried
      --no-input       never ask for anything
      --no-color       no colour, as with NO_COLOR=1

    Examples:
      $ countersign config show
    "
  `)
})

test.each([
  [
    'no issuer that others could use',
    'issuer: https://sign.example.com\n',
    '',
    'ERR_CONFIG_INVALID',
    'serve: { listen: "0.0.0.0:0" }',
  ],
  [
    'a store that has no folder for keys',
    'store: sqlite:service.db',
    'store: "postgres://sign@localhost/sign"',
    'ERR_CONFIG_INVALID',
    '',
  ],
  [
    'a certificate that is not there',
    '',
    '',
    'ERR_FILE_READ',
    'serve: { tls: { certificate: a.crt, key: a.key } }',
  ],
  [
    'a certificate without its key',
    '',
    '',
    'ERR_CONFIG_INVALID',
    'serve: { tls: { certificate: a.crt } }',
  ],
  ['policies that are not there', 'policies: policies/', 'policies: nowhere/', 'ERR_FILE_READ', ''],
])('config check refuses what serve refuses, with its code: %s', async (_, ...row) => {
  const [before, after, code, more] = row
  const { config, env } = serverFolder()
  const base = readFileSync(config, 'utf8').replace(before, after)
  const text = more.startsWith('serve:') ? base.replace(/^serve: .*\n/m, '') : base
  writeFileSync(config, `${text}${more}\n`)

  const check = await countersign(['config', 'check', config, '--json'], { env })
  const served = await countersign(['serve', '--config', config, '--json'], { env })

  expect(documentOf(check)).toMatchObject({ ok: false, refusals: [{ code }] })
  expect(documentOf(served)).toMatchObject({ ok: false, error: { code } })
  expect(check.exitCode).toBe(served.exitCode)
})

test('config check warns of a log key that every group of signatures waits for', async () => {
  const { config, env } = serverFolder()
  const own = '  notary: { use: log, algorithm: EdDSA, provider: "awskms:///?region=eu-west-1" }\n'
  const text = readFileSync(config, 'utf8')
  writeFileSync(config, text.replace('access:\n', `${own}access:\n`))

  const result = await countersign(['config', 'check', config], { env })

  expect(result).toMatchObject({ exitCode: 0 })
  expect(result.stdout).toContain('the key of the transparency log is in a KMS: notary;')
})

test('config check warns of keys in files that replicas may not share', async () => {
  const { config, env } = serverFolder()
  const own = ['log', 'audit', 'trust', 'timestamp'].map(
    (use) => `  ${use}: { use: ${use}, provider: file:keys/ }\n`,
  )
  const text = readFileSync(config, 'utf8').replace(
    'sqlite:service.db',
    'postgres://sign@localhost/sign',
  )
  writeFileSync(config, text.replace('access:\n', `${own.join('')}access:\n`))

  const result = await countersign(['config', 'check', config], { env })

  expect(result).toMatchObject({ exitCode: 0 })
  expect(result.stdout).toContain(
    'keys in files with a PostgreSQL store: release, log, audit, trust, timestamp',
  )
  expect(result.stdout).toContain('not checked  secrets')
})
