import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { putCommandInto } from '../support/command-line.ts'
import { readProjectFile } from '../support/project.ts'
import { runnableBlocks } from '../support/shell-blocks.ts'

test('only blocks marked to be run are run, each with the status it names', () => {
  const text =
    '# A\n\n```sh\nno\n```\n\n```sh run\nyes\n```\n\n```console\n$ no\n```\n\n```sh run exit=3\nfails\n```\n'

  expect(runnableBlocks(text)).toEqual([
    { line: 7, script: 'yes\n', exit: 0 },
    { line: 15, script: 'fails\n', exit: 3 },
  ])
})

describe('the commands of README.md', () => {
  const blocks = runnableBlocks(readProjectFile('README.md'))
  const folder = mkdtempSync(join(tmpdir(), 'countersign-readme-'))
  const bin = join(folder, '.bin')
  putCommandInto(bin)
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  test('are there', () => {
    expect(blocks).not.toEqual([])
  })

  // In order and in one folder: a later block may use what an earlier one made.
  test.for(blocks)('do as shown, line $line', ({ script, exit }) => {
    const path = [bin, process.env['PATH']].join(delimiter)
    const env = { ...process.env, PATH: path, NO_COLOR: '1' }
    const run = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: folder,
      env,
      encoding: 'utf8',
    })

    expect(run.status, run.stdout + run.stderr).toBe(exit)
  })
})

test('README.md shows the two commands that a newcomer starts with', () => {
  const readme = readProjectFile('README.md')

  expect(readme).toContain('npm ci && npm run quickstart')
  expect(readme).toContain('npm ci && npm test')
})

test('README.md stays within 350 lines', () => {
  expect(readProjectFile('README.md').split('\n').length).toBeLessThanOrEqual(351)
})
