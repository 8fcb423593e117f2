import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CLI } from '../support/command-line.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** Runs the command line in a process of its own and answers the modules it loaded, by their paths. */
function loadedModules(args: readonly string[]): readonly string[] {
  const coverage = createTempFolder()
  const run = spawnSync(process.execPath, [CLI, ...args], {
    env: { ...process.env, NODE_V8_COVERAGE: coverage },
    encoding: 'utf8',
  })
  expect(run.stderr).toBe('')
  expect(run.status).toBe(0)
  return readdirSync(coverage).flatMap((name) => {
    const text = readFileSync(join(coverage, name), 'utf8')
    const { result } = JSON.parse(text) as { result: readonly { readonly url: string }[] }
    return result.map(({ url }) => url).filter((url) => url.startsWith('file:'))
  })
}

test('verifying a file loads no code for signing, KMS, tokens, registries or certificates', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')
  await folder.run('sign @app.txt --key @release.pem')

  const loaded = loadedModules([
    'verify',
    folder.path('app.txt'),
    '--key',
    folder.path('release.pub'),
    '-q',
  ])

  const unwanted =
    /src\/signing\/sign-|providers\/(awskms|pkcs11)\/(?!(?:descriptor|uri)\.)|src\/oci\/|@aws-sdk|@sigstore|@noble|pkcs11js|\/yaml\/|typebox/
  expect(loaded).toContainEqual(expect.stringContaining(CLI))
  expect(loaded.filter((url) => unwanted.test(url))).toEqual([])
})

test('verifying a token loads no code for signing, KMS, registries or certificates', async () => {
  const folder = createSigningFolder()
  folder.key('sessions')
  const who = '--issuer https://sign.example.com --audience api'
  const { stdout } = await folder.run(`token issue --key @sessions.pem ${who}`, {
    now: new Date(),
  })
  const token = folder.write('token', stdout)

  const key = folder.path('sessions.pub')
  const args = ['token', 'verify', '--token-file', token, '--key', key, ...who.split(' '), '-q']
  const loaded = loadedModules(args)

  const unwanted =
    /src\/signing\/(?!signer\.)|providers\/(awskms|pkcs11)\/(?!(?:descriptor|uri)\.)|src\/oci\/|@aws-sdk|@sigstore|@noble|pkcs11js|\/yaml\/|typebox/
  expect(loaded).toContainEqual(expect.stringContaining(CLI))
  expect(loaded.filter((url) => unwanted.test(url))).toEqual([])
})
