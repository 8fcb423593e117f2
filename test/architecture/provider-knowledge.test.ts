import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROVIDERS } from '../../src/providers/key-uri.ts'
import { listProjectFiles, PROJECT, readProjectFile } from '../support/project.ts'

/** Tables with a line for each provider. */
const TABLES = ['src/providers/descriptors.ts', 'src/providers/loaders.ts']
/** The Action has one provider, which it offers by name: its inputs are those of AWS. */
const ACTION = 'action/'

const folders = readdirSync(join(PROJECT, 'src/providers'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

const SOURCES = listProjectFiles('src/**/*.ts', 'cli/**/*.ts', 'action/*.ts')

/** What names a provider in code: its scheme before a colon, as a word in quotes, or its folder. */
function namesOf(scheme: string): RegExp {
  return new RegExp(`\\b${scheme}:(?!//)|\\b${scheme}://|['"\`]${scheme}['"\`]|/${scheme}/`, 'i')
}

test('every folder of providers is one line of each table, and nothing else is', () => {
  expect(PROVIDERS.map(({ scheme }) => scheme).toSorted()).toEqual(folders.toSorted())
  for (const table of TABLES) {
    const lines = readProjectFile(table).split('\n')
    const named = folders.map(
      (folder) => [folder, lines.filter((line) => line.includes(`./${folder}/`)).length] as const,
    )

    expect(named, table).toEqual(folders.map((folder) => [folder, 1]))
  }
})

/** A file without its comments: an example may name a provider, as documents do. */
function readCode(path: string): string {
  return readProjectFile(path).replaceAll(/\/\*[^]*?\*\//g, '')
}

// Files, variables and addresses are not always keys: paths, secrets, services.
test.each(['awskms', 'azurekms', 'gcpkms', 'openbao', 'pkcs11'])(
  'no file outside of its folder names %s',
  (scheme) => {
    const named = SOURCES.filter(
      (path) =>
        !path.startsWith(`src/providers/${scheme}/`) &&
        !TABLES.includes(path) &&
        !path.startsWith(ACTION) &&
        namesOf(scheme).test(readCode(path)),
    )

    expect(named).toEqual([])
  },
)

test('no file outside of the folders of providers compares a scheme', () => {
  const compared = SOURCES.filter(
    (path) =>
      !/^src\/providers\/[^/]+\//.test(path) &&
      /\/providers\/|\/key-uri\.ts/.test(`${path} ${readProjectFile(path)}`) &&
      /\bscheme\b\)? ?(?:===|!==) ?'|case '(?:file|env|https)':/.test(readProjectFile(path)),
  )

  expect(compared).toEqual([])
})

test('CONTRIBUTING lists what a new provider touches', () => {
  const [, section = ''] = readProjectFile('CONTRIBUTING.md').split('**A key provider**')
  const [list = ''] = section.split('\n**')

  for (const path of [...TABLES, 'src/providers/NAME/', 'test/providers/NAME/']) {
    expect(list).toContain(`\`${path}\``)
  }
})
