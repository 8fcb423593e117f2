import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documentOf } from '../../support/cli.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

const PASSPHRASE = { COUNTERSIGN_PASSPHRASE: 'correct horse' }

test('a new key is named on stdout, with its public half and what to do next on stderr', async () => {
  const folder = createSigningFolder()

  const result = await folder.run('key create @release.pem', { env: PASSPHRASE })

  expect(result).toEqual({
    exitCode: 0,
    stdout: 'file:@release.pem\n',
    stderr: `CREATED  file:@release.pem
  kid         KID
  algorithm   ES256 (EC P-256)
  public key  @release.pub
  next        countersign sign FILE --key file:@release.pem
`,
  })
})

test('a new key file is encrypted and for its owner only', async () => {
  const folder = createSigningFolder()
  const path = folder.path('release.pem')
  await folder.run(`key create file:${path}`, { env: PASSPHRASE })

  expect(readFileSync(path, 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const check = ['pkey', '-in', path, '-passin', 'pass:correct horse', '-check', '-noout']
  expect(spawnSync('openssl', check).status).toBe(0)
})

test('the next steps of key create work', async () => {
  const folder = createSigningFolder()
  folder.write('app.txt', 'hello\n')
  const { stderr } = await folder.run('key create @a.pem --no-passphrase --algorithm RS512')
  const next = /^ {2}next +countersign (.*)$/m.exec(stderr)?.[1] ?? ''

  const signed = await folder.run(next.replace('FILE', '@app.txt').replace('file:@', '@'))

  expect(next).toContain('--algorithm RS512')
  expect(signed.exitCode).toBe(0)
})

test('a user at the terminal is asked for the passphrase exactly twice', async () => {
  const folder = createSigningFolder()
  const typed = ['correct horse\r', 'correct horse\r']

  const { exitCode, stderr } = await folder.run('key create @release.pem', { typed })

  expect(exitCode).toBe(0)
  expect(stderr).toMatch(/^Passphrase for @release.pem \(empty for none\): \nAgain: \n\S*CREATED/)
})

test('an unencrypted key is created only with --no-passphrase', async () => {
  const folder = createSigningFolder()

  expect(await folder.run('key create @release.pem')).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: `error: no passphrase given for the new key "@release.pem" [ERR_USAGE]
hint:  set COUNTERSIGN_PASSPHRASE, give --passphrase-file FILE, or --no-passphrase
`,
  })
  expect(existsSync(folder.path('release.pem'))).toBe(false)
  expect((await folder.run('key create @release.pem --no-passphrase')).exitCode).toBe(0)
  expect(readFileSync(folder.path('release.pem'), 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----/)
})

test('no passphrase is asked for a key that is already there', async () => {
  const folder = createSigningFolder()
  folder.key('release')

  const result = await folder.run('key create @release.pem', {
    env: { NO_COLOR: '1' },
    typed: [],
  })

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toMatch(/^error: "@release.pem" already exists\s+\[ERR_KEY_EXISTS\]/)
})

test('key create --dry-run creates nothing, and reports a location that cannot hold keys', async () => {
  const folder = createSigningFolder()

  const result = await folder.run('key create @release.pem --algorithm EdDSA --dry-run')

  expect(result).toEqual({
    exitCode: 0,
    stdout: 'would create file:@release.pem for EdDSA\n',
    stderr: '',
  })
  expect(existsSync(folder.path('release.pem'))).toBe(false)
  folder.write('release.pub', 'x')
  expect(await folder.run('key create @release.pem -n')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('ERR_KEY_EXISTS') as unknown,
  })
})

test('an RSA key has the requested length', async () => {
  const folder = createSigningFolder()

  const made = await folder.run(
    'key create @a.pem --algorithm PS384 --rsa-bits 2048 --no-passphrase --json',
  )

  expect(made.exitCode).toBe(0)
  expect(documentOf(made)).toMatchObject({
    schema: 'https://countersign.dev/schemas/key/v1',
    ok: true,
    exitCode: 0,
    key: {
      reference: 'file:@a.pem',
      kid: 'KID',
      algorithm: 'PS384',
      kind: 'RSA 2048',
      publicFile: '@a.pub',
      jwk: { kty: 'RSA', alg: 'PS384', use: 'sig' },
    },
  })
})

test.each([
  ['key create @a.pem --rsa-bits 2048', '--rsa-bits, and ES256 is not RSA'],
  ['key create @a.pem --algorithm RS256 --rsa-bits 1024', "argument '1024' is invalid"],
  ['key create @a.pem --passphrase-file @p --no-passphrase', 'cannot be used with'],
  ['key create', "missing required argument 'key'"],
])('%s is refused as usage', async (line, message) => {
  const result = await createSigningFolder().run(line)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(message)
  expect(result.stderr).toContain('[ERR_USAGE]')
})

test.each([
  ['key create @a.pem --algorithm HS256', 'ERR_ALGORITHM_UNSUPPORTED'],
  ['key create @missing/a.pem --no-passphrase', 'ERR_FILE_WRITE'],
  ['key create env://KEY', 'ERR_OPERATION_UNSUPPORTED'],
  ['key create ftp://KEY', 'ERR_KEY_URI_INVALID'],
])('%s ends with %s', async (line, code) => {
  const result = await createSigningFolder().run(`${line} --json`)

  expect(documentOf(result)).toMatchObject({ ok: false, error: { code } })
})

test('a key of the configuration is created at its reference, for its algorithm', async () => {
  const folder = createSigningFolder()
  folder.write(
    'countersign.yaml',
    'keys: { release: { use: artifact, algorithm: ES384, provider: "file:made.pem" } }',
  )

  const result = await folder.run('key create release --config @countersign.yaml', {
    env: PASSPHRASE,
  })

  expect(result.stdout).toBe('file:@made.pem\n')
  expect(result.stderr).toContain('  algorithm   ES384 (EC P-384)\n')
  expect(existsSync(folder.path('made.pub'))).toBe(true)
})

test('key show prints what openssl finds too', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  const der = spawnSync('sh', [
    '-c',
    'openssl pkey -pubin -in "$0" -outform DER | openssl dgst -sha256 -r',
    folder.path('release.pub'),
  ])
  const sha256 = der.stdout.toString().slice(0, 64)
  const hint = Buffer.from(sha256, 'hex').toString('base64')

  const result = await folder.run('key show @release.pub')

  expect(result).toEqual({
    exitCode: 0,
    stdout: `key        file:@release.pub
kid        ${/^kid +(\S+)$/m.exec(result.stdout)?.[1] ?? ''}
algorithm  ES256 (EC P-256)
sha256     ${sha256}
hint       ${hint}
`,
    stderr: '',
  })
})

test('a private key and its public half are shown as the same key', async () => {
  const folder = createSigningFolder()
  folder.key('release', 'EdDSA')

  const shown = await folder.run('key show @release.pem')

  expect(shown.stdout.replace('.pem', '.pub')).toBe(
    (await folder.run('key show @release.pub')).stdout,
  )
  expect(shown.stdout).toContain('algorithm  EdDSA (Ed25519)')
})

test('key show ends with 6 for a missing key, and with 8 without its passphrase', async () => {
  const folder = createSigningFolder()
  await folder.run('key create @release.pem', { env: PASSPHRASE })

  expect(await folder.run('key show @other.pem')).toMatchObject({
    exitCode: 6,
    stderr: expect.stringContaining('[ERR_KEY_NOT_FOUND]') as unknown,
  })
  expect(await folder.run('key show @release.pem')).toMatchObject({
    exitCode: 8,
    stderr: expect.stringContaining('[ERR_PASSPHRASE_WRONG]') as unknown,
  })
})

test('key export writes the public key as PEM, identical to the file beside the key', async () => {
  const folder = createSigningFolder()
  folder.key('release')

  const exported = await folder.run('key export @release.pem')

  expect(exported).toEqual({
    exitCode: 0,
    stdout: readFileSync(folder.path('release.pub'), 'utf8'),
    stderr: '',
  })
})

test('key export writes several keys as one JWKS, none of them private', async () => {
  const folder = createSigningFolder()
  folder.key('a')
  folder.key('b', 'RS256')

  const { stdout } = await folder.run('key export @a.pem @b.pub --format jwks')

  const { keys } = JSON.parse(stdout) as { keys: readonly Record<string, unknown>[] }
  expect(keys).toMatchObject([
    { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig', kid: 'KID' },
    { kty: 'RSA', alg: 'RS256', use: 'sig', kid: 'KID' },
  ])
  expect(keys.flatMap(Object.keys)).not.toContain('d')
})

test('key export writes a JWK that is read again', async () => {
  const folder = createSigningFolder()
  folder.key('release', 'ES512')

  const written = await folder.run('key export @release.pem --format jwk -o @release.jwk')

  expect(written).toEqual({ exitCode: 0, stdout: '', stderr: 'wrote @release.jwk\n' })
  expect((await folder.run('key show @release.jwk')).stdout).toContain('ES512 (EC P-521)')
})

test('key export writes over no file, least of all a key', async () => {
  const folder = createSigningFolder()
  const key = folder.key('release')
  const before = readFileSync(key)

  const result = await folder.run('key export @release.pem -o @release.pem')

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('[ERR_FILE_WRITE]')
  expect(readFileSync(key)).toEqual(before)
})

test('key export --json says what was exported', async () => {
  const folder = createSigningFolder()
  folder.key('release')

  expect(documentOf(await folder.run('key export @release.pem --json'))).toEqual({
    schema: 'https://countersign.dev/schemas/key-export/v1',
    ok: true,
    exitCode: 0,
    format: 'pem',
    kids: [expect.stringMatching(/^[\w-]{43}$/)],
    text: readFileSync(folder.path('release.pub'), 'utf8'),
  })
})

test('several keys in a form that holds one are refused', async () => {
  const folder = createSigningFolder()
  folder.key('release')

  const result = await folder.run('key export @release.pem @release.pub')

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('pem holds one key, not 2 [ERR_USAGE]')
})

test.each(['create', 'show', 'export'])('key %s --help tells its options', async (name) => {
  const { stdout } = await createSigningFolder().run(`key ${name} --help`)

  expect(stdout).toMatchSnapshot()
})
