import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { findPackageMistakes } from '../../tools/check/package-modules.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Writes a package whose export loads a package, a module late, and the types of another. */
function writePackage(changes: Readonly<Record<string, string>> = {}): string {
  const folder = createTempFolder()
  const files = {
    'package.json': JSON.stringify({
      exports: { '.': './dist/index.js', './package.json': './package.json' },
      dependencies: { used: '1.0.0' },
      optionalDependencies: { bundled: '1.0.0' },
    }),
    'dist/index.js': `import 'used/part'; import 'node:fs'; await import('./late.js')`,
    'dist/index.d.ts': `export type { A } from './types.ts'`,
    'dist/late.js': `export const late = 1`,
    'dist/late.d.ts': `export declare const late: number`,
    'dist/types.d.ts': `export interface A {}`,
    'dist/cli/chunks/a.js': `var a=__require("bundled"),b=__require("node:os")`,
    ...changes,
  }
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

test('a package that ships what it exports and installs what it loads has no mistake', async () => {
  expect(await findPackageMistakes(writePackage())).toEqual([])
})

test('a module that no export reaches is a mistake', async () => {
  const folder = writePackage({ 'dist/service/app.js': '', 'dist/service/app.d.ts': 'export {}' })

  expect(await findPackageMistakes(folder)).toEqual([
    'dist/service/app.d.ts is shipped, and no export reaches it',
    'dist/service/app.js is shipped, and no export reaches it',
  ])
})

test.each([
  ['a module', { 'dist/late.js': `import '@scope/absent/part'` }],
  ['a declaration', { 'dist/types.d.ts': `export type { A } from '@scope/absent'` }],
  ['a package in the bundle', { 'dist/cli/chunks/b.js': `__require("@scope/absent")` }],
])('a package that %s loads, and that is not installed, is a mistake', async (_, change) => {
  expect(await findPackageMistakes(writePackage(change))).toEqual([
    '"@scope/absent" is loaded, and not a dependency',
  ])
})

test('a package that is installed and inside the bundle is a mistake', async () => {
  const folder = writePackage({ 'dist/cli/chunks/a.js': '' })

  expect(await findPackageMistakes(folder)).toEqual(['"bundled" is a dependency, and not loaded'])
})
