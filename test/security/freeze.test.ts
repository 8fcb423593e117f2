/** A thief of the network, of a cache or of a home who keeps a verifier from hearing of a revocation. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { isJsonObject, type JsonObject, parseJson } from '../../src/formats/json.ts'
import { createStepLog } from '../../action/runner.ts'
import { readStepTrust } from '../../action/trust.ts'
import { codeOfAsync } from '../support/errors.ts'
import { SOON } from '../support/soon.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { fingerprintOf } from '../../src/client/trust-pin.ts'
import type { KeyHistory } from '../../src/keys/key-history.ts'
import { type CliResult, countersign } from '../support/cli.ts'
import { createPostgres } from '../support/postgres.ts'
import {
  type PublicationServer,
  signHistory,
  startPublications,
  timesFrom,
} from '../support/publications.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { type SigningService, startSigningService } from '../support/signing-service.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const HISTORY = '/trust/keys.json'
const HOUR_MS = 3_600_000

/** A service, a server between it and a user who has pinned its trust key, and what the key signed. */
interface Scene extends SigningService {
  readonly between: PublicationServer
  /** Lets what the service publishes now through, and keeps it. */
  readonly pass: () => Promise<void>
  readonly verify: (options?: string, now?: Date) => Promise<CliResult>
  readonly user: (line: string, now?: Date) => Promise<CliResult>
}

async function startScene(): Promise<Scene> {
  const [service, between] = [await startSigningService(), await startPublications()]
  const { env, folder, run, url } = service
  const user: Scene['user'] = (line, now = new Date()) => folder.run(line, { env, now })
  const pass = async (): Promise<void> => {
    between.pages.set(HISTORY, await (await fetch(`${url}${HISTORY}`)).text())
  }
  folder.write('app', 'a program')
  expect(await run('sign @app --key release')).toMatchObject({ exitCode: 0 })
  await pass()
  const pin = `trust init ${between.url.href} --fingerprint ${await service.fingerprint()}`
  expect(await user(pin)).toMatchObject({ exitCode: 0 })
  const verify: Scene['verify'] = (options = '', now) => user(`verify @app ${options}`.trim(), now)
  return { ...service, between, pass, verify, user }
}

const later = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS)

/** Revokes the version that signed, from the beginning on. */
async function revoke({ run, url }: Scene): Promise<void> {
  const before = await (await fetch(`${url}${HISTORY}`)).text()
  const why = '--compromised-since 2020-01-01T00:00:00Z --force --reason stolen'
  const revoked = await run(`key revoke release --mode seamless --confirm release ${why}`)
  expect(revoked).toMatchObject({ exitCode: 0 })
  await vi.waitUntil(async () => (await (await fetch(`${url}${HISTORY}`)).text()) !== before, SOON)
}

/** Changes the copies of publications in a user's home. */
function changeCopies(home: string, change: (copy: JsonObject) => object): void {
  const names = readdirSync(home).filter((name) => name.startsWith('published-'))
  expect(names).toHaveLength(1)
  for (const name of names) {
    const path = join(home, name)
    const copy = parseJson(readFileSync(path))
    if (!isJsonObject(copy)) throw new Error('not a copy')
    writeFileSync(path, JSON.stringify(change(copy)))
  }
}

/** Another publication in a copy, with what leads to it. */
function replaced(body: Uint8Array, context: object): (copy: JsonObject) => object {
  return (copy) => ({
    ...copy,
    context: { ...(isJsonObject(copy['context']) && copy['context']), ...context },
    body: Buffer.from(body).toString('base64'),
  })
}

test("yesterday's copy undoes a revocation for a day at most", async () => {
  const scene = await startScene()
  await revoke(scene)

  expect(await scene.verify('', later(1))).toMatchObject({ exitCode: 0 })
  const refused = await scene.verify('', later(25))
  expect(refused).toMatchObject({ exitCode: 6, stdout: '' })
  expect(refused.stderr).toContain('ERR_TRUST_EXPIRED')
  await scene.pass()
  expect((await scene.verify('', later(2))).stderr).toContain('ERR_KEY_REVOKED')
})

test('a changed copy in the home of a user is refused, even if it is signed', async () => {
  const scene = await startScene()
  const thief = testSigner('ES256', 'thief')
  const use = { use: 'artifact', origin: 'generated' } as const
  const mine = { key: thief.key, name: 'release', version: 1, state: 'active', ...use } as const
  const window = { start: new Date(0), end: undefined }
  const history = {
    sequence: 99,
    versions: [{ ...mine, validFor: window, compromisedSince: undefined }],
    trustKeys: [thief.key],
  }
  const { kid, algorithm, spki } = thief.key
  const signers = [{ kid, algorithm: algorithm.name, spki: Buffer.from(spki).toString('base64') }]
  const home = scene.env['COUNTERSIGN_HOME'] ?? ''
  changeCopies(home, replaced(await signHistory(history, thief), { signers }))

  expect((await scene.user('trust show')).stdout).not.toContain('sequence 99')
  const refused = await scene.verify('--offline')
  expect(refused.exitCode).toBe(3)
  expect(refused.stderr).toContain('ERR_SIGNATURE_INVALID')
})

const NOW = new Date('2026-11-22T10:00:00Z')
const TRUST = testSigner('ES256', 'trust 1')
const at = (hours: number): Date => new Date(NOW.getTime() + hours * HOUR_MS)

/** A user who pinned a service; what it publishes is the test's choice, signed by its real trust key. */
async function pinned(): Promise<{
  readonly server: PublicationServer
  readonly home: string
  readonly publish: (change: Partial<KeyHistory>, issuedAt?: Date) => Promise<void>
  readonly run: (line: string, now?: Date) => Promise<CliResult>
}> {
  const server = await startPublications()
  const home = join(createTempFolder(), 'home')
  const env = { COUNTERSIGN_HOME: home }
  const publish = async (change: Partial<KeyHistory>, issuedAt = NOW): Promise<void> => {
    const history = { sequence: 5, versions: [], trustKeys: [TRUST.key], ...change }
    const signed = await signHistory({ ...history, times: timesFrom(issuedAt) }, TRUST)
    server.pages.set(HISTORY, signed)
  }
  const run = (line: string, now = NOW): Promise<CliResult> =>
    countersign(line.split(' '), { env, now })
  await publish({})
  const pin = `trust init ${server.url.href} --fingerprint ${fingerprintOf(TRUST.key)}`
  expect(await run(pin)).toMatchObject({ exitCode: 0 })
  return { server, home, publish, run }
}

test('a copy issued earlier is refused, though its number is the same', async () => {
  const { publish, run } = await pinned()
  await publish({}, at(12))
  expect(await run('trust update', at(12))).toMatchObject({ exitCode: 0 })

  await publish({}, at(1))
  const refused = await run('trust update', at(13))

  expect(refused.exitCode).toBe(3)
  expect(refused.stderr).toContain('ERR_TRUST_ROLLED_BACK')
})

test('one number has one content: a second one is refused, however new', async () => {
  const { publish, run } = await pinned()
  const use = { use: 'artifact', origin: 'generated' } as const
  const { key } = testSigner('ES256', 'other')
  const version = { key, name: 'release', version: 1, ...use } as const
  const validFor = { start: NOW, end: undefined }
  const versions = [{ ...version, state: 'active', validFor, compromisedSince: undefined } as const]

  await publish({ versions }, at(1))
  const refused = await run('trust update', at(1))

  expect(refused.exitCode).toBe(3)
  expect(refused.stderr).toContain('ERR_TRUST_CONFLICT')
  await publish({ versions, sequence: 6 }, at(1))
  expect(await run('trust update', at(1))).toMatchObject({ exitCode: 0 })
})

test('a history from the far future is refused, and does not block the next one', async () => {
  const { publish, run } = await pinned()
  await publish({ sequence: 6 }, at(24 * 365 * 10))

  const refused = await run('trust update', at(1))
  await publish({ sequence: 6 }, at(1))

  expect(refused.exitCode).toBe(6)
  expect(refused.stderr).toContain('ERR_TRUST_EXPIRED')
  expect(refused.stderr).toContain('set the clock of this machine')
  expect(await run('trust update', at(1))).toMatchObject({ exitCode: 0 })
})

test.each(['', '--offline'])(
  'a clock that is set back does not make an old copy fresh again (%s)',
  async (option) => {
    const { publish, run } = await pinned()
    await publish({ sequence: 6 }, at(48))
    expect(await run('trust update', at(48))).toMatchObject({ exitCode: 0 })

    await publish({}, NOW)
    const file = join(createTempFolder(), 'app')
    writeFileSync(file, 'a program')
    writeFileSync(`${file}.sigstore.json`, '{}')
    const refused = await run(`verify ${file} ${option}`.trim(), at(1))

    expect(refused.exitCode).toBe(6)
    expect(refused.stderr).toContain('ERR_TRUST_EXPIRED')
  },
)

test('a "not modified" answer does not extend an expired copy', async () => {
  const { server, run } = await pinned()
  server.failure = 304

  const refused = await run('trust export --format jwks', at(25))

  expect(refused.exitCode).toBe(6)
  expect(refused.stderr).toContain('ERR_TRUST_EXPIRED')
})

test('a link of the copy that another key signed is refused', async () => {
  const { home, publish, run, server } = await pinned()
  const thief = testSigner('ES256', 'thief')
  await publish({ sequence: 6, trustKeys: [TRUST.key, testSigner('ES256', 'trust 2').key] }, at(1))
  expect(await run('trust update', at(1))).toMatchObject({ exitCode: 0 })
  await publish({ sequence: 7, trustKeys: [TRUST.key, testSigner('ES256', 'trust 2').key] }, at(2))
  expect(await run('trust update', at(2))).toMatchObject({ exitCode: 0 })
  const shown = await run('trust show', at(2))
  expect(shown.stdout).toContain('sequence 7')
  server.failure = 503

  const times = timesFrom(at(1))
  const link = await signHistory(
    { sequence: 6, versions: [], trustKeys: [thief.key], times },
    thief,
  )
  const mine = await signHistory({ sequence: 8, versions: [], times }, thief)
  changeCopies(home, replaced(mine, { links: [Buffer.from(link).toString('base64')] }))

  expect((await run('trust show', at(2))).stderr).toContain('ERR_SIGNATURE_INVALID')
})

const fetchHistory = async ({ address }: TestServer): Promise<string> =>
  (await fetch(`${address}${HISTORY}`)).text()

test('two replicas serve the same document, also after a change and a restart', async () => {
  const postgres = await createPostgres()
  onTestFinished(() => postgres.stop())
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    store: await postgres.createDatabase(),
    keys: { release: { use: 'artifact' } },
  })
  const one = await runServer(folder, { migrate: true })
  const other = await runServer(folder)
  const first = await fetchHistory(one)
  await vi.waitUntil(async () => (await fetchHistory(other)) === first, SOON)

  const rotated = await fetch(`${other.address}/v1/keys/release/rotate`, {
    method: 'POST',
    headers: { authorization: folder.authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ force: true, reason: 'drill' }),
  })
  expect(rotated.status).toBe(200)
  await vi.waitUntil(async () => (await fetchHistory(other)) !== first, SOON)
  await vi.waitUntil(async () => (await fetchHistory(one)) === (await fetchHistory(other)), SOON)

  await other[Symbol.asyncDispose]()
  const third = await runServer(folder)
  await vi.waitUntil(async () => (await fetchHistory(one)) === (await fetchHistory(third)), SOON)
})

test.each([
  ['etag', 'a\r\nx: y'],
  ['freshSeconds', 1e12],
  ['fetchedAt', '2099-01-01T00:00:00.000Z'],
])('a copy whose %s was changed is not used past its expiry', async (member, value) => {
  const { home, publish, run } = await pinned()
  changeCopies(home, (copy) => ({ ...copy, [member]: value }))
  await publish({ sequence: 6 }, at(25))

  expect(await run('trust export --format trusted-root', at(25))).not.toMatchObject({ exitCode: 1 })
  expect((await run('trust show', at(25))).stdout).toContain('sequence 6')
})

test('a pin needs a current publication, and discards earlier state', async () => {
  const { publish, run, server } = await pinned()
  const pin = `trust init ${server.url.href} --fingerprint ${fingerprintOf(TRUST.key)}`
  const home = { COUNTERSIGN_HOME: createTempFolder() }
  const unpinned = await countersign(pin.split(' '), { env: home, now: at(24) })
  await publish({ sequence: 3 }, at(24))
  const rolledBack = await run('trust update', at(24))

  expect(unpinned.stderr).toContain('ERR_TRUST_EXPIRED')
  expect(readdirSync(home.COUNTERSIGN_HOME)).toEqual([])
  expect(rolledBack.stderr).toContain('ERR_TRUST_ROLLED_BACK')
  expect(await run(pin, at(24))).toMatchObject({ exitCode: 0 })
  expect((await run('trust show', at(24))).stdout).toContain('sequence 3')
})

/** Reads what a step of the Action trusts at an address, or in a file of its checkout. */
async function actionTrust(trust: string, now: Date, file?: Uint8Array): Promise<string> {
  const folder = createTempFolder()
  if (file !== undefined) writeFileSync(join(folder, trust), file)
  const { signal } = new AbortController()
  return codeOfAsync(() =>
    readStepTrust(
      { trust, fingerprint: fingerprintOf(TRUST.key) },
      {
        env: { GITHUB_WORKSPACE: folder },
        runtime: createTestRuntime(),
        now: () => now,
        log: createStepLog(() => undefined),
        signal,
        halt: signal,
      },
    ),
  )
}

test('the Action accepts a published history for a day, and a saved one for thirty', async () => {
  const { publish, server } = await pinned()
  await publish({})
  const saved = Buffer.from(server.pages.get(HISTORY) ?? '')
  const day = 24

  expect(await actionTrust(server.url.href, at(day - 1))).toBe('accepted')
  expect(await actionTrust(server.url.href, at(day))).toBe('ERR_TRUST_EXPIRED')
  expect(await actionTrust('keys.json', at(29 * day), saved)).toBe('accepted')
  expect(await actionTrust('keys.json', at(30 * day), saved)).toBe('ERR_TRUST_EXPIRED')
})
