import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { SubjectInputs } from '../../action/inputs.ts'
import { createStepLog } from '../../action/runner.ts'
import { readSubjects } from '../../action/subjects.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const DIGEST = digestOf(Buffer.from('content'))
const NOTHING: SubjectInputs = {
  paths: [],
  digest: undefined,
  name: undefined,
  checksums: undefined,
}

function checkout(files: Readonly<Record<string, string>> = {}): string {
  const folder = createTempFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

function read(
  folder: string,
  inputs: Partial<SubjectInputs>,
  options: { readonly areImages?: boolean; readonly list?: string } = {},
): ReturnType<typeof readSubjects> {
  const { areImages = false, list } = options
  const env = {
    GITHUB_WORKSPACE: folder,
    ...(list !== undefined && { GITHUB_ARTIFACTS_LIST: list }),
  }
  return readSubjects(
    { ...NOTHING, ...inputs },
    { areImages, hash: 'sha256', isEachDemanded: true },
    {
      env,
      runtime: createTestRuntime(),
      now: () => new Date(0),
      log: createStepLog(() => undefined),
      signal: new AbortController().signal,
      halt: new AbortController().signal,
    },
  )
}

test('a folder stands for its files, an absolute glob for what it matches', async () => {
  const folder = checkout({ 'dist/a': 'a', 'dist/deep/b': 'b', other: 'c' })

  const relative = await read(folder, { paths: ['dist'] })
  const absolute = await read('/', { paths: [join(folder, '*')] })
  const here = await read(join(folder, 'dist'), { paths: ['./'] })

  expect(relative.map(({ name }) => name)).toEqual(['a', 'b'])
  expect(absolute).toHaveLength(3)
  expect(here).toEqual(relative)
})

test('a file has the name that is given', async () => {
  const folder = checkout({ a: 'content' })

  expect(await read(folder, { paths: ['a'], name: 'app' })).toMatchObject([
    { name: 'app', digest: DIGEST },
  ])
})

test('an image is known by its name, in lower case and without a scheme', async () => {
  const named = await read('.', { digest: DIGEST, name: 'ghcr.io/Acme/App' })
  const pushed = await read('.', { digest: DIGEST, name: 'acme/app' }, { areImages: true })
  const file = await read('.', { digest: DIGEST, name: 'acme/app' })

  expect(named[0]).toMatchObject({ image: { registry: 'ghcr.io', repository: 'acme/app' } })
  expect(pushed[0]).toMatchObject({ name: 'docker.io/acme/app' })
  expect(file[0].image).toBeUndefined()
})

test('checksums are read from a file, or are the input itself', async () => {
  const line = `${DIGEST.slice(7)}  dist/app.tgz\r\n`
  const folder = checkout({ SHA256SUMS: line })

  const [fromFile] = await read(folder, { checksums: 'SHA256SUMS' })
  const [fromText] = await read(folder, { checksums: line.trim() })

  expect(fromFile).toEqual({ name: 'app.tgz', digest: DIGEST, isDigestOnly: true })
  expect(fromText).toEqual(fromFile)
})

test('a listed file that is there is read, from the workspace or beside its list', async () => {
  const folder = checkout({
    'dist/app.tgz': 'content',
    SHA256SUMS: `${DIGEST.slice(7)}  dist/app.tgz\n`,
    'dist/SHA256SUMS': `${DIGEST.slice(7)} *./app.tgz\n`,
  })

  for (const checksums of ['SHA256SUMS', 'dist/SHA256SUMS', `${DIGEST.slice(7)}  dist/app.tgz`]) {
    expect(await read(folder, { checksums })).toEqual([
      { name: 'app.tgz', digest: DIGEST, path: join(folder, 'dist/app.tgz') },
    ])
  }
})

test('a list of more lines than a step has subjects is refused', async () => {
  const checksums = Array.from({ length: 1025 }, (_, at) => `${DIGEST.slice(7)}  app-${at}`)

  const code = await codeOfAsync(() => read('.', { checksums: checksums.join('\n') }))

  expect(code).toBe('ERR_USAGE')
})

test('the list of the job is used if no input names anything', async () => {
  const entry = { name: 'app', digest: DIGEST, kind: 'file' }
  const image = { name: 'ghcr.io/acme/app', digest: DIGEST, kind: 'oci' }
  const list = { version: 1, subjects: [entry, entry, image] }
  const folder = checkout({ 'list.json': JSON.stringify(list) })

  const subjects = await read(folder, {}, { list: 'list.json' })

  expect(subjects.map(({ name, image: where }) => [name, where?.registry])).toEqual([
    ['app', undefined],
    ['ghcr.io/acme/app', 'ghcr.io'],
  ])
})

const LISTS: readonly (readonly [string, string, string])[] = [
  ['of another version', '{"version":2,"subjects":[]}', 'ERR_REFERENCE_INVALID'],
  ['that is empty', '', 'ERR_USAGE'],
  ['that is not JSON', 'x', 'ERR_JSON_INVALID'],
  [
    'of an unknown kind',
    `{"version":1,"subjects":[{"name":"a","digest":"${DIGEST}","kind":"npm"}]}`,
    'ERR_REFERENCE_INVALID',
  ],
  [
    'with two digests of one name',
    `{"version":1,"subjects":[{"name":"a","digest":"${DIGEST}","kind":"file"},{"name":"a","digest":"${digestOf(Buffer.from('x'))}","kind":"file"}]}`,
    'ERR_REFERENCE_INVALID',
  ],
]

test.each(LISTS)('a list %s is refused', async (_what, text, code) => {
  const folder = checkout({ 'list.json': text })

  expect(await codeOfAsync(() => read(folder, {}, { list: 'list.json' }))).toBe(code)
})

const REFUSED: readonly (readonly [string, Partial<SubjectInputs>, string])[] = [
  ['nothing named', {}, 'ERR_USAGE'],
  ['a glob that matches nothing', { paths: ['nope/*'] }, 'ERR_ARTIFACT_NOT_FOUND'],
  ['all taken away again', { paths: ['a', '!a'] }, 'ERR_ARTIFACT_NOT_FOUND'],
  ['one name for two files', { paths: ['*'], name: 'app' }, 'ERR_USAGE'],
  ['a malformed digest', { digest: 'sha256:1', name: 'app' }, 'ERR_REFERENCE_INVALID'],
  [
    'an image by another hash',
    { digest: digestOf(Buffer.from(''), 'sha512'), name: 'ghcr.io/acme/app' },
    'ERR_REFERENCE_INVALID',
  ],
]

test.each(REFUSED)('%s is refused', async (_what, inputs, code) => {
  const folder = checkout({ a: 'a', b: 'b' })

  expect(await codeOfAsync(() => read(folder, inputs))).toBe(code)
})
