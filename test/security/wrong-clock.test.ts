/** A thief who finds a replica, or makes one, whose clock is wrong: nothing of it may say when something was. */
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LogEntry } from '../../src/log/entry.ts'
import { HistoryCheck } from '../../src/log/history-check.ts'
import { openStore } from '../../src/store/open-store.ts'
import { readAudit } from '../support/audit-log.ts'
import { createPostgres, type PostgresServer } from '../support/postgres.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { ServiceClient, type Verdict } from '../support/service-client.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const HOUR_MS = 3_600_000
const REFUSED: Verdict = { status: 503, code: 'ERR_CLOCK' }
const RELEASED: Verdict = { status: 200, code: undefined }

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await createPostgres()
})

afterAll(() => postgres.stop())

/** A machine whose clocks the test sets. */
class Machine {
  /** How far its wall clock is from the truth. */
  offByMs = 0
  readonly now = (): Date => new Date(Date.now() + this.offByMs)
  readonly monotonicMs = (): number => performance.now()
}

function createFolder(store?: string): ServiceFolder {
  const keys = { release: { use: 'artifact' }, sessions: { use: 'token' } } as const
  return writeServiceFolder({
    folder: createTempFolder(),
    ...(store !== undefined && { store }),
    keys,
  })
}

function clientOf({ address }: TestServer, { authorization }: ServiceFolder): ServiceClient {
  return new ServiceClient({ address, authorization })
}

/** All that is released says when it was: each way to have it, in order. */
async function tryAll(client: ServiceClient): Promise<readonly Verdict[]> {
  return [await client.stamp(), await client.sign(), await client.issueToken()]
}

async function logSize(store: string): Promise<number> {
  await using opened = await openStore(store)
  return (await opened.log.head()).size
}

async function readLog(
  { address: url }: TestServer,
  { authorization }: ServiceFolder,
): Promise<readonly LogEntry[]> {
  return (await readAudit({ url, authorization })).map(({ entry }) => entry)
}

/** Types of the entries, those of the keys' states aside. */
async function typesIn(server: TestServer, folder: ServiceFolder): Promise<readonly string[]> {
  return (await readLog(server, folder)).map(({ type }) => type).filter((type) => type !== 'state')
}

test.each([-HOUR_MS, HOUR_MS])(
  'a replica whose clock is off by %i ms releases nothing',
  async (offByMs) => {
    const store = await postgres.createDatabase()
    const folder = createFolder(store)
    await runServer(folder, { migrate: true })
    const machine = new Machine()
    machine.offByMs = offByMs
    const replica = clientOf(await runServer(folder, { clock: machine }), folder)
    const before = await logSize(store)

    expect(await tryAll(replica)).toEqual([REFUSED, REFUSED, REFUSED])
    expect(await logSize(store)).toBe(before)
    expect(await replica.failedChecks()).toEqual(['clock ERR_CLOCK'])
  },
)

test('a clock changed while the service runs stops all releases until it is right again', async () => {
  const folder = createFolder()
  const machine = new Machine()
  const server = await runServer(folder, { clock: machine })
  const client = clientOf(server, folder)

  for (const offByMs of [HOUR_MS, -HOUR_MS]) {
    machine.offByMs = offByMs
    expect(await tryAll(client)).toEqual([REFUSED, REFUSED, REFUSED])
    expect(await client.failedChecks()).toEqual(['clock ERR_CLOCK'])
  }
  machine.offByMs = 0

  expect(await tryAll(client)).toEqual([RELEASED, RELEASED, RELEASED])
  expect(await typesIn(server, folder)).toEqual(['timestamp', 'signature', 'token'])
})

test('a replica whose clock is changed while it runs stops, and the others continue', async () => {
  const folder = createFolder(await postgres.createDatabase())
  const other = clientOf(await runServer(folder, { migrate: true }), folder)
  const machine = new Machine()
  const replica = clientOf(await runServer(folder, { clock: machine }), folder)

  machine.offByMs = -HOUR_MS

  expect(await tryAll(replica)).toEqual([REFUSED, REFUSED, REFUSED])
  expect(await tryAll(other)).toEqual([RELEASED, RELEASED, RELEASED])
})

test('a clock that is behind the log after a restart releases nothing', async () => {
  const folder = createFolder()
  const first = await runServer(folder)
  await first[Symbol.asyncDispose]()
  const machine = new Machine()
  machine.offByMs = -HOUR_MS

  const client = clientOf(await runServer(folder, { clock: machine }), folder)

  expect(await tryAll(client)).toEqual([REFUSED, REFUSED, REFUSED])
  expect(await client.failedChecks()).toContain('clock ERR_CLOCK')
})

/** A service whose log has an entry of an hour from now, since its clock was wrong for a while. */
async function folderWithFutureEntry(): Promise<ServiceFolder> {
  const folder = createFolder()
  const right = await runServer(folder)
  await right[Symbol.asyncDispose]()
  const ahead = new Machine()
  ahead.offByMs = HOUR_MS
  const wrong = await runServer(folder, { clock: ahead })
  expect(await clientOf(wrong, folder).stamp()).toEqual(RELEASED)
  await wrong[Symbol.asyncDispose]()
  return folder
}

/** @throws CountersignError ERR_LOG_PROOF_INVALID - the order of the entries makes no sense */
function assertOrder(entries: readonly LogEntry[]): void {
  const history = new HistoryCheck()
  for (const [index, entry] of entries.entries()) history.add(index, entry)
}

test('an entry from the future stops the service until an operator explains it in the log', async () => {
  const folder = await folderWithFutureEntry()
  const stopped = await runServer(folder)
  expect(await clientOf(stopped, folder).stamp()).toEqual(REFUSED)
  await stopped[Symbol.asyncDispose]()

  const resetClock = 'the time server was wrong'
  const first = await runServer(folder, { resetClock })
  await first[Symbol.asyncDispose]()
  const again = await runServer(folder, { resetClock })

  expect(await clientOf(again, folder).stamp()).toEqual(RELEASED)
  expect(await typesIn(again, folder)).toEqual(['timestamp', 'clock', 'timestamp'])
  const entries = await readLog(again, folder)
  expect(entries.find(({ type }) => type === 'clock')).toMatchObject({ reason: resetClock })
  assertOrder(entries)
})

const YEAR_MS = 365 * 24 * HOUR_MS

/** A service that began, and signed, by a clock a year ahead. */
async function begunInTheFuture(
  life: (client: ServiceClient) => Promise<void> = () => Promise.resolve(),
): Promise<ServiceFolder> {
  const folder = createFolder()
  const ahead = new Machine()
  ahead.offByMs = YEAR_MS
  const wrong = await runServer(folder, { clock: ahead })
  const client = clientOf(wrong, folder)
  expect(await tryAll(client)).toEqual([RELEASED, RELEASED, RELEASED])
  await life(client)
  await wrong[Symbol.asyncDispose]()
  return folder
}

test('a clock that was a year ahead and is right again does not block keys for a year', async () => {
  const folder = await begunInTheFuture()
  const stopped = await runServer(folder)
  expect(await tryAll(clientOf(stopped, folder))).toEqual([REFUSED, REFUSED, REFUSED])
  expect(await clientOf(stopped, folder).failedChecks()).toContain('clock ERR_CLOCK')
  await stopped[Symbol.asyncDispose]()

  const server = await runServer(folder, { resetClock: 'the hardware clock was a year ahead' })

  const client = clientOf(server, folder)
  expect(await tryAll(client)).toEqual([RELEASED, RELEASED, RELEASED])
  expect(await client.failedChecks()).toEqual([])
  const active = server.versions.filter(({ state }) => state === 'active')
  expect(active).toHaveLength(6)
  for (const { activatedAt, certificates } of active) {
    expect(activatedAt?.getTime()).toBeLessThanOrEqual(Date.now())
    if (certificates === undefined) continue
    const { validFromDate } = new X509Certificate(certificates)
    expect(validFromDate.getTime()).toBeLessThanOrEqual(Date.now())
  }
  assertOrder(await readLog(server, folder))
  await expect.poll(() => standbysAhead(folder), { timeout: 30_000 }).toEqual([])
})

/** Keys whose standby was published in the future, or that have none. */
function standbysAhead(folder: ServiceFolder): readonly string[] {
  const store = new DatabaseSync(join(folder.folder, 'service.db'), { readOnly: true })
  try {
    const ready = store
      .prepare("select key from key_versions where state = 'pending' and published_at <= ?")
      .all(Date.now())
      .map(({ key }) => key)
    return store
      .prepare('select name from keys')
      .all()
      .map(({ name }) => String(name))
      .filter((name) => !ready.includes(name))
  } finally {
    store.close()
  }
}

test('a version revoked by a clock a year ahead is compromised from now, not from then', async () => {
  const folder = await begunInTheFuture(async (client) => {
    expect(await client.revoke('release')).toEqual(RELEASED)
  })

  const { versions } = await runServer(folder, { resetClock: 'the clock was ahead' })

  const [revoked, ...others] = versions.filter(({ state }) => state === 'revoked')
  expect(revoked?.compromisedSince?.getTime()).toBeLessThanOrEqual(Date.now())
  expect(others).toEqual([])
})

test('a revocation succeeds on a replica with a wrong clock, at the time of the store', async () => {
  const folder = createFolder(await postgres.createDatabase())
  await runServer(folder, { migrate: true })
  const machine = new Machine()
  machine.offByMs = HOUR_MS
  const server = await runServer(folder, { clock: machine })
  const start = Date.now()

  expect(await clientOf(server, folder).revoke('release')).toEqual(RELEASED)

  const revoked = (await readLog(server, folder)).find(
    (entry) => entry.type === 'state' && entry.action === 'revoke',
  )
  const since = revoked?.type === 'state' ? revoked.compromisedSince?.getTime() : undefined
  expect(since).toBeGreaterThanOrEqual(start - 5000)
  expect(since).toBeLessThan(start + HOUR_MS / 2)
})

test('a revocation succeeds while an entry from the future stops all else', async () => {
  const folder = await folderWithFutureEntry()
  const server = await runServer(folder)
  const client = clientOf(server, folder)

  expect(await client.revoke('release')).toEqual(RELEASED)
  expect(await client.sign()).toEqual(REFUSED)
  assertOrder(await readLog(server, folder))
})
