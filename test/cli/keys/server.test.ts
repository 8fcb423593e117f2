/** `countersign key` against a service that listens, over keys that are real. */
import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ApprovalSettings } from '../../../src/access/approvals.ts'
import { createKeyring } from '../../../src/rotation/store-keyring.ts'
import { createApprovals } from '../../../src/service/authorization/approval.ts'
import { countersign, documentOf } from '../../support/cli.ts'
import { RotationScene } from '../../support/rotation-scene.ts'
import { toUtcSeconds } from '../../../src/formats/time.ts'
import { startService } from '../../support/service.ts'

interface Administrated {
  readonly scene: RotationScene
  readonly run: (line: string, token?: string) => ReturnType<typeof countersign>
}

/** A service with one key, an active version and a standby; and an administrator with a token. */
async function start(approvals?: ApprovalSettings): Promise<Administrated> {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { store, providers } = scene
  const keyring = await createKeyring({
    store,
    openKey: (reference, options) => providers.openKey(reference, options),
    onError: () => undefined,
  })
  onTestFinished(() => keyring[Symbol.asyncDispose]())
  const now = (): Date => scene.now
  const publications = { page: () => undefined, settled: () => Promise.resolve() }
  const { clock } = scene
  const parts = { store, keyring, now, clock, publications, rotation: scene.context() }
  const protection = approvals && {
    approvals: createApprovals({ store, settings: approvals, now, clock, randomId: randomUUID }),
  }
  const { app } = await startService({ parts: { ...parts, ...protection } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const server = ['--server', `http://127.0.0.1:${port}`]
  const run: Administrated['run'] = (line, token = 'let-me-in') =>
    countersign([...line.split(' '), ...server], { env: { COUNTERSIGN_TOKEN: token } })
  return { scene, run }
}

test('key list and key show print the versions of the keys of a service', async () => {
  const { scene, run } = await start()
  const [first, second] = await scene.versions()
  const kids = [first, second].map((version) => version?.publicKey.kid.slice(0, 12) ?? '')
  const since = `since ${toUtcSeconds(scene.now)}`
  const text = `release  artifact ES256
  release@1  active   ${since}  kid ${kids[0] ?? ''}…
  release@2  pending  ${' '.repeat(since.length)}  kid ${kids[1] ?? ''}…
`

  expect(await run('key list')).toEqual({ exitCode: 0, stdout: text, stderr: '' })
  expect(await run('key show release')).toEqual({ exitCode: 0, stdout: text, stderr: '' })
})

test('key create makes the next version of a key of the service, and publishes it', async () => {
  const { scene, run } = await start()

  const planned = await run('key create release --dry-run')
  const { exitCode, stdout } = await run('key create release')

  expect(planned.exitCode).toBe(0)
  expect(planned.stdout).toMatch(/^PLANNED {2}release\n {2}release@3 {2}new -> pending\n/)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^CHANGED {2}release\n {2}release@3 {2}pending {4}kid \S+…\n$/)
  expect(await scene.states()).toBe('active standby standby')
})

test('key rotate rotates, and says what changed', async () => {
  const { scene, run } = await start()
  scene.pass(3600)

  const result = await run('key rotate release --reason planned')

  expect(result.exitCode).toBe(0)
  expect(result.stdout).toMatch(
    /^CHANGED {2}release\n {2}release@1 {2}retired .*\n {2}release@2 {2}active /,
  )
  expect(await scene.states()).toBe('retired active')
})

test('key rotate --dry-run prints when each step can be, and changes nothing', async () => {
  const { scene, run } = await start()

  const early = await run('key rotate release --dry-run')
  scene.pass(3600)
  const { exitCode, stdout } = await run('key rotate release --dry-run')

  expect(early.stdout).toMatch(
    /^REFUSED {2}release\n {2}error +can't activate release@2 before 2026-11-25T\S+\n {2}hint +.+ wait, .+\nNext rotation, at the earliest:\n {2}publish +2026/,
  )
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    /^PLANNED {2}release\n {2}release@1 {2}active -> retired\n {2}release@2 {2}pending -> active\nNext rotation, at the earliest:\n {2}publish +2026/,
  )
  expect(stdout).toMatch(/^ {2}activate +2026/m)
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

  expect(plan.stdout).toMatch(
    / {2}release@1 +active -> revoked\n {2}release@2 .*\n {2}exposed until +2026/,
  )
  expect(refused.exitCode).toBe(2)
  expect(refused.stderr).toContain('--confirm=release')
  expect(stillThere).toBe('active standby')
  expect(done.stdout).toContain('compromised since 2026-11-20T00:00:00Z')
  expect(done.stdout).toContain(
    'backend  disable unsupported: disable the private key there yourself',
  )
  expect(await scene.states()).toBe('revoked active')
})

test('key destroy destroys a version whose time is over', async () => {
  const { scene, run } = await start()
  await run('key revoke release --mode seamless --confirm release')
  scene.pass(60 * 86_400)

  const done = await run('key destroy release --key-version 1 --confirm release')
  const cancelled = await run('key destroy release --key-version 1 --cancel')

  expect(done.stdout).toContain('backend  destroy done')
  expect(cancelled.stdout).toContain('backend  cancel-destruction unsupported')
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
  expect(await scene.states()).toBe('retired retired standby')
})

test('a refusal of the service ends with its code', async () => {
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

test('the token comes from the named file, and no request is sent without one', async () => {
  const { scene, run } = await start()
  const file = join(scene.folder, 'token')
  writeFileSync(file, 'a wrong one\n')

  const wrong = await run(`key list --token-file ${file}`)
  const anonymous = await countersign(['key', 'list', '--server', 'http://127.0.0.1:1'])

  expect(wrong.exitCode).toBe(8)
  expect(anonymous.exitCode).toBe(8)
  expect(anonymous.stderr).toContain('--token-file')
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

/** Two have to agree to a revocation, within an hour. */
const TWO: ApprovalSettings = { required: 2, actions: ['revokeKey'], lifetimeSeconds: 3600 }
const REVOKE = 'key revoke release --mode seamless --reason stolen --confirm release'

/** The command by which others approve, as `key approvals` prints it. */
async function approvalOf({ run }: Administrated): Promise<string> {
  const { stdout } = await run('key approvals')
  return / approve +countersign (.*)$/m.exec(stdout)?.[1] ?? 'nothing waits'
}

test('key revoke waits for the approval of another operator, runs once, and is logged in full', async () => {
  const service = await start(TWO)
  const { run, scene } = service

  const asked = await run(REVOKE)
  const shown = await run('key approvals', 'workflow')
  const approved = await run(await approvalOf(service), 'workflow')
  const done = await run(REVOKE)
  const again = await run(REVOKE)

  expect([asked, approved, done, again].map(({ exitCode }) => exitCode)).toEqual([8, 0, 0, 6])
  expect(asked.stderr).toMatch(/needs 1 more of 2 approvals/)
  expect(asked.stderr).toContain('countersign key approve ')
  expect(shown.stdout).toContain('"mode":"seamless"')
  expect(shown.stdout).toContain('"reason":"stolen"')
  expect(await scene.states()).toBe('revoked active')
  const steps = (await scene.log()).flatMap((entry) =>
    entry.type === 'approval' ? [`${entry.step} by ${entry.caller?.subject ?? ''}`] : [],
  )
  const other = 'repo:acme/widget:ref:refs/heads/main'
  expect(steps).toEqual(['request by tester', `approve by ${other}`, 'use by tester'])
})

test('an operator cannot approve their own request, a changed one or an expired one', async () => {
  const service = await start(TWO)
  const { run, scene } = service
  await run(REVOKE)
  const approve = await approvalOf(service)

  const own = await run(approve)
  const other = await run(approve.replace(/[0-9a-f]{64}/, '0'.repeat(64)), 'workflow')
  scene.pass(3600)
  const late = await run(approve, 'workflow')

  expect([own, other, late].map(({ exitCode }) => exitCode)).toEqual([8, 8, 8])
  expect(own.stderr).toContain('you approved this request already')
  expect(other.stderr).toContain('another one than you approve')
  expect(late.stderr).toContain('no such request waits')
  expect((await run('key approvals')).stdout).toBe('no change waits for approval\n')
  expect(await scene.states()).toBe('active standby')
})

test('an approval does not cover another request', async () => {
  const service = await start(TWO)
  const { run, scene } = service
  await run(REVOKE)
  await run(await approvalOf(service), 'workflow')

  const changed = await run(REVOKE.replace('seamless', 'flush'))

  expect(changed.exitCode).toBe(8)
  expect(await scene.states()).toBe('active standby')
})
