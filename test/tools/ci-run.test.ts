import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/project.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const GREEN = 'echo; echo "10 passed, 0 failed"'

/** Runs .ci/run in a tree where `npm` is a script that answers each of its commands as given. */
function runCi(answers: Readonly<Record<string, string>>): { status: number | null; last: string } {
  const root = createTempFolder()
  cpSync(join(PROJECT, '.ci/run'), join(root, '.ci/run'))
  mkdirSync(join(root, 'bin'))
  const all = { ci: 'true', test: GREEN, 'run check': GREEN, ...answers }
  const cases = Object.entries(all).map(([command, answer]) => `'${command}') ${answer} ;;`)
  const npm = `#!/bin/bash\ncase "$*" in\n${cases.join('\n')}\nesac\n`
  writeFileSync(join(root, 'bin/npm'), npm, { mode: 0o755 })
  if ('run test:interop' in answers) {
    mkdirSync(join(root, 'tools/interop'), { recursive: true })
    writeFileSync(join(root, 'tools/interop/main.ts'), '')
  }
  const env = { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH'] ?? ''}` }
  const run = spawnSync(join(root, '.ci/run'), { env, encoding: 'utf8' })
  return { status: run.status, last: run.stdout.trimEnd().split('\n').at(-1) ?? '' }
}

test('the closing lines of all gates are added up', () => {
  const skipping = 'echo "3 passed, 0 failed, 2 skipped"'

  const { status, last } = runCi({ 'run test:interop': skipping })

  expect({ status, last }).toEqual({ status: 0, last: '23 passed, 0 failed, 2 skipped' })
})

test('a gate with failures fails the run, and the gates after it still run', () => {
  const { status, last } = runCi({ test: 'echo "8 passed, 2 failed"; exit 1' })

  expect({ status, last }).toEqual({ status: 1, last: '18 passed, 2 failed' })
})

test('a gate that fails without saying how counts as one failure', () => {
  const { status, last } = runCi({ test: `${GREEN}; exit 1` })

  expect({ status, last }).toEqual({ status: 1, last: '20 passed, 1 failed' })
})

test('a gate without a closing line counts as one failure', () => {
  const { status, last } = runCi({ 'run check': 'echo nothing to say' })

  expect({ status, last }).toEqual({ status: 1, last: '10 passed, 1 failed' })
})

test('nothing runs after an install that failed', () => {
  const { status, last } = runCi({ ci: 'false' })

  expect({ status, last }).toEqual({ status: 1, last: '0 passed, 1 failed' })
})
