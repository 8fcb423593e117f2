/** Symbolic links, and paths in lists, that lead out of the checkout whose author may be an attacker. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startActionScene, runAs } from '../support/runner/scene.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const SBOM = '{"bomFormat":"CycloneDX","specVersion":"1.6","secret":"of the runner"}'
const TYPE = 'https://example.com/predicate/v1'
/** A link to a file, and a file behind a link to a folder. */
const PLACES = ['link.json', 'folder/secret.json']

/** Links in a checkout to a secret elsewhere. */
function plantLinks(workspace: string): void {
  const elsewhere = createTempFolder()
  writeFileSync(join(elsewhere, 'secret.json'), SBOM)
  writeFileSync(join(workspace, 'app'), 'a program')
  symlinkSync(join(elsewhere, 'secret.json'), join(workspace, 'link.json'))
  symlinkSync(elsewhere, join(workspace, 'folder'))
}

test('targets of links outside the checkout are never attested or signed', async () => {
  const scene = await startActionScene('source')
  plantLinks(scene.workspace)
  const service = { server: scene.server, key: 'release' }
  const attempts = PLACES.flatMap((path) => [
    { ...service, 'subject-path': 'app', 'predicate-type': TYPE, 'predicate-path': path },
    { ...service, 'subject-path': 'app', 'sbom-path': path },
    { ...service, 'subject-path': path },
    { ...service, 'subject-path': `${scene.workspace}//${path}` },
    { ...service, 'subject-checksums': `${'a'.repeat(64)}  ${path}` },
    { ...service, 'subject-checksums': `${'a'.repeat(64)}  folder/../${path}` },
    { ...service, 'subject-checksums': `${'a'.repeat(64)}  /etc/hostname` },
    { ...service, 'subject-path': '**/*.json' },
    { ...service, 'subject-path': 'folder' },
    { ...service, mode: 'sign', 'subject-path': '.' },
  ])

  for (const inputs of attempts) {
    const step = await scene.run({ inputs })
    expect(step.exitCode).not.toBe(0)
    expect(step.annotations[0]?.title).toBe('countersign ERR_FILE_READ')
    expect(step.annotations[0]?.message).toContain('follow-links')
  }
  expect(scene.signed).toEqual([])

  const allowed = { ...service, 'subject-path': 'app', 'sbom-path': 'link.json' }
  expect((await scene.run({ inputs: { ...allowed, 'follow-links': 'true' } })).exitCode).toBe(0)
})

test.each(['bundle', 'trust', 'subject-checksums', 'subject-path'])(
  'what is verified with or by a link out of the checkout does not verify: %s',
  async (input) => {
    const folder = createSigningFolder()
    folder.key('release')
    const workspace = folder.path('')
    plantLinks(workspace)
    const usual = { mode: 'verify', trust: 'release.pub', 'github-attestations': 'false' }
    const subject = input === 'subject-checksums' ? {} : { 'subject-path': 'app' }

    for (const path of PLACES) {
      const inputs = { ...usual, ...subject, [input]: path }
      const step = await runAs('source', { inputs, workspace })
      expect(step.exitCode).not.toBe(0)
      expect(step.annotations[0]?.title).toBe('countersign ERR_FILE_READ')
    }
  },
)

test('a link in a folder of artifacts is verified like its target, never skipped', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  mkdirSync(folder.path('dist'))
  mkdirSync(folder.path('other'))
  for (const name of ['dist/app', 'other/evil']) folder.write(name, name)
  await folder.run('sign @dist/app --key @release.pem')
  const verify = { mode: 'verify', trust: 'release.pub', 'github-attestations': 'false' }
  const inputs = { ...verify, 'subject-path': 'dist\n!dist/*.sigstore.json' }
  const workspace = folder.path('')
  expect((await runAs('source', { inputs, workspace })).exitCode).toBe(0)

  symlinkSync('../other', folder.path('dist/more'))
  // A circle, which ends where it was before.
  symlinkSync('../dist', folder.path('other/back'))
  const step = await runAs('source', { inputs, workspace })

  expect(step.annotations[0]?.title).toBe('countersign ERR_SIGNATURE_NOT_FOUND')
  expect(step.visibleLog).toContain('FAILED evil')
})

/** Runs in a folder, as people do with lists of checksums. */
function enter(path: string): void {
  const before = process.cwd()
  process.chdir(path)
  onTestFinished(() => {
    process.chdir(before)
  })
}

test.each(['../app', '/tmp/app', 'folder/app', 'dist/../../app'])(
  'a list of checksums does not choose where a bundle is written: %s',
  async (name) => {
    const folder = createSigningFolder()
    folder.key('release')
    const [elsewhere, work] = [createTempFolder(), createTempFolder()]
    mkdirSync(join(work, 'here', 'dist'), { recursive: true })
    symlinkSync(elsewhere, join(work, 'here', 'folder'))
    const listed = name.replace('/tmp', elsewhere)
    folder.write('SHA256SUMS', `${'a'.repeat(64)}  ${listed}\n`)
    enter(join(work, 'here'))

    const signed = await folder.run('sign --checksums @SHA256SUMS --key @release.pem')
    const named = await folder.run(
      'sign --checksums @SHA256SUMS --key @release.pem --bundle @app.json',
    )

    expect(signed.exitCode).toBe(2)
    expect(signed.stderr).toContain('ERR_USAGE')
    expect([...readdirSync(elsewhere), ...readdirSync(work)]).toEqual(['here'])
    expect(named.exitCode).toBe(0)
    expect(existsSync(folder.path('app.json'))).toBe(true)
  },
)
