/** What every release wrote verifies with the code of today, and what it refused is refused. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { readEntry } from '../../src/log/entry-format.ts'
import { ENTRY_TYPES } from '../../src/log/entry-codecs.ts'
import { readLeaf } from '../../src/log/leaf-format.ts'
import { LEAF_KIND_NAMES } from '../../src/log/leaf-codecs.ts'
import { openLogFolder, readEntries } from '../../src/log/source.ts'
import {
  GOLDEN_FILES,
  GOLDEN_FOLDER,
  GOLDEN_KINDS,
  type GoldenKind,
  type GoldenRecord,
  readGoldenSet,
} from '../support/golden/documents.ts'
import { readGolden } from '../support/golden/read.ts'
import { readProjectFile } from '../support/project.ts'

const RELEASES = readdirSync(GOLDEN_FOLDER, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && /^\d/.test(entry.name))
  .map(({ name }) => name)
const { version } = JSON.parse(readProjectFile('package.json')) as { readonly version: string }
const MAX_SET_BYTES = 1_500_000

describe.each(RELEASES)('release %s', (release) => {
  const folder = join(GOLDEN_FOLDER, release)
  const { documents } = readGoldenSet(release)

  test.each(documents)('$kind $title means what it meant', async ({ verdict, ...document }) => {
    expect(await readGolden(folder, document)).toEqual(verdict)
  })

  test('every file of it is read, and it stays small', () => {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name, parentPath }) => join(parentPath, name))
    const paths = documents.map(({ path }) => path)
    const named = [...paths, ...paths.map((path) => `${path}.leaf`), ...Object.values(GOLDEN_FILES)]
    const unread = files.filter(
      (file) => !named.some((path) => `${file}/`.startsWith(`${join(folder, path)}/`)),
    )

    expect(unread).toEqual([])
    expect(files.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(MAX_SET_BYTES)
  })
})

describe('the release that this is', () => {
  test('it has a set', () => {
    expect(existsSync(join(GOLDEN_FOLDER, version, GOLDEN_FILES.set))).toBe(true)
  })

  const { documents } = readGoldenSet(version)
  const right = documents.filter(({ verdict }) => verdict.ok)
  const wrong = documents.filter(({ verdict }) => !verdict.ok)
  const kindsOf = (records: readonly GoldenRecord[]): readonly GoldenKind[] =>
    GOLDEN_KINDS.filter((kind) => records.some((record) => record.kind === kind))

  test('documents of every kind are in it', () => {
    expect(kindsOf(right)).toEqual(GOLDEN_KINDS)
    expect(kindsOf(wrong)).toEqual(GOLDEN_KINDS.filter((kind) => !KEPT_WHOLE.includes(kind)))
  })

  test.each(ALGORITHM_NAMES)('every form that %s signs is in it', (algorithm) => {
    const titles = right
      .filter((record) => record.algorithm === algorithm)
      .map(({ evidence = '', kind, title }) => `${kind} ${evidence} ${title}`)
    const forms = [
      'bundle none signature',
      'bundle stamped signature',
      'bundle none attestation',
      'bundle stamped attestation',
      'bundle none batch-member',
      'bundle stamped batch-member',
      'image-signature',
      'image-attestation',
      'key-history',
      'token',
      ...(/^(?:ES|RS)/.test(algorithm) ? ['bundle none file', 'bundle stamped file'] : []),
      ...(['ES256', 'RS256'].includes(algorithm) ? ['bundle logged attestation'] : []),
      ...(/^ES|^RS256/.test(algorithm) ? ['bundle logged file'] : []),
    ]
    const missing = forms.filter((form) => {
      const words = form.split(' ')
      return !titles.some((title) => words.every((word) => title.split(' ').includes(word)))
    })

    expect(missing).toEqual([])
  })

  test('entries of every type and leaves of every kind are in its logs', async () => {
    const [entries, leaves] = await Promise.all(['audit', 'transparency'].map(leavesOf))
    const types = entries?.map((data) => {
      const content = readEntry(data)
      return content.kind === 'known' ? content.entry.type : content.why
    })
    const kinds = leaves?.map((data) => {
      const read = readLeaf(data)
      return read.kind === 'known' ? read.leaf.kind : read.why
    })

    expect([...new Set(types)].toSorted()).toEqual(ENTRY_TYPES.toSorted())
    expect([...new Set(kinds)].toSorted()).toEqual(LEAF_KIND_NAMES.toSorted())
  })
})

/** Of these, changed ones are refused by the tests of what reads them. */
const KEPT_WHOLE: readonly GoldenKind[] = ['audit-log', 'transparency-log', 'pin', 'copy']

async function leavesOf(which: string): Promise<readonly Uint8Array[]> {
  const record = readGoldenSet(version).documents.find(({ path }) => path === `logs/${which}`)
  const { verdict } = record ?? {}
  const { size } = (verdict?.ok === true ? verdict.facts : {}) as { readonly size: number }
  const source = openLogFolder(join(GOLDEN_FOLDER, version, 'logs', which))
  return readEntries(source, { level: 'entries', index: 0, width: size })
}
