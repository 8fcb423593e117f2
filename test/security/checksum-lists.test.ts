/** Lists of checksums beside files that are not what the list says, and lists that hide some of their lines. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import type { ActionResult } from '../../src/testing.ts'
import { documentOf } from '../support/cli.ts'
import { type ActionScene, startActionScene } from '../support/runner/scene.ts'
import { createSigningFolder, type SigningFolder } from '../support/signing-folder.ts'

const GOOD = digestOf(Buffer.from('good\n')).slice(7)
const OTHER = digestOf(Buffer.from('other\n')).slice(7)

/** A signed file with its list, both as the signer left them. */
async function createRelease(): Promise<SigningFolder> {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app', 'good\n')
  folder.write('SUMS', `${GOOD}  ${folder.path('app')}\n`)
  folder.write('p.json', '{"a":1}')
  await folder.run('sign @app --key @release.pem')
  await folder.run('attest @app --key @release.pem --type custom --predicate @p.json')
  return folder
}

test.each(['', ' --type custom', ' --type any'])(
  'a file that differs from its line in the list does not verify%s',
  async (demand) => {
    const folder = await createRelease()
    const verify = `verify --checksums @SUMS --key @release.pub${demand}`
    expect((await folder.run(verify)).exitCode).toBe(0)

    folder.write('app', 'tampered\n')
    const result = await folder.run(verify)

    expect(result).toMatchObject({ exitCode: 3, stdout: '' })
    expect(result.stderr).toContain('[ERR_DIGEST_MISMATCH]')
  },
)

test('a file beside the list is read, also if the list is in another folder', async () => {
  const folder = await createRelease()
  folder.write('SUMS', `${GOOD}  app\n`)
  const verify = 'verify --checksums @SUMS --key @release.pub'
  expect((await folder.run(verify)).exitCode).toBe(0)

  folder.write('app', 'tampered\n')

  expect((await folder.run(verify)).exitCode).toBe(3)
})

test('a file is refused if any one of its digests differs', async () => {
  const folder = await createRelease()
  const path = folder.path('app')
  folder.write('SUMS', `${GOOD}  ${path}\n${'a'.repeat(128)}  ${path}\n`)

  const result = await folder.run('verify --checksums @SUMS --key @release.pub')

  expect(result.stderr).toContain('[ERR_DIGEST_MISMATCH]')
})

test.each(['sign', 'attest --type custom --predicate @p.json'])(
  'a digest that its file does not have is not signed: %s',
  async (command) => {
    const folder = await createRelease()
    folder.write('SUMS', `${OTHER}  ${folder.path('app')}\n`)

    const result = await folder.run(
      `${command} --checksums @SUMS --key @release.pem --bundle @new.json`,
    )

    expect(result).toMatchObject({ exitCode: 3, stdout: '' })
    expect(result.stderr).toContain('[ERR_DIGEST_MISMATCH]')
  },
)

test('a listed path that is not a file is an error', async () => {
  const folder = await createRelease()
  mkdirSync(folder.path('folder'))
  symlinkSync('/dev/zero', folder.path('zero'))

  for (const name of ['folder', 'zero']) {
    folder.write('SUMS', `${GOOD}  ${folder.path(name)}\n`)
    const result = await folder.run(
      'verify --checksums @SUMS --key @release.pub --bundle @app.sigstore.json',
    )
    expect(result.stderr).toContain('[ERR_FILE_READ]')
  }
})

test('a missing listed file is verified by its digest, and the verdict says so', async () => {
  const folder = await createRelease()
  folder.write('SUMS', `${GOOD}  missing\n`)
  const verify = 'verify --checksums @SUMS --key @release.pub --bundle @app.sigstore.json'

  const text = await folder.run(verify)
  const json = await folder.run(`${verify} --json`)

  expect(text.exitCode).toBe(0)
  expect(text.stderr).toContain('PASSED  missing (digest only: no such file)\n')
  expect(text.stderr).toContain('(digest only: no such file)')
  expect(documentOf(json)).toMatchObject({ artifacts: [{ name: 'missing', digestOnly: true }] })
})

test.each(['sign', 'attest --type custom --predicate @p.json'])(
  'of a listed file that is not there the digest is signed, and that is said: %s',
  async (command) => {
    const folder = await createRelease()
    mkdirSync(folder.path('new'))
    folder.write('SUMS', `${GOOD}  ${folder.path('app')}\n${OTHER}  missing\n`)

    const result = await folder.run(
      `${command} --checksums @SUMS --key @release.pem --bundle @new/`,
    )

    expect(result.exitCode).toBe(0)
    expect(result.stderr).toContain('1 of 2 listed files are not here: only digests are known')
  },
)

const HIDING: readonly (readonly [string, string | Uint8Array])[] = [
  ['separated by NUL', `${GOOD}  a\0${OTHER}  b\0`],
  ['separated by carriage returns', `${GOOD}  a\r${OTHER}  b\r`],
  ['separated by vertical tabs', `${GOOD}  a\v${OTHER}  b\n`],
  ['separated by next-line characters', `${GOOD}  a\u0085${OTHER}  b\n`],
  ['with an escape sequence in a name', `${GOOD}  a\u001b[2K\n${OTHER}  b\n`],
  ['in UTF-16', Buffer.from(`\uFEFF${GOOD}  a\r\n${OTHER}  b\r\n`, 'utf16le')],
  ['of hashes alone', `${GOOD}\n${OTHER}\n`],
]

test.each(HIDING)('a list %s is refused, never attested in part', async (_how, list) => {
  const folder = await createRelease()
  folder.write('SUMS', list)

  const result = await folder.run(
    'attest --checksums @SUMS --key @release.pem --type custom --predicate @p.json --bundle @new.json',
  )

  expect(result).toMatchObject({ exitCode: 2, stdout: '' })
  expect(result.stderr).toContain('[ERR_REFERENCE_INVALID]')
})

/** Runs the Action over a list of checksums. */
async function runWithList(
  scene: ActionScene,
  { list, mode }: { readonly list: string; readonly mode: string },
): Promise<ActionResult> {
  writeFileSync(join(scene.workspace, 'SUMS'), list)
  const service = { server: scene.server, key: 'release' }
  const inputs = { ...(mode === 'verify' ? { trust: scene.server } : service), mode }
  const subjects = { 'subject-checksums': 'SUMS', 'github-attestations': 'false' }
  return scene.run({ inputs: { ...inputs, ...subjects } })
}

test.each(['sign', 'attest', 'verify'])(
  'a step reads the files beside its list, and refuses one that differs: %s',
  async (mode) => {
    const scene = await startActionScene('source')
    mkdirSync(join(scene.workspace, 'dist'))
    writeFileSync(join(scene.workspace, 'dist/app'), 'tampered\n')

    const step = await runWithList(scene, { mode, list: `${GOOD}  dist/app\n${GOOD}  gone\n` })

    expect(step.annotations[0]?.title).toBe('countersign ERR_DIGEST_MISMATCH')
    expect(scene.signed).toEqual([])
  },
)

test('a step reports the listed files that it has not read', async () => {
  const scene = await startActionScene('source')
  writeFileSync(join(scene.workspace, 'app'), 'good\n')
  const list = `${GOOD}  app\n${OTHER}  other\n`

  const made = await runWithList(scene, { mode: 'attest', list })

  expect(made).toMatchObject({ exitCode: 0, annotations: [] })
  expect(made.visibleLog).toContain('1 of 2 listed files are not here: only digests are known')
  expect(made.visibleLog).toContain(`  app sha256:${GOOD}\n`)
  expect(made.visibleLog).toContain(`  other sha256:${OTHER} (digest only: no such file)\n`)

  const verified = await runWithList(scene, { mode: 'verify', list })
  expect(verified.visibleLog).toContain(`FAILED other sha256:${OTHER} (digest only: no such file)`)
})
