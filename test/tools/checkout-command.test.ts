import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from '../support/project.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Runs `npm --prefix PROJECT run -s countersign -- ARGS` in a folder. */
function runFrom(
  folder: string,
  args: readonly string[],
): { status: number | null; stdout: string; stderr: string } {
  const npm = ['--prefix', PROJECT, 'run', '-s', 'countersign', '--', ...args]
  return spawnSync('npm', npm, { cwd: folder, encoding: 'utf8' })
}

test('from another folder the checkout’s command reads and writes files of that folder', () => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'app.txt'), 'hello\n')

  const made = runFrom(folder, ['key', 'create', 'release.pem', '--no-passphrase'])
  const signed = runFrom(folder, ['sign', '--key', 'release.pem', '--bundle', 'b.json', 'app.txt'])

  expect(made.status, made.stderr).toBe(0)
  expect(signed.status, signed.stderr).toBe(0)
  expect(signed.stdout).toBe('app.txt\n')
  expect(readdirSync(folder).toSorted()).toEqual([
    'app.txt',
    'b.json',
    'release.pem',
    'release.pub',
  ])
})

test('from another folder the checkout’s command takes the configuration of that folder', () => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'countersign.yaml'), 'issuer: https://own.example.com\n')

  expect(runFrom(folder, ['config', 'show']).stdout).toContain('issuer = https://own.example.com')
})

test('from a folder of the checkout the command reads files of that folder too', () => {
  const { status, stdout } = runFrom(join(PROJECT, 'docs'), ['policy', 'check', 'policies'])

  expect(status, stdout).toBe(0)
})

test('started by a script of another package, the command works in the folder of that package', () => {
  const folder = createTempFolder()
  const scripts = { sign: `npm --prefix ${PROJECT} run -s countersign -- config show` }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts }))
  writeFileSync(join(folder, 'countersign.yaml'), 'issuer: https://own.example.com\n')
  mkdirSync(join(folder, 'below'))

  const run = spawnSync('npm', ['run', '-s', 'sign'], {
    cwd: join(folder, 'below'),
    encoding: 'utf8',
  })

  expect(run.stdout, run.stderr).toContain('issuer = https://own.example.com')
})
