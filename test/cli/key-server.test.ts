/** `countersign key` against a service that listens, over keys that are real. */
import type { AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createKeyring } from '../../src/rotation/store-keyring.ts'
import { countersign, documentOf } from '../support/cli.ts'
import { RotationScene } from '../support/rotation-scene.ts'
import { startService } from '../support/service.ts'

interface Administrated {
  readonly scene: RotationScene
  readonly run: (line: string) => ReturnType<typeof countersign>
}

/** A service with one key, an active version and a standby; and an administrator with a token. */
async function start(): Promise<Administrated> {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { store, providers } = scene
  const keyring = await createKeyring({
    store,
    openKey: (reference, options) => providers.openKey(reference, options),
    onError: () => undefined,
  })
  onTestFinished(() => keyring[Symbol.asyncDispose]())
  const parts = { store, keyring, now: () => scene.now, rotation: scene.context() }
  const { app } = await startService({ parts })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const server = ['--server', `http://127.0.0.1:${port}`]
  const env = { COUNTERSIGN_TOKEN: 'let-me-in' }
  return { scene, run: (line) => countersign([...line.split(' '), ...server], { env }) }
}

test('key list and key show print the versions of the keys of a service', async () => {
  const { scene, run } = await start()
  const [first, second] = await scene.versions()
  const text = `release  artifact ES256
  1  active (activatedAt ${scene.now.toISOString()})  kid ${first?.publicKey.kid ?? ''}
  2  pending  kid ${second?.publicKey.kid ?? ''}
`

  expect(await run('key list')).toEqual({ exitCode: 0, stdout: text, stderr: '' })
  expect(await run('key show release')).toEqual({ exitCode: 0, stdout: text, stderr: '' })
})

test('key create makes the next version of a key of the service, and publishes it', async () => {
  const { scene, run } = await start()

  const planned = await run('key create release --dry-run')
  const { exitCode, stdout } = await run('key create release')

  expect(planned.exitCode).toBe(0)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^3 {2}pending {2}kid /)
  expect(await scene.states()).toBe('active standby standby')
})

test('key rotate rotates, and says what changed', async () => {
  const { scene, run } = await start()
  scene.pass(3600)

  const result = await run('key rotate release --reason planned')

  expect(result.exitCode).toBe(0)
  expect(result.stdout).toMatch(/^1 {2}retired .*\n2 {2}active /)
  expect(await scene.states()).toBe('retired active')
})

test('key rotate --dry-run prints when each step can be, and changes nothing', async () => {
  const { scene, run } = await start()

  const { exitCode, stdout } = await run('key rotate release --dry-run')

  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    /^version 1: active -> retired\nversion 2: pending -> active\npublish from /,
  )
  expect(stdout).toContain('activate from ')
  expect(await scene.states()).toBe('active standby')
})

test('key revoke says what it reaches, asks for the name, then revokes', async () => {
  const { scene, run } = await start()

  const plan = await run('key revoke release --mode seamless --dry-run')
  const refused = await run('key revoke release --mode seamless')
  const stillThere = await scene.states()
  const done = await run(
    'key revoke release --mode seamless --compromised-since 2026-11-20 --confirm=release',
  )

  expect(plan.stdout).toMatch(/^version 1: active -> revoked\nversion 2: .*\nexposed until /)
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toContain('--confirm=release')
  expect(stillThere).toBe('active standby')
  expect(done.stdout).toContain('compromisedSince 2026-11-20T00:00:00.000Z')
  expect(done.stdout).toContain('backend: disable unsupported')
  expect(await scene.states()).toBe('revoked active')
})

test('key destroy destroys a version whose time is over', async () => {
  const { scene, run } = await start()
  await run('key revoke release --mode seamless --confirm release')
  scene.pass(60 * 86_400)

  const done = await run('key destroy release --key-version 1 --confirm release')
  const cancelled = await run('key destroy release --key-version 1 --cancel')

  expect(done.stdout).toContain('backend: destroy done')
  expect(cancelled.stdout).toContain('backend: cancel-destruction unsupported')
})

test('key activate, retire and import do what they say', async () => {
  const { scene, run } = await start()
  const provider = await scene.providers.provider({ scheme: 'file', path: '' })
  const path = join(scene.folder, 'keys', 'old.pem')
  await provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })

  const imported = await run(`key import release file:${path}`)
  const activated = await run('key activate release --force --reason test')
  const retired = await run('key retire release --force --reason test --confirm release')

  expect([imported, activated, retired].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0])
  expect(await scene.states()).toBe('retired retired pending')
})

test('what the service refuses ends with its code', async () => {
  const { run } = await start()

  const result = await run('key rotate release --json')

  expect(result.exitCode).toBe(6)
  expect(documentOf(result)).toMatchObject({
    ok: false,
    error: { code: 'ERR_TRANSITION_TOO_EARLY' },
  })
})

test('--json prints what the service answered', async () => {
  const { run } = await start()

  const result = await run('key show release --json')

  expect(documentOf(result)).toMatchObject({
    ok: true,
    key: { name: 'release', active: 1, standby: 2 },
  })
})

test('the token comes from a file where one is named, and nobody asks without one', async () => {
  const { scene, run } = await start()
  const file = join(scene.folder, 'token')
  writeFileSync(file, 'a wrong one\n')

  const wrong = await run(`key list --token-file ${file}`)
  const nobody = await countersign(['key', 'list', '--server', 'http://127.0.0.1:1'])

  expect(wrong.exitCode).toBe(8)
  expect(nobody.exitCode).toBe(8)
  expect(nobody.stderr).toContain('--token-file')
})

test.each(['http://sign.example.com', 'sign.example.com'])(
  'a token is not sent to %s',
  async (server) => {
    const { exitCode, stderr } = await countersign(['key', 'list', '--server', server], {
      env: { COUNTERSIGN_TOKEN: 'secret' },
    })

    expect(exitCode).toBe(2)
    expect(stderr).toContain('ERR_USAGE')
  },
)
