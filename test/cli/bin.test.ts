import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { CLI } from '../support/command-line.ts'

/** Runs a command on a Node that says it is another. */
function runOn(version: string, ...args: readonly string[]): ReturnType<typeof spawnSync> {
  const pretend = `Object.defineProperty(process, 'version', { value: '${version}' })`
  const preload = `--import=data:text/javascript,${encodeURIComponent(pretend)}`
  return spawnSync(process.execPath, [preload, CLI, ...args], { encoding: 'utf8' })
}

test.each([
  ['v20.20.2', ['verify', '--json', 'app.txt']],
  ['v24.14.1', ['serve']],
  ['v25.9.0', ['--help']],
])('%s gets one line and exit status 2', (version, args) => {
  const { status, stdout, stderr } = runOn(version, ...args)

  expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  expect(stderr).toBe(
    `error: countersign needs Node.js ^24.15.0 || >=26, found ${version} at ${process.execPath}\n`,
  )
})

test('a Node of the range runs the command', () => {
  expect(runOn('v26.0.0', '--version')).toMatchObject({ status: 0, stderr: '' })
})
