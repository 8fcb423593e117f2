import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parsePublicKeyPem } from '../../../src/crypto/public-key.ts'
import { type PublishedVersion, serializeKeyHistory } from '../../../src/keys/key-history.ts'
import type { ResultDocument } from '../../../src/verification/result.ts'
import { documentOf } from '../../support/cli.ts'
import { createSigningFolder, type SigningFolder } from '../../support/signing-folder.ts'

/** A folder with a key and two signed files. */
async function createSignedFolder(): Promise<SigningFolder> {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')
  folder.write('other.txt', 'other\n')
  await folder.run('sign @app.txt @other.txt --key @release.pem')
  return folder
}

test('criteria are printed before the verdict, and the names of verified artifacts on stdout', async () => {
  const folder = await createSignedFolder()

  expect(await folder.run('verify @app.txt @other.txt --key @release.pub')).toEqual({
    exitCode: 0,
    stdout: '@app.txt\n@other.txt\n',
    stderr: [
      'Criteria:',
      '  trusted  @release.pub (ES256, kid KID…)',
      '  type     a plain signature',
      'PASSED  @app.txt',
      '  sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
      '  signed  by kid KID… (ES256, pinned)',
      'PASSED  @other.txt',
      '  sha256:7e4fa2eb8c7ac089739d5defc4489fad68a100d92082ca35c6b40a4524821f87',
      '  signed  by kid KID… (ES256, pinned)',
      '',
    ].join('\n'),
  })
})

test('-q leaves one line of an error: what happened, not what to do', async () => {
  const folder = await createSignedFolder()
  folder.write('app.txt', 'hallo\n')
  const verify = 'verify @app.txt @other.txt --key @release.pub -q'

  const failed = await folder.run(verify)
  const both = await folder.run(`${verify}v`)
  const usage = await folder.run('verify @app.txt --key @missing.pub -q')

  expect(failed.exitCode).toBe(3)
  expect(failed.stderr).toMatch(/^FAILED @app.txt: .* \[ERR_DIGEST_MISMATCH\]\n$/)
  expect(both).toEqual(failed)
  expect(usage.exitCode).toBe(6)
  expect(usage.stderr).toMatch(/^error: .* \[ERR_KEY_NOT_FOUND\]\n$/)
})

test('a changed file fails with the signed and the actual digest', async () => {
  const folder = await createSignedFolder()
  folder.write('app.txt', 'hallo\n')

  const result = await folder.run('verify @app.txt @other.txt --key @release.pub')

  expect(result).toEqual({
    exitCode: 3,
    stdout: '@other.txt\n',
    stderr: [
      'Criteria:',
      '  trusted  @release.pub (ES256, kid KID…)',
      '  type     a plain signature',
      'FAILED  @app.txt',
      '  sha256:622cb3371c1a08096eaac564fb59acccda1fcdbe13a9dd10b486e6463c8c2525',
      '  error     the bundle signs another digest [ERR_DIGEST_MISMATCH]',
      '  in        @app.txt.sigstore.json',
      '  expected',
      '    sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
      '  actual    the digest above',
      '  hint      the file is not the one that was signed: fetch it again from its source',
      'PASSED  @other.txt',
      '  sha256:7e4fa2eb8c7ac089739d5defc4489fad68a100d92082ca35c6b40a4524821f87',
      '  signed  by kid KID… (ES256, pinned)',
      '',
    ].join('\n'),
  })
})

test('-v adds to a failure where bundles were looked for, and why each key did not sign', async () => {
  const folder = await createSignedFolder()
  folder.key('second')
  folder.key('third', 'ES384')
  folder.write('unsigned.txt', 'hello\n')
  const verify = 'verify @app.txt @unsigned.txt --key @second.pub --key @third.pub'

  const brief = await folder.run(verify)
  const { exitCode, stderr } = await folder.run(`${verify} -v`)

  expect(exitCode).toBe(brief.exitCode)
  expect(brief.stderr).not.toMatch(/looked at|tried/)
  expect(stderr).toContain('looked at @app.txt.sigstore.json, bundles: 1\n')
  expect(stderr).toContain('looked at @unsigned.txt.sigstore.json, no bundle\n')
  expect(stderr).toContain(
    [
      '  @app.txt.sigstore.json',
      '    bundle        application/vnd.dev.sigstore.bundle.v0.3+json',
      '    trusted-time  none',
      '    signature     expected kid KID or kid KID',
      '                  actual   none of the 2 trusted keys made the signature (first: kid KID)',
      '                  tried    kid KID: not a signature of this ES256 key',
      '                  tried    kid KID: ES384 cannot sign a sha256 digest',
      '',
    ].join('\n'),
  )
})

test('-v lists every check that was made', async () => {
  const folder = await createSignedFolder()

  const { stderr } = await folder.run('verify @app.txt --key @release.pub -v')

  expect(stderr).toContain(
    [
      '  @app.txt.sigstore.json',
      '    bundle          application/vnd.dev.sigstore.bundle.v0.3+json',
      '    trusted-time    none',
      '    signature       ES256 by kid KID',
      '    key             pinned by you',
      '    subject',
      '      sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',
      '    predicate-type  https://sigstore.dev/cosign/sign/v1',
    ].join('\n'),
  )
})

test('--json is the result document, on success and on failure, and nothing beside it', async () => {
  const folder = await createSignedFolder()
  folder.write('app.txt', 'hallo\n')

  const result = await folder.run('verify @app.txt @other.txt --key @release.pub --json')

  expect(result.stderr).toBe('')
  expect(result.exitCode).toBe(3)
  const document = documentOf<ResultDocument>(result)
  expect(document).toMatchObject({
    schema: 'https://countersign.dev/schemas/verify-result/v1',
    ok: false,
    exitCode: 3,
    artifacts: [
      { name: '@app.txt', ok: false, error: { code: 'ERR_DIGEST_MISMATCH' } },
      {
        name: '@other.txt',
        ok: true,
        attestations: [{ ok: true, key: { kid: 'KID', algorithm: 'ES256', state: 'pinned' } }],
      },
    ],
  })
})

test.each([
  ['nothing is signed', 'verify @unsigned --key @release.pub', 5, 'ERR_SIGNATURE_NOT_FOUND'],
  ['another key', 'verify @app.txt --key @second.pub', 6, 'ERR_KEY_NOT_TRUSTED'],
  ['another type', 'verify @app.txt --key @release.pub --type spdxjson', 4, 'ERR_PREDICATE_TYPE'],
  [
    'too few signers',
    'verify @app.txt --key @release.pub --threshold 2',
    4,
    'ERR_THRESHOLD_NOT_MET',
  ],
  ['no annotation', 'verify @app.txt --key @release.pub -a a=b', 4, 'ERR_ANNOTATION_MISMATCH'],
  ['no time', 'verify @app.txt --key @release.pub --require-timestamps 1', 3, 'ERR_TIMESTAMP'],
  [
    'no log entry',
    'verify @app.txt --key @release.pub --require-log 1',
    3,
    'ERR_LOG_PROOF_INVALID',
  ],
  ['no such file', 'verify @gone --key @release.pub', 2, 'ERR_ARTIFACT_NOT_FOUND'],
  ['no such bundle', 'verify @app.txt --key @release.pub --bundle @gone', 2, 'ERR_FILE_READ'],
  ['no such key', 'verify @app.txt --key @gone.pub', 6, 'ERR_KEY_NOT_FOUND'],
  ['no key in the file', 'verify @app.txt --key @app.txt', 2, 'ERR_KEY_INVALID'],
  ['a broken bundle', 'verify @app.txt --key @release.pub --bundle @broken', 3, 'ERR_JSON_INVALID'],
  [
    'a bundle of something else',
    'verify @app.txt --key @release.pub --bundle @empty',
    3,
    'ERR_BUND',
  ],
])('%s ends with the exit code of its cause', async (_, line, exitCode, code) => {
  const folder = await createSignedFolder()
  folder.key('second')
  folder.write('unsigned', 'x')
  folder.write('broken', '{"mediaType":')
  folder.write('empty', '{}')

  const result = await folder.run(line)

  expect(result.stdout).toBe('')
  expect(result.stderr).toContain(`[${code}`)
  expect(result.exitCode).toBe(exitCode)
})

test('of several failures a broken signature decides the exit code', async () => {
  const folder = await createSignedFolder()
  folder.write('app.txt', 'hallo\n')
  folder.write('unsigned', 'x')

  const result = await folder.run('verify @unsigned @app.txt @other.txt --key @release.pub')

  expect(result.exitCode).toBe(3)
})

test.each([
  ['verify @app.txt', 'no trusted key given'],
  ['verify --key @release.pub', 'no artifact was named'],
  ['verify @app.txt --certificate-identity me', 'must be given together'],
  ['verify @app.txt --key @release.pub --trust-key @release.pub', 'checks a --trust FILE'],
  ['verify @app.txt --key @release.pub --threshold 0', '"0" is not a number from 1 to 1000'],
  ['verify @app.txt --key @release.pub --type sbom', 'unknown predicate type "sbom"'],
  ['verify @app.txt --key ftp://key', 'not a key reference'],
  ['verify @app.txt --key https://keys.example/k.pem --offline', 'is on the network'],
  ['verify sha256:abc --key @release.pub', 'not a digest'],
  [`verify sha256:${'a'.repeat(64)} --key @release.pub`, 'so there is no bundle beside it'],
])('"%s" is a usage error', async (line, message) => {
  const folder = await createSignedFolder()

  const result = await folder.run(line)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(message)
})

/** Writes a key history of the folder's release key in one state. */
function writeHistory(folder: SigningFolder, version: Partial<PublishedVersion>): void {
  const key = parsePublicKeyPem(readFileSync(folder.path('release.pub'), 'utf8'))
  const start = new Date('2026-01-01T00:00:00Z')
  const history = {
    sequence: 7,
    versions: [
      {
        key,
        name: 'release',
        version: 3,
        use: 'digest' as const,
        origin: 'generated' as const,
        state: 'active' as const,
        validFor: { start, end: undefined },
        compromisedSince: undefined,
        ...version,
      },
    ],
  }
  writeFileSync(folder.path('keys.json'), serializeKeyHistory(history))
}

test('a key history names key, version and state of the signer', async () => {
  const folder = await createSignedFolder()
  writeHistory(folder, {})

  const { exitCode, stderr } = await folder.run('verify @app.txt --trust @keys.json')

  expect(exitCode).toBe(0)
  expect(stderr).toContain('  trusted  1 key version of @keys.json (sequence 7)\n')
  expect(stderr).toContain('  signed  by release@3 (ES256, active)\n')
})

test('a retired version without trusted time is outside its validity', async () => {
  const folder = await createSignedFolder()
  const end = new Date('2026-06-01T00:00:00Z')
  writeHistory(folder, { state: 'retired', validFor: { start: undefined, end } })

  const result = await folder.run('verify @app.txt --trust @keys.json')

  expect(result.exitCode).toBe(6)
  expect(result.stderr).toContain('[ERR_KEY_OUTSIDE_VALIDITY]')
})

test('a revoked version is refused', async () => {
  const folder = await createSignedFolder()
  const end = new Date('2026-06-01T00:00:00Z')
  writeHistory(folder, {
    state: 'revoked',
    validFor: { start: undefined, end },
    compromisedSince: end,
  })

  const result = await folder.run('verify @app.txt --trust @keys.json')

  expect(result.exitCode).toBe(6)
  expect(result.stderr).toContain('[ERR_KEY_REVOKED]')
})

test('an unsigned history does not pass as a signed one', async () => {
  const folder = await createSignedFolder()
  writeHistory(folder, {})

  const result = await folder.run('verify @app.txt --trust @keys.json --trust-key @release.pub')

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('[ERR_TRUST_INVALID]')
})

test('an RSA key verifies with the algorithm that is pinned to it, and no other', async () => {
  const folder = createSigningFolder()
  folder.key('release', 'RS256')
  folder.write('app.txt', 'hello\n')
  await folder.run('sign @app.txt --key @release.pem --algorithm RS512')

  const pinned = await folder.run('verify @app.txt --key @release.pub --algorithm RS512')
  const usual = await folder.run('verify @app.txt --key @release.pub')
  const misfit = await folder.run('verify @app.txt --key @release.pub --algorithm ES256')

  expect([pinned.exitCode, usual.exitCode, misfit.exitCode]).toEqual([0, 3, 2])
})

test('--type any accepts any signed type, but not a missing signature', async () => {
  const folder = await createSignedFolder()
  folder.write('unsigned', 'x')

  const result = await folder.run('verify @app.txt @unsigned --key @release.pub --type any')

  expect(result).toMatchObject({ exitCode: 5, stdout: '@app.txt\n' })
})

test('a hostile bundle cannot control the terminal', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')
  folder.write('p', '{}')
  const type = 'x:\u001b[2J\nPASSED'
  // The signer controls the type of a statement.
  const made = await folder.run('attest @app.txt --key @release.pem --type x:y --predicate @p')
  const bundle = JSON.parse(readFileSync(folder.path('app.txt.sigstore.json'), 'utf8')) as {
    dsseEnvelope: { payload: string }
  }
  const statement = { _type: 'https://in-toto.io/Statement/v1', predicateType: type, predicate: {} }
  const digest = { sha256: '5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03' }
  const payload = JSON.stringify({ ...statement, subject: [{ digest }] })
  bundle.dsseEnvelope.payload = Buffer.from(payload).toString('base64')
  folder.write('app.txt.sigstore.json', JSON.stringify(bundle))
  expect(made.exitCode).toBe(0)

  const { stderr, exitCode } = await folder.run('verify @app.txt --key @release.pub -v')

  expect(exitCode).toBe(3)
  expect(stderr).not.toContain('\u001b')
  expect(stderr.split('\n').filter((line) => line.startsWith('PASSED'))).toEqual([])
})

test('a terminal adds colour to the same text', async () => {
  const folder = await createSignedFolder()
  const line = 'verify @app.txt --key @release.pub'

  const plain = await folder.run(line)
  const coloured = await folder.run(line, { typed: [], columns: 500 })
  const refused = await folder.run(`${line} --no-color`, { typed: [], columns: 500 })
  const variable = await folder.run(line, {
    ...{ typed: [], columns: 500 },
    env: { NO_COLOR: '1' },
  })

  expect(coloured.stderr).toContain('\u001b[32mPASSED\u001b[0m  @app.txt\n')
  // eslint-disable-next-line no-control-regex -- the codes of colours start with one
  expect(coloured.stderr.replaceAll(/\u001b\[\d+m/g, '')).toBe(plain.stderr)
  expect([refused.stderr, variable.stderr]).toEqual([plain.stderr, plain.stderr])
})
