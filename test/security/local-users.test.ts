/** Another user of the machine: lists the arguments of processes, reads and locks what it may open. */
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LayoutFiles } from '../../src/oci/layout-files.ts'
import { openStore } from '../../src/store/open-store.ts'
import { countersign } from '../support/cli.ts'
import { createLayout } from '../support/image-layout.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const REFERENCE = 'pkcs11:token=release;object=release?pin-value=735289'

function modeOf(path: string): number {
  return statSync(path).mode & 0o777
}

test.each([
  ['sign', 'app', '--key', REFERENCE],
  ['attest', 'app', '--type', 'custom', '--predicate', '-', '--key', REFERENCE],
  ['verify', 'app', '--key', REFERENCE],
  ['verify', 'app', '--trust', 'keys.json', '--trust-key', REFERENCE],
  ['token', 'issue', '--key', REFERENCE, '--audience', 'a', '--issuer', 'https://i.example'],
  ['token', 'verify', '-', '--key', REFERENCE, '--audience', 'a', '--issuer', 'https://i.example'],
  ['key', 'create', REFERENCE],
  ['key', 'show', REFERENCE],
  ['key', 'export', REFERENCE],
  ['key', 'import', 'release', REFERENCE, '--server', 'https://sign.example.com'],
  ['doctor', REFERENCE],
])('a PIN on the command line is refused, and not repeated: %s', async (...args) => {
  const env = { COUNTERSIGN_TOKEN: 'caller' }

  const { exitCode, stdout, stderr } = await countersign(args, { env, stdin: '{}' })

  const said = stdout + stderr
  expect(exitCode).toBe(2)
  expect(said).toContain('ERR_KEY_URI_INVALID')
  expect(said).toContain('pin-source=file:/path')
  expect(said).not.toContain('735289')
})

test('the lock of a layout is private to its owner', async () => {
  const layout = createLayout()
  let mode = 0

  await new LayoutFiles(layout, createTestRuntime()).updateIndex(() => {
    mode = modeOf(join(layout, 'index.json.lock'))
    return undefined
  })

  expect(mode).toBe(0o600)
})

test('the lock of a database is private to its owner, also one of an earlier release', async () => {
  const file = join(createTempFolder(), 'service.db')
  writeFileSync(`${file}-lock`, '')
  chmodSync(`${file}-lock`, 0o644)

  await using first = await openStore(`sqlite:${file}`)
  await using second = await openStore(`sqlite:${file}2`)

  expect([first, second]).toHaveLength(2)
  expect([modeOf(`${file}-lock`), modeOf(`${file}2-lock`)]).toEqual([0o600, 0o600])
})
