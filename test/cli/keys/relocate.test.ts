/** A version moves to where a copy of its key pair is, by the command line of an administrator. */
import { copyFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { startSigningService } from '../../support/signing-service.ts'

test('a version moves to a copy of its key pair, and signs on when the original is lost', async () => {
  const { env, fingerprint, folder, run, url } = await startSigningService()
  const keys = join(dirname(env['COUNTERSIGN_HOME'] ?? ''), 'keys')
  copyFileSync(join(keys, 'release-1.pem'), join(keys, 'copy.pem'))
  const move = `key relocate release file:${join(keys, 'copy.pem')} --key-version 1`

  const planned = await run(`${move} --dry-run`)
  expect(planned.stdout + planned.stderr).toMatch(/PLANNED[^]*release@1\s+active -> active/)
  const moved = await run(`${move} --reason lost --json`)

  expect(JSON.parse(moved.stdout)).toMatchObject({
    ok: true,
    changed: [{ version: 1, state: 'active', uri: `file:${join(keys, 'copy.pem')}` }],
  })
  rmSync(join(keys, 'release-1.pem'))
  folder.write('app.txt', 'an app')
  const signed = await run('sign @app.txt --key release')
  expect(signed.stderr).not.toMatch(/ERR_/)
  expect(signed.exitCode).toBe(0)
  const again = await run(`${move} --json`)
  expect(again.exitCode).toBe(6)
  expect(again.stdout).toContain('ERR_TRANSITION_REFUSED')
  const now = new Date()
  await folder.run(`trust init ${url} --fingerprint ${await fingerprint()}`, { env, now })
  const log = await folder.run(`log verify --server ${url}`, { env, now })
  expect(log.exitCode).toBe(0)
})
