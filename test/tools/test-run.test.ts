import { spawnSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { createTempFolder } from '../support/temp-folder.ts'

const PROJECT = resolve(import.meta.dirname, '../..')

/** Runs the project's test command on a tree of test files and returns what it printed. */
function runTests(files: Readonly<Record<string, string>>): { status: number | null; out: string } {
  const root = createTempFolder()
  symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'))
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(join(root, name), `import { afterAll, expect, test } from 'vitest'\n${body}`)
  }
  const args = ['tools/test/main.ts', '--root', root]
  const run = spawnSync(process.execPath, args, { cwd: PROJECT, encoding: 'utf8' })
  return { status: run.status, out: run.stdout }
}

test('a green run ends with the closing line and exit status 0', () => {
  const { status, out } = runTests({ 'a.test.ts': `test('a', () => { expect(1).toBe(1) })` })

  expect(status).toBe(0)
  expect(out).toMatch(/\n1 passed, 0 failed\n$/)
})

test('a skipped test is listed with its reason and counted', () => {
  const { status, out } = runTests({
    'a.test.ts': `
      test('stands', () => { expect(1).toBe(1) })
      test('waits', (context) => { context.skip('no token here') })
      test.skip('sleeps', () => {})`,
  })

  expect(status).toBe(0)
  expect(out).toContain('a.test.ts: waits (no token here)')
  expect(out).toContain('a.test.ts: sleeps (no reason given)')
  expect(out).toMatch(/\n1 passed, 0 failed, 2 skipped\n$/)
})

test('failed tests, files that do not load and hooks that throw all count as failed', () => {
  const { status, out } = runTests({
    'a.test.ts': `test('falls', () => { expect(1).toBe(2) })`,
    'b.test.ts': `throw new Error('does not load')`,
    'c.test.ts': `
      test('stands', () => { expect(1).toBe(1) })
      afterAll(() => { throw new Error('hook') })`,
  })

  expect(status).toBe(1)
  expect(out).toMatch(/\n1 passed, 3 failed\n$/)
})

test('a promise rejected outside every test counts as failed', () => {
  const { status, out } = runTests({
    'a.test.ts': `
      void Promise.reject(new Error('nobody waits'))
      test('stands', () => { expect(1).toBe(1) })`,
  })

  expect(status).toBe(1)
  expect(out).toMatch(/\n1 passed, 1 failed\n$/)
})

test('a run that finds no test at all fails', () => {
  const { status, out } = runTests({})

  expect(status).toBe(1)
  expect(out).toMatch(/\n0 passed, 1 failed\n$/)
})
