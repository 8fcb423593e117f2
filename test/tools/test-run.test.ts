import { spawnSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { createTempFolder } from '../support/temp-folder.ts'

const PROJECT = resolve(import.meta.dirname, '../..')

/** Runs the project's test command on a tree of test files and returns what it printed. */
function runTests(
  files: Readonly<Record<string, string>>,
  more: readonly string[] = [],
): { status: number | null; out: string; err: string } {
  const root = createTempFolder()
  symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'))
  for (const [name, body] of Object.entries(files)) {
    writeFileSync(join(root, name), `import { afterAll, expect, test } from 'vitest'\n${body}`)
  }
  const args = ['tools/test/main.ts', '--root', root, ...more]
  const env = { ...process.env, FORCE_COLOR: '0', NO_COLOR: '1' }
  const run = spawnSync(process.execPath, args, { cwd: PROJECT, encoding: 'utf8', env })
  return { status: run.status, out: run.stdout, err: run.stderr }
}

test('a green run ends with the closing line and exit status 0', () => {
  const { status, out } = runTests({ 'a.test.ts': `test('a', () => { expect(1).toBe(1) })` })

  expect(status).toBe(0)
  expect(out).toMatch(/\n1 passed, 0 failed\n$/)
})

test('skipped tests are counted by their reason, the commonest first', () => {
  const { status, out } = runTests({
    'a.test.ts': `
      test('stands', () => { expect(1).toBe(1) })
      test('sleeps', (context) => { context.skip('no bed here') })
      test('waits', (context) => { context.skip('no token here') })
      test('waits on', (context) => { context.skip('no token here') })`,
    'b.test.ts': `
      test('waits too', (context) => { context.skip('no token here') })
      test.skip('rests', () => {})`,
  })

  expect(status).toBe(0)
  expect(out.slice(out.indexOf('\nskipped:'))).toBe(
    [
      '\nskipped:',
      '  3  no token here (a.test.ts and 1 more)',
      '  1  no bed here (a.test.ts)',
      '  1  no reason given (b.test.ts)',
      '',
      '1 passed, 0 failed, 5 skipped\n',
    ].join('\n'),
  )
})

test('what passed and what was skipped takes no lines of its own; what failed is shown', () => {
  const { out, err } = runTests({
    'passes.test.ts': `test('stands', () => { expect(1).toBe(1) })`,
    'skips.test.ts': `test('waits', (context) => { context.skip('no token here') })`,
    'fails.test.ts': `
      test('holds', () => { expect(1).toBe(1) })
      test('rests', (context) => { context.skip('no token here') })
      test('falls', () => { expect(1).toBe(2) })`,
  })
  const [run = '', skipped = ''] = out.split('\nskipped:')

  expect(run).not.toMatch(/passes\.test|skips\.test|holds|rests|waits/)
  expect(err).toMatch(/fails\.test\.ts > falls\n.*expected 1 to be 2/)
  expect(skipped).toContain('  2  no token here (')
})

test('a run with a reporter of the caller has that one alone', () => {
  const { out } = runTests({ 'a.test.ts': `test('a', () => { expect(1).toBe(1) })` }, [
    '--reporter',
    'verbose',
  ])

  expect(out).toContain('✓ a.test.ts > a')
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
      void Promise.reject(new Error('not awaited'))
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
