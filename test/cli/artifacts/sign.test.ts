import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { documentOf } from '../../support/cli.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

const HELLO = 'sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03'

test('a signed file has its bundle beside it and is named on stdout', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')

  const result = await folder.run('sign @app.txt --key @release.pem')

  expect(result).toEqual({
    exitCode: 0,
    stdout: '@app.txt\n',
    stderr: [
      'SIGNED  @app.txt',
      `  ${HELLO}`,
      '  key     kid KID… (ES256)',
      '  bundle  @app.txt.sigstore.json',
      '',
    ].join('\n'),
  })
  expect(await folder.run('verify @app.txt --key @release.pub')).toMatchObject({ exitCode: 0 })
})

test('sign makes a signature of a file that openssl verifies', async () => {
  const folder = createSigningFolder()
  folder.key('release', 'RS256')
  folder.write('app.txt', 'hello\n')
  await folder.run('sign @app.txt --key @release.pem')

  const bundle = JSON.parse(readFileSync(folder.path('app.txt.sigstore.json'), 'utf8')) as {
    messageSignature: { signature: string }
  }
  folder.write('sig', Buffer.from(bundle.messageSignature.signature, 'base64'))
  const args = ['dgst', '-sha256', '-verify', folder.path('release.pub'), '-signature']
  const checked = spawnSync('openssl', [...args, folder.path('sig'), folder.path('app.txt')])

  expect(checked.status).toBe(0)
})

test('--json prints what was signed by which key', async () => {
  const folder = createSigningFolder()
  folder.key('release', 'ES384')
  folder.write('app.txt', 'hello\n')

  const result = await folder.run('sign @app.txt @missing --key @release.pem --json')

  expect(result.stderr).toBe('')
  expect(result.exitCode).toBe(2)
  expect(documentOf(result)).toEqual({
    schema: 'https://countersign.dev/schemas/sign-result/v1',
    ok: false,
    exitCode: 2,
    key: { kid: 'KID', algorithm: 'ES384' },
    warnings: [expect.stringContaining('ES256 and RS256')],
    artifacts: [
      {
        name: '@app.txt',
        pinned: '@app.txt',
        digest: expect.stringMatching(/^sha384:/) as unknown,
        ok: true,
        bundle: '@app.txt.sigstore.json',
      },
      {
        name: '@missing',
        ok: false,
        error: {
          code: 'ERR_ARTIFACT_NOT_FOUND',
          message: 'no such file: "@missing"',
          hint: 'check the path',
        },
      },
    ],
  })
})

test('one bad artifact does not keep the others from being signed, in their order', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) folder.write(name, name)

  const result = await folder.run('sign @a @b @x @c @d @e @f --key @release.pem -q')

  expect(result.exitCode).toBe(2)
  expect(result.stdout).toBe('@a\n@b\n@c\n@d\n@e\n@f\n')
  expect(result.stderr).toMatch(/^FAILED @x: no such file \[ERR_ARTIFACT_NOT_FOUND\]\n/)
})

test('an existing bundle is neither replaced nor ignored unless requested', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.key('second')
  folder.write('app.txt', 'hello\n')
  await folder.run('sign @app.txt --key @release.pem')
  const before = readFileSync(folder.path('app.txt.sigstore.json'))

  const refused = await folder.run('sign @app.txt --key @second.pem')

  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toMatch(
    /\[ERR_FILE_WRITE\]\n {2}hint {3}--overwrite replaces it, and sign --append/,
  )
  expect(readFileSync(folder.path('app.txt.sigstore.json'))).toEqual(before)

  const appended = await folder.run('sign @app.txt --key @second.pem --append')
  expect(appended.exitCode).toBe(0)
  const both = await folder.run(
    'verify @app.txt --key @release.pub --key @second.pub --threshold 2',
  )
  expect(both.exitCode).toBe(0)

  await folder.run('sign @app.txt --key @second.pem --overwrite')
  expect((await folder.run('verify @app.txt --key @release.pub')).exitCode).toBe(6)
  expect((await folder.run('verify @app.txt --key @second.pub')).exitCode).toBe(0)
})

test('--bundle names one file, or a folder with a file for each artifact', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('a', 'a')
  folder.write('b', 'b')

  await folder.run('sign @a --key @release.pem --bundle @one.json')
  const refused = await folder.run('sign @a @b --key @release.pem --bundle @both.json')
  await folder.run('sign @a @b --key @release.pem --bundle @')

  expect(existsSync(folder.path('one.json'))).toBe(true)
  expect(refused.stderr).toContain('two artifacts would have their bundle in "@both.json"')
  expect(existsSync(folder.path('both.json'))).toBe(false)
  expect((await folder.run('verify @a @b --key @release.pub --bundle @')).exitCode).toBe(0)
})

test('standard input and a digest alone need --bundle, and verify by it', async () => {
  const folder = createSigningFolder()
  folder.key('release')

  const refused = await folder.run('sign - --key @release.pem', { stdin: 'hello\n' })
  expect(refused).toMatchObject({ exitCode: 2, stdout: '' })
  expect(refused.stderr).toContain('hint   give --bundle FILE')

  await folder.run('sign - --key @release.pem --bundle @in.json', { stdin: 'hello\n' })
  await folder.run(`sign ${HELLO} --key @release.pem --bundle @digest.json`)

  const verified = await Promise.all([
    folder.run('verify - --key @release.pub --bundle @digest.json', { stdin: 'hello\n' }),
    folder.run(`verify ${HELLO} --key @release.pub --bundle @in.json`),
    folder.run('verify - --key @release.pub --bundle @in.json', { stdin: 'hallo\n' }),
  ])
  expect(verified.map(({ exitCode }) => exitCode)).toEqual([0, 0, 3])
})

test('bundles that are named beside their files are left out, as with dist/*', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')
  await folder.run('sign @app.txt --key @release.pem')
  const all = '@app.txt @app.txt.sigstore.json'

  const again = await folder.run(`sign ${all} --key @release.pem --overwrite`)
  const verified = await folder.run(`verify ${all} --key @release.pub`)

  expect(again).toMatchObject({ exitCode: 0, stdout: '@app.txt\n' })
  expect(verified).toMatchObject({ exitCode: 0, stdout: '@app.txt\n' })
  expect(verified.stderr).toContain('skipped @app.txt.sigstore.json')
  expect(readFileSync(folder.path('app.txt.sigstore.json'), 'utf8').endsWith('}\n')).toBe(true)
})

test('files of a checksum file are signed without being read', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('SUMS', `${HELLO.slice(7)}  ${folder.path('app.txt')}\n`)

  const result = await folder.run('sign --checksums @SUMS --key @release.pem')

  expect(result).toMatchObject({ exitCode: 0, stdout: '@app.txt\n' })
  folder.write('app.txt', 'hello\n')
  expect((await folder.run('verify @app.txt --key @release.pub')).exitCode).toBe(0)
})

test('a key that signs another hash than the digest says which it needs', async () => {
  const folder = createSigningFolder()
  folder.key('release', 'ES384')

  const result = await folder.run(`sign ${HELLO} --key @release.pem --bundle @b.json`)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('[ERR_ALGORITHM_UNSUPPORTED]')
  expect(result.stderr).toContain('hint   give the sha384 digest, or the file itself')
})

test.each(['EdDSA', 'PS256'] as const)(
  'a %s key file can sign no file, and says so before it reads one',
  async (algorithm) => {
    const folder = createSigningFolder()
    folder.key('release', algorithm)
    const pin = algorithm === 'PS256' ? ' --algorithm PS256' : ''

    const result = await folder.run(`sign @missing --key @release.pem${pin}`)

    expect(result.exitCode).toBe(2)
    expect(result.stderr).toContain('[ERR_OPERATION_UNSUPPORTED]')
    expect(result.stderr).toContain('countersign attest')
  },
)

test('annotations of a file are refused: its signature has no place for them', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')

  const result = await folder.run('sign @app.txt --key @release.pem -a ref=main')

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('[ERR_USAGE]')
  expect(existsSync(folder.path('app.txt.sigstore.json'))).toBe(false)
})

test('a bundle that cannot be written leaves nothing behind', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')

  const result = await folder.run('sign @app.txt --key @release.pem --bundle @no/such/b.json')

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('[ERR_FILE_WRITE]')
  expect(readdirSync(folder.path('.')).toSorted()).toEqual([
    'app.txt',
    'release.pem',
    'release.pub',
  ])
})

test.each([
  ['a folder', '@', 'ERR_FILE_READ', 'to name all files in it, write'],
  ['a missing file', '@nothing', 'ERR_ARTIFACT_NOT_FOUND', 'check the path'],
  ['an image without its scheme', 'ghcr.io/acme/app:1', 'ERR_ARTIFACT_NOT_FOUND', 'write oci://'],
  ['a short image name', 'alpine:3.20', 'ERR_ARTIFACT_NOT_FOUND', 'oci://docker.io/library/alpine'],
])('%s is refused with what to do', async (_, artifact, code, hint) => {
  const folder = createSigningFolder()
  folder.key('release')

  const result = await folder.run(`sign ${artifact} --key @release.pem`)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(`[${code}]`)
  expect(result.stderr).toContain(hint)
})

test('the folder of an image layout gets its reference named', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  writeFileSync(folder.path('oci-layout'), '{"imageLayoutVersion":"1.0.0"}')

  const result = await folder.run('sign @ --key @release.pem')

  expect(result.stderr).toContain('hint   to name the image layout in it, write oci-layout://')
})

test.each([
  ['sign --key @release.pem', 'no artifact was named'],
  ['sign - - --key @release.pem --bundle @b', 'standard input (-) can be read only once'],
  ['sign @app.txt', "required option '--key <key>' not specified"],
  ['sign @app.txt --key @release.pem --append --overwrite', 'cannot be used with'],
  ['sign @app.txt --key @release.pem --algorithm ES257', 'unknown algorithm "ES257"'],
])('"%s" is a usage error', async (line, message) => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')

  const result = await folder.run(line)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(message)
})

test('a missing key and a wrong passphrase are distinguished', async () => {
  const folder = createSigningFolder()
  folder.write('app.txt', 'hello\n')
  folder.key('release')
  const pem = readFileSync(folder.path('release.pem'))
  const encrypt = ['pkcs8', '-topk8', '-v2', 'aes-256-cbc', '-passout', 'pass:right']
  folder.write('locked.pem', spawnSync('openssl', encrypt, { input: pem }).stdout)
  const env = { COUNTERSIGN_PASSPHRASE: 'wrong' }

  const missing = await folder.run('sign @app.txt --key @nowhere.pem')
  const wrong = await folder.run('sign @app.txt --key @locked.pem', { env })
  const right = await folder.run('sign @app.txt --key @locked.pem', {
    env: { COUNTERSIGN_PASSPHRASE: 'right' },
  })

  expect(missing).toMatchObject({ exitCode: 6 })
  expect(missing.stderr).toContain('[ERR_KEY_NOT_FOUND]')
  expect(wrong).toMatchObject({ exitCode: 8 })
  expect(wrong.stderr).toContain('[ERR_PASSPHRASE_WRONG]')
  expect(wrong.stderr).not.toContain('"wrong"')
  expect(right.exitCode).toBe(0)
})

test('a cancelled run writes nothing', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')

  const result = await folder.run('sign @app.txt --key @release.pem', {
    signal: AbortSignal.abort(),
  })

  expect(result.exitCode).toBe(7)
  expect(result.stderr).toContain('[ERR_CANCELLED]')
  expect(existsSync(folder.path('app.txt.sigstore.json'))).toBe(false)
})

test.each(['sign @dist', 'verify @dist --key @release.pub'])(
  'a folder is refused with the words that name what is in it: %s',
  async (line) => {
    const folder = createSigningFolder()
    folder.key('release')
    mkdirSync(folder.path('dist'))
    const command = line.startsWith('sign') ? `${line} --key @release.pem` : line

    expect((await folder.run(command)).stderr).toContain('it is empty')
    folder.write('dist/app', 'app')
    const flat = await folder.run(command)
    mkdirSync(folder.path('dist/more'))
    const deep = await folder.run(command)

    expect(flat.exitCode).toBe(2)
    expect(flat.stderr).toContain('[ERR_FILE_READ]')
    expect(flat.stderr).toContain('write @dist/*')
    expect(deep.stderr).toContain('write $(find @dist -type f)')
  },
)

test('bundles among the files of a folder are neither signed nor verified, with a note', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  for (const name of ['a', 'b']) folder.write(name, name)
  const files = '@a @b @a.sigstore.json @b.sigstore.json'
  await folder.run('sign @a @b --key @release.pem')

  const signed = await folder.run(`sign ${files} --key @release.pem --overwrite`)
  const verified = await folder.run(`verify ${files} --key @release.pub`)
  const attested = await folder.run(
    `attest ${files} --key @release.pem --type custom --predicate @p.json`,
  )

  for (const { stderr } of [signed, verified]) {
    expect(stderr).toContain('skipped @a.sigstore.json: the bundle of another artifact here')
  }
  expect(signed).toMatchObject({ exitCode: 0, stdout: '@a\n@b\n' })
  expect(verified).toMatchObject({ exitCode: 0, stdout: '@a\n@b\n' })
  expect(attested.stderr).toContain('skipped @a.sigstore.json')
})
