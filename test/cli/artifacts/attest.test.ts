import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { splitBundles } from '../../../src/formats/bundle.ts'
import { createSigningFolder, type SigningFolder } from '../../support/signing-folder.ts'

const SBOM = '{"bomFormat":"CycloneDX","specVersion":"1.6"}'

function createFolder(): SigningFolder {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')
  folder.write('other.txt', 'other\n')
  folder.write('sbom.json', SBOM)
  return folder
}

/** The statement inside the bundle on one line of a file. */
function readStatement(folder: SigningFolder, name: string, line = 0): unknown {
  const bundle = splitBundles(readFileSync(folder.path(name)))[line]
  const { dsseEnvelope } = JSON.parse(Buffer.from(bundle ?? []).toString('utf8')) as {
    dsseEnvelope: { payload: string }
  }
  return JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString('utf8'))
}

test('one statement is about all the artifacts, and verifies for each', async () => {
  const folder = createFolder()

  const result = await folder.run(
    'attest @app.txt @other.txt --key @release.pem --type cyclonedx --predicate @sbom.json',
  )

  expect(result).toMatchObject({ exitCode: 0, stdout: '@app.txt\n@other.txt\n' })
  expect(readStatement(folder, 'app.txt.sigstore.json')).toEqual({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [
      {
        name: 'app.txt',
        digest: { sha256: '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03' },
      },
      {
        name: 'other.txt',
        digest: { sha256: '7e4fa2eb8c7ac089739d5defc4489fad68a100d92082ca35c6b40a4524821f87' },
      },
    ],
    predicateType: 'https://cyclonedx.org/bom',
    predicate: JSON.parse(SBOM) as unknown,
  })
  const verified = await folder.run(
    'verify @app.txt @other.txt --key @release.pub --type cyclonedx',
  )
  expect(verified.exitCode).toBe(0)
})

test('an attestation is added behind a signature, and both are found', async () => {
  const folder = createFolder()
  await folder.run('sign @app.txt --key @release.pem')

  await folder.run('attest @app.txt --key @release.pem --type cyclonedx --predicate @sbom.json')

  const both = await folder.run('verify @app.txt --key @release.pub --type any')
  expect(both.stderr).toContain(
    '  signed     by kid KID… (ES256, pinned)\n  cyclonedx  by kid KID… (ES256, pinned)\n',
  )
  const plain = await folder.run('verify @app.txt --key @release.pub')
  expect(plain.exitCode).toBe(0)
})

test('--overwrite leaves the attestation alone in the file', async () => {
  const folder = createFolder()
  await folder.run('sign @app.txt --key @release.pem')

  await folder.run(
    'attest @app.txt --key @release.pem --type cyclonedx --predicate @sbom.json --overwrite',
  )

  expect(splitBundles(readFileSync(folder.path('app.txt.sigstore.json')))).toHaveLength(1)
})

test('several artifacts share the one bundle that --bundle names', async () => {
  const folder = createFolder()

  await folder.run(
    'attest @app.txt @other.txt --key @release.pem --type cyclonedx --predicate @sbom.json --bundle @all.json',
  )

  expect(splitBundles(readFileSync(folder.path('all.json')))).toHaveLength(1)
  const verified = await folder.run(
    'verify @app.txt @other.txt --key @release.pub --type cyclonedx --bundle @all.json',
  )
  expect(verified.exitCode).toBe(0)
})

test('every digest of a checksum file becomes part of the subject', async () => {
  const folder = createFolder()
  const sums = [`${'a'.repeat(64)}  app.tgz`, `${'b'.repeat(128)}  app.tgz`]
  folder.write('SUMS', sums.join('\n'))

  await folder.run(
    'attest --checksums @SUMS --key @release.pem --type custom --predicate @sbom.json --bundle @b.json',
  )

  expect(readStatement(folder, 'b.json')).toMatchObject({
    subject: [{ name: 'app.tgz', digest: { sha256: 'a'.repeat(64), sha512: 'b'.repeat(128) } }],
  })
})

test('a key that can sign no file can attest one', async () => {
  const folder = createFolder()
  folder.key('ed', 'EdDSA')

  const made = await folder.run(
    'attest @app.txt --key @ed.pem --type custom --predicate @sbom.json',
  )

  expect(made.stderr).toContain('warning: EdDSA signatures of artifacts are not verified by every')
  const verified = await folder.run('verify @app.txt --key @ed.pub --type custom')
  expect(verified.exitCode).toBe(0)
})

test('the predicate is read from standard input', async () => {
  const folder = createFolder()
  const line = 'attest @app.txt --key @release.pem --type custom --predicate -'

  expect((await folder.run(line, { stdin: '{"a":1}' })).exitCode).toBe(0)
  expect(readStatement(folder, 'app.txt.sigstore.json')).toMatchObject({ predicate: { a: 1 } })
})

test('a predicate is signed with its numbers as they were written', async () => {
  const folder = createFolder()
  const text = '{"b": 7.0, "10": 1E+2, "2": [-0.0, 0.12345678901234567890],\n "t": "a \\" 1.0  b"}'
  folder.write('predicate', text)

  await folder.run('attest @app.txt --key @release.pem --type custom --predicate @predicate')

  const file = readFileSync(folder.path('app.txt.sigstore.json'), 'utf8')
  expect(file.endsWith('}\n')).toBe(true)
  const bundle = JSON.parse(file) as { readonly dsseEnvelope: { readonly payload: string } }
  const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString('utf8')
  expect(payload).toContain(
    '"predicate":{"b":7.0,"10":1E+2,"2":[-0.0,0.12345678901234567890],"t":"a \\" 1.0  b"}}',
  )
})

test.each([
  ['not JSON', 'custom', 'nonsense', 'is no predicate: malformed JSON'],
  ['no object', 'custom', '[1]', 'holds no JSON object'],
  ['a member twice', 'custom', '{"a":1,"a":2}', 'a member is named twice'],
  ['of another type', 'spdxjson', SBOM, 'not a predicate of type spdxjson'],
  ['a number that would be rounded', 'custom', '{"a":[12345678901234567890]}', 'beyond 2^53'],
  ['an infinite number', 'custom', '{"a":1e999}', 'out of range'],
])('a predicate that is %s is refused', async (_, type, predicate, message) => {
  const folder = createFolder()
  folder.write('predicate', predicate)

  const result = await folder.run(
    `attest @app.txt --key @release.pem --type ${type} --predicate @predicate`,
  )

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('[ERR_PREDICATE_INVALID]')
  expect(result.stderr).toContain(message)
})

test('a predicate over 16 MiB is refused, from a file or a pipe', async () => {
  const folder = createFolder()
  const large = Buffer.alloc(16 * 1024 * 1024 + 1, ' ')
  folder.write('large', large)
  const line = 'attest @app.txt --key @release.pem --type custom --predicate'

  expect((await folder.run(`${line} @large`)).stderr).toContain('[ERR_INPUT_TOO_LARGE]')
  expect((await folder.run(`${line} -`, { stdin: large })).stderr).toContain(
    '[ERR_INPUT_TOO_LARGE]',
  )
})

test('an unknown type gets the known ones named', async () => {
  const result = await createFolder().run(
    'attest @app.txt --key @release.pem --type sbom --predicate @sbom.json',
  )

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('hint:  choose one of slsaprovenance1,')
})

test('nothing is attested if one of the artifacts is missing', async () => {
  const folder = createFolder()

  const result = await folder.run(
    'attest @app.txt @gone --key @release.pem --type custom --predicate @sbom.json',
  )

  expect(result).toMatchObject({ exitCode: 2, stdout: '' })
  expect((await folder.run('verify @app.txt --key @release.pub --type any')).exitCode).toBe(5)
})

test('standard input is artifact or predicate, not both', async () => {
  const result = await createFolder().run(
    'attest - --key @release.pem --type custom --predicate - --bundle @b.json',
  )

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('standard input (-) can be read only once')
})
