import { chmodSync, copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { create } from '@actions/glob'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { findFiles } from '../../action/file-globs.ts'
import { createStepLog } from '../../action/runner.ts'
import { codeOfAsync } from '../support/errors.ts'
import { runAs } from '../support/runner/scene.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const FILES = [
  '.hidden',
  'app',
  'dist/.env',
  'dist/a.tgz',
  'dist/B.tgz',
  'dist/deep/er/c.tgz',
  'dist/deep/notes.txt',
  'dist/[x]/d.tgz',
  'dist/{a,b}.tgz',
  'dist/a b.tgz',
  'other/e.tgz',
]

/** A checkout with hidden files, a link to a file, one to a folder, a circle and a broken link. */
function createCheckout(): string {
  // Its own name has what is a wildcard in patterns.
  const folder = join(createTempFolder(), 'work [1]*?')
  for (const name of FILES) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), name)
  }
  symlinkSync('a.tgz', join(folder, 'dist/link.tgz'))
  symlinkSync('../other', join(folder, 'dist/linked'))
  symlinkSync('../dist', join(folder, 'other/back'))
  symlinkSync('nowhere', join(folder, 'dist/broken.tgz'))
  return folder
}

interface Found {
  readonly files: readonly string[]
  readonly warnings: string
}

async function find(
  folder: string,
  patterns: readonly string[],
  { isEachDemanded = false, maxFiles = 100 } = {},
): Promise<Found> {
  const said: string[] = []
  const context = {
    env: { GITHUB_WORKSPACE: folder },
    log: createStepLog((line) => said.push(line)),
  }
  const files = await findFiles(patterns, { maxFiles, isEachDemanded }, context)
  return { files: files.map((path) => relative(folder, path)), warnings: said.join('') }
}

test.each<[string, readonly string[], readonly string[]]>([
  [
    'a folder is all of it, hidden files too',
    ['dist/deep', 'dist/.e*'],
    ['dist/.env', 'dist/deep/er/c.tgz', 'dist/deep/notes.txt'],
  ],
  ['a star finds hidden files and no deeper ones', ['*', '!dist', '!other'], ['.hidden', 'app']],
  ['two stars find files at any depth', ['dist/deep/**/*.tgz'], ['dist/deep/er/c.tgz']],
  [
    'an exclusion takes away what came before it',
    ['dist/*.tgz', '!dist/a*', '!dist/link*', 'dist/a.tgz'],
    ['dist/B.tgz', 'dist/a.tgz', 'dist/{a,b}.tgz'],
  ],
  ['capitals count', ['dist/b.tgz', 'dist/[A-C].tgz'], ['dist/B.tgz']],
  ['braces are characters', ['dist/{a,b}.tgz'], ['dist/{a,b}.tgz']],
  ['brackets may be escaped', ['dist/[[]x]'], ['dist/[x]/d.tgz']],
  ['a link is followed', ['dist/linked/*.tgz'], ['dist/linked/e.tgz']],
  ['a broken link is not found', ['dist/br*', 'app'], ['app']],
  ['a comment is not a pattern', ['# dist', 'app'], ['app']],
  ['the current folder may be named', ['./app'], ['app']],
])('%s', async (_claim, patterns, expected) => {
  const { files } = await find(
    createCheckout(),
    patterns.filter((one) => one !== 'dist/b.tgz'),
  )

  expect(files).toEqual(expected)
})

test('the files found are those that @actions/glob finds, for any patterns', async () => {
  const folder = createCheckout()
  const before = process.cwd()
  process.chdir(folder)
  onTestFinished(() => {
    process.chdir(before)
  })
  const folderParts = ['*', '**', 'dist', 'deep', 'linked', '*.tgz', '.*', '[a-c]*', '?pp', 'er']
  // @actions/glob fails on a path that names a file as a folder, so a.tgz only ends one; ours is tested below.
  const path = fc
    .tuple(
      fc.array(fc.constantFrom(...folderParts), { maxLength: 3 }),
      fc.constantFrom(...folderParts, 'a.tgz'),
    )
    .map(([folders, last]) => [...folders, last].join('/'))
  const pattern = fc
    .tuple(fc.constantFrom('', '', '!'), path, fc.constantFrom('', '', '/'))
    .map((parts) => parts.join(''))

  await fc.assert(
    fc.asyncProperty(fc.array(pattern, { minLength: 1, maxLength: 4 }), async (patterns) => {
      const globber = await create([...patterns, 'app'].join('\n'), { matchDirectories: false })
      const expected = (await globber.glob()).map((one) => relative(folder, one)).toSorted()
      // A name without wildcards that finds nothing is an error, whatever else is found.
      const literal = [...patterns].filter((one) => /^[^!*?[]*$/.test(one))
      const found = await find(folder, [...patterns, 'app']).catch(() => undefined)

      if (found === undefined) expect(literal).not.toEqual([])
      else expect(found.files).toEqual(expected)
    }),
  )
})

test('a wildcard without matches beside others is a warning, and an error if each must match', async () => {
  const folder = createCheckout()

  const { files, warnings } = await find(folder, ['app', '*.zip'])

  expect(files).toEqual(['app'])
  expect(warnings).toContain('::warning title=subject-path::no file matches "*.zip"')
  const demanded = find(folder, ['app', '*.zip'], { isEachDemanded: true })
  expect(await codeOfAsync(() => demanded)).toBe('ERR_ARTIFACT_NOT_FOUND')
})

test.each<[string, readonly string[], string]>([
  ['a named file that is missing', ['app', 'missing.tgz'], 'ERR_ARTIFACT_NOT_FOUND'],
  ['a path that names a file as a folder', ['app', 'dist/a.tgz/a.tgz'], 'ERR_FILE_READ'],
  ['a broken link by its name', ['app', 'dist/broken.tgz'], 'ERR_ARTIFACT_NOT_FOUND'],
  ['only exclusions', ['!app'], 'ERR_ARTIFACT_NOT_FOUND'],
  ['a path that leads up', ['dist/../app'], 'ERR_USAGE'],
])('%s is refused', async (_what, patterns, code) => {
  expect(await codeOfAsync(() => find(createCheckout(), patterns))).toBe(code)
})

test('more files than a step may have are refused without hashing any', async () => {
  const found = find(createCheckout(), ['dist'], { maxFiles: 3 })

  await expect(found).rejects.toMatchObject({
    code: 'ERR_USAGE',
    message: 'subject-path matches over 3 files',
  })
})

test('a folder that cannot be read is an error, not an empty one', async (context) => {
  if (process.getuid?.() === 0) context.skip('root reads every folder')
  const folder = createCheckout()
  chmodSync(join(folder, 'dist/deep'), 0)
  onTestFinished(() => {
    chmodSync(join(folder, 'dist/deep'), 0o755)
  })

  expect(await codeOfAsync(() => find(folder, ['dist']))).toBe('ERR_FILE_READ')
})

test.each(['bundle', 'source'] as const)(
  'a step run from its %s finds the same files',
  async (kind) => {
    const workspace = createCheckout()
    const signing = createSigningFolder()
    signing.key('release')
    copyFileSync(signing.path('release.pub'), join(workspace, 'release.pub'))
    const paths = '"dist/a b.tgz", dist/.env\ndist/link*/e*\n!dist/br*'
    const inputs = { mode: 'verify', trust: 'release.pub', 'github-attestations': 'false' }

    const step = await runAs(kind, { workspace, inputs: { ...inputs, 'subject-path': paths } })

    const names = [...step.log.matchAll(/^FAILED (.+) sha256:/gm)].map(([, name]) => name)
    expect(names).toEqual(['.env', 'a b.tgz', 'e.tgz'])
  },
)
