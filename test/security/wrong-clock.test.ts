/** A thief who finds a replica, or makes one, whose clock is wrong: nothing of it may say when something was. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { LogEntry } from '../../src/log/entry.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { HistoryCheck } from '../../src/log/history-check.ts'
import { openStore } from '../../src/store/open-store.ts'
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

async function readLog({ address }: TestServer): Promise<readonly LogEntry[]> {
  const { entries } = (await (await fetch(`${address}/log/entries?start=0&end=200`)).json()) as {
    readonly entries: readonly { readonly entry: object }[]
  }
  return entries.map(({ entry }) => parseEntry(Buffer.from(JSON.stringify(entry))))
}

/** Types of the entries, those of the keys' states aside. */
async function typesIn(server: TestServer): Promise<readonly string[]> {
  return (await readLog(server)).map(({ type }) => type).filter((type) => type !== 'state')
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

test('a clock that is set while the service runs releases nothing until it is right again', async () => {
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
  expect(await typesIn(server)).toEqual(['timestamp', 'signature', 'token'])
})

test('a replica whose clock is set while it runs stops, and the others go on', async () => {
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

test('an entry of the future stops the service until an operator says why it is wrong, in the log', async () => {
  const folder = await folderWithFutureEntry()
  const stopped = await runServer(folder)
  expect(await clientOf(stopped, folder).stamp()).toEqual(REFUSED)
  await stopped[Symbol.asyncDispose]()

  const resetClock = 'the time server was wrong'
  const first = await runServer(folder, { resetClock })
  await first[Symbol.asyncDispose]()
  const again = await runServer(folder, { resetClock })

  expect(await clientOf(again, folder).stamp()).toEqual(RELEASED)
  expect(await typesIn(again)).toEqual(['timestamp', 'clock', 'timestamp'])
  const entries = await readLog(again)
  expect(entries.find(({ type }) => type === 'clock')).toMatchObject({ reason: resetClock })
  assertOrder(entries)
})

test('a revocation goes through a replica with a wrong clock, by the time of the store', async () => {
  const folder = createFolder(await postgres.createDatabase())
  await runServer(folder, { migrate: true })
  const machine = new Machine()
  machine.offByMs = HOUR_MS
  const server = await runServer(folder, { clock: machine })
  const start = Date.now()

  expect(await clientOf(server, folder).revoke('release')).toEqual(RELEASED)

  const revoked = (await readLog(server)).find(
    (entry) => entry.type === 'state' && entry.action === 'revoke',
  )
  const since = revoked?.type === 'state' ? revoked.compromisedSince?.getTime() : undefined
  expect(since).toBeGreaterThanOrEqual(start - 5000)
  expect(since).toBeLessThan(start + HOUR_MS / 2)
})

test('a revocation goes through while an entry of the future stops all else', async () => {
  const folder = await folderWithFutureEntry()
  const server = await runServer(folder)
  const client = clientOf(server, folder)

  expect(await client.revoke('release')).toEqual(RELEASED)
  expect(await client.sign()).toEqual(REFUSED)
  assertOrder(await readLog(server))
})
