import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { bundleCli } from '../../tools/build/bundle-cli.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const SOURCES: Readonly<Record<string, string>> = {
  'main.ts': `
    import old from 'old-package'
    const [name] = process.argv.slice(2) as string[]
    if (name === 'late') console.log((await import('./late.ts')).greeting)
    else console.log(old(import.meta.url))`,
  'late.ts': `export const greeting: string = 'loaded late'`,
  'node_modules/old-package/package.json': `{"name":"old-package","version":"1.2.3","license":"MIT"}`,
  'node_modules/old-package/index.js': `const { basename } = require('node:path'); module.exports = basename`,
  'node_modules/old-package/LICENSE': `Permission is hereby granted to all.`,
}

/** Bundles a small program with a lazy part and a CommonJS package; returns the folder of the result. */
async function bundle(): Promise<string> {
  const root = createTempFolder()
  writeSources(root, SOURCES)
  await bundleCli({ root, entry: 'main.ts', outdir: 'dist' })
  return join(root, 'dist')
}

function writeSources(root: string, sources: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
}

function run(path: string, args: readonly string[]): string {
  return spawnSync(path, args, { encoding: 'utf8' }).stdout
}

test('the bundle is executable and runs the CommonJS packages inside it', async () => {
  const main = join(await bundle(), 'main.js')

  expect(statSync(main).mode & 0o111).toBe(0o111)
  expect(run(main, [])).toBe('main.js\n')
})

test('a module behind import() stays out of the entry until it is asked for', async () => {
  const outdir = await bundle()

  expect(readFileSync(join(outdir, 'main.js'), 'utf8')).not.toContain('loaded late')
  expect(run(join(outdir, 'main.js'), ['late'])).toBe('loaded late\n')
})

test('a CommonJS package that is imported late is refused, unless it stays outside', async () => {
  const root = createTempFolder()
  writeSources(root, {
    ...SOURCES,
    'main.ts': `console.log((await import('old-package')).default)`,
  })
  const request = { root, entry: 'main.ts', outdir: 'dist' }

  await expect(bundleCli(request)).rejects.toThrow(
    'main.ts imports node_modules/old-package/index.js late, which is CommonJS and bundled',
  )
  await bundleCli({ ...request, external: ['old-package'] })
  expect(run(join(root, 'dist/main.js'), [])).toContain('basename')
})

test('the core is one chunk, with all that it shares with lazy chunks', async () => {
  const root = createTempFolder()
  const sources = {
    'main.ts': `
      const { one } = await import('./one.ts')
      const { two } = await import('./two.ts')
      console.log(one, two)`,
    'one.ts': `import { a } from './a.ts'; import { b } from './b.ts'; export const one = a() + b()`,
    'two.ts': `import { a } from './a.ts'; export const two = a()`,
    'a.ts': `export function a(): string { return 'A' }`,
    'b.ts': `export function b(): string { return 'B' }`,
    'package.json': `{"sideEffects":false}`,
  }
  writeSources(root, sources)
  const bundleWith = async (core: readonly string[]): Promise<string[]> => {
    const outdir = `dist${core.length}`
    await bundleCli({ root, entry: 'main.ts', outdir, core })
    expect(run(join(root, outdir, 'main.js'), [])).toBe('AB A\n')
    return Object.values(readTree(join(root, outdir))).filter((text) =>
      /function [ab]\(/.test(text),
    )
  }

  expect(await bundleWith([])).toHaveLength(2)
  expect(await bundleWith(['one.ts'])).toHaveLength(1)
})

test('the notices name each bundled package with its licence text', async () => {
  const notices = readFileSync(join(await bundle(), 'THIRD-PARTY-NOTICES.txt'), 'utf8')

  expect(notices).toContain('old-package 1.2.3\nLicence: MIT\n\nPermission is hereby granted')
})

test('the same sources give the same bytes, wherever they lie', async () => {
  const [first, second] = [readTree(await bundle()), readTree(await bundle())]

  expect(second).toEqual(first)
})

function readTree(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()
  const files = names.filter((name) => statSync(join(folder, name)).isFile())
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}
