import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { fillLightPackages, LIGHT_PACKAGES } from '../../tools/build/light-packages.ts'
import { findDifferences } from '../../tools/check/light-packages.ts'
import { findExcess, weigh } from '../../tools/check/weight.ts'
import { listFiles } from '../../tools/package/installation.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const MANIFEST = { version: '1.0.0', engines: { node: '>=24' }, dependencies: { used: '1.2.3' } }

function write(files: Readonly<Record<string, unknown>>, folder = createTempFolder()): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    writeFileSync(join(folder, path), text)
  }
  return folder
}

test('a light package contains what its entry points and their types reach, and the licence', async () => {
  const manifest = { exports: { '.': './dist/entry.js', './package.json': './package.json' } }
  const root = write({
    LICENSE: 'the terms',
    'dist/entry.js': `export { a } from './a.js'; export const b = () => import('./late.js')`,
    'dist/entry.d.ts': `export type { T } from './types.ts'`,
    'dist/a.js': `export const a = 1`,
    'dist/a.d.ts': `export declare const a: number`,
    'dist/late.js': `export const late = 1`,
    'dist/types.js': `export {}`,
    'dist/types.d.ts': `export interface T {}`,
    'dist/other.js': `export const other = 1`,
    ...Object.fromEntries(LIGHT_PACKAGES.map((folder) => [`${folder}/package.json`, manifest])),
    [`${LIGHT_PACKAGES[0] ?? ''}/dist/removed.js`]: '',
  })

  await fillLightPackages(root)

  for (const folder of LIGHT_PACKAGES) {
    expect(listFiles(join(root, folder)).toSorted()).toEqual([
      'LICENSE',
      'dist/a.js',
      'dist/entry.d.ts',
      'dist/entry.js',
      'dist/late.js',
      'dist/types.d.ts',
      'package.json',
    ])
  }
})

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ['version', { 'package.json': { ...MANIFEST, version: '1.0.1' } }, '"version" differs'],
  [
    'dependency',
    { 'package.json': { ...MANIFEST, dependencies: { used: '1.2.4' } } },
    '"used" has another version',
  ],
  ['module', { 'dist/a.js': 'changed' }, 'dist/a.js is not as in countersign'],
  ['module of its own', { 'dist/b.js': '' }, 'dist/b.js is not as in countersign'],
])('a light package with another %s is found', (_, change, mistake) => {
  const whole = write({ 'package.json': MANIFEST, 'dist/a.js': 'same' })
  const same = write({ 'package.json': MANIFEST, 'dist/a.js': 'same' })

  expect(findDifferences(whole, same)).toEqual([])
  expect(findDifferences(whole, write(change, same))).toEqual([
    expect.stringContaining(mistake) as string,
  ])
})

test('the weight of an installation counts every package and byte, and is held against a budget', () => {
  const folder = write({
    'node_modules/a/package.json': '12345',
    'node_modules/a/node_modules/b/package.json': '1234567890',
    'node_modules/@s/c/package.json': 'x'.repeat(985),
  })

  expect(weigh(folder)).toEqual({ packages: 3, megabytes: 0.001 })
  expect(findExcess('@countersign/jose', { packages: 2, megabytes: 0.4 })).toEqual([])
  expect(findExcess('@countersign/jose', { packages: 3, megabytes: 2 })).toEqual([
    '@countersign/jose installs 3 packages, its budget is 2',
    '@countersign/jose installs 2.0 MB, its budget is 0.5 MB',
  ])
  expect(findExcess('left-pad', { packages: 1, megabytes: 1 })).toHaveLength(1)
})
