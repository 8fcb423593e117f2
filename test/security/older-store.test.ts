/** A database that was put back to an earlier state, by an operator or an attacker: what was revoked since stays revoked. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openStore } from '../../src/store/open-store.ts'
import { codeOfAsync } from '../support/errors.ts'
import {
  activeKids,
  anchorOf,
  backUp,
  clientOf,
  createFolder,
  databaseOf,
  keySet,
  kidOfToken,
  live,
  putBack,
  readAnchor,
  readLog,
  NEW_AUDIT,
  renameLogs,
} from '../support/older-store.ts'
import { createPostgres, type PostgresServer, query } from '../support/postgres.ts'
import { runServer } from '../support/server.ts'
import type { Verdict } from '../support/service-client.ts'
import type { ServiceFolder } from '../support/service-folder.ts'
import { SOON } from '../support/soon.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const RELEASED: Verdict = { status: 200, code: undefined }
const BEHIND: Verdict = { status: 503, code: 'ERR_STORE_BEHIND' }
const REASON = 'restored from the backup of the night'
/** A test starts many services. */
const LONG = { timeout: 180_000 }
/** Lives through a revocation of each key and puts the database back to before them; answers what was revoked. */
async function restoredFolder(): Promise<{ folder: ServiceFolder; revoked: readonly string[] }> {
  const folder = createFolder()
  let revoked: readonly string[] = []
  await live(folder, async (client, server) => {
    expect(await client.sign()).toEqual(RELEASED)
    revoked = activeKids(server, ['release', 'sessions'])
  })
  backUp(folder)
  await live(folder, async (client) => {
    expect(await client.revoke('release')).toEqual(RELEASED)
    expect(await client.revoke('sessions')).toEqual(RELEASED)
    expect(await client.sign()).toEqual(RELEASED)
  })
  putBack(folder)
  return { folder, revoked }
}

async function storedCheckpoint(folder: ServiceFolder): Promise<number | undefined> {
  await using store = await openStore(`sqlite:${databaseOf(folder)}`)
  return (await store.log.checkpoint())?.size
}

test('a version that was revoked after the backup is neither published nor signs again', async () => {
  const { folder, revoked } = await restoredFolder()

  const server = await runServer(folder)

  expect(revoked).not.toContain(await kidOfToken(server, folder))
  const { keys } = await keySet(server)
  for (const { kid } of keys) expect(revoked).not.toContain(kid)
  for (const kid of revoked) {
    expect((await fetch(`${server.address}/keys/${kid}.pem`)).status).toBe(404)
  }
  expect(server.versions.filter(({ state }) => state === 'revoked')).toHaveLength(2)
})

test('a service whose store is behind signs nothing that depends on its log, and reports it', async () => {
  const { folder } = await restoredFolder()
  const signed = await storedCheckpoint(folder)

  await live(folder, async (client, server) => {
    expect(await client.sign()).toEqual(BEHIND)
    expect(await client.stamp()).toEqual(BEHIND)
    expect(await client.failedChecks()).toContain('anchor ERR_STORE_BEHIND')
    expect(server.lines.join('')).toMatch(
      /ERR_STORE_BEHIND.*its audit log has \d+ entries, and had \d+/,
    )
    expect((await fetch(`${server.address}/trust/keys.json`)).ok).toBe(false)
  })

  expect(await storedCheckpoint(folder)).toBe(signed)
})

test('a version that is revoked again keeps its time of compromise', async () => {
  const since = new Date(Date.now() - 3_600_000)
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  await live(folder, async (client) => {
    const asked = { mode: 'seamless', reason: 'stolen', compromisedSince: since.toISOString() }
    expect(await client.post('/v1/keys/sessions/revoke', asked)).toEqual(RELEASED)
  })
  putBack(folder)

  const { versions } = await runServer(folder)

  expect(versions.filter(({ state }) => state === 'revoked')).toMatchObject([
    { key: 'sessions', compromisedSince: since },
  ])
})

test('lost signatures alone put the store behind', async () => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  await live(folder, async (client) => {
    expect(await client.sign()).toEqual(RELEASED)
  })
  putBack(folder)

  expect(await clientOf(await runServer(folder), folder).sign()).toEqual(BEHIND)
})

test('a log of other entries is behind, whatever its length', async () => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  await live(folder, async (client) => {
    expect(await client.sign()).toEqual(RELEASED)
  })
  const anchor = readFileSync(anchorOf(folder))
  putBack(folder)
  rmSync(anchorOf(folder))
  await live(folder, async (client) => {
    for (let count = 0; count < 3; count += 1) expect(await client.sign()).toEqual(RELEASED)
  })
  writeFileSync(anchorOf(folder), anchor)

  const server = await runServer(folder)

  expect(await clientOf(server, folder).sign()).toEqual(BEHIND)
  expect(server.lines.join('')).toMatch(
    /the first \d+ entries of its audit log are not those it had/,
  )
})

test('an operator can accept a restored store under new names of both logs, with a logged reason', async () => {
  const { folder, revoked } = await restoredFolder()
  const { sequence } = readAnchor(folder)
  const accepting = { acceptStoreBehind: REASON }
  for (const names of [{}, NEW_AUDIT]) {
    renameLogs(folder, names)
    expect(await codeOfAsync(() => runServer(folder, accepting))).toBe('ERR_CONFIG_INVALID')
  }
  renameLogs(folder)
  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')

  await live(
    folder,
    async (client, server) => {
      expect(await client.sign()).toEqual(RELEASED)
      expect(await client.stamp()).toEqual(RELEASED)
      expect(await client.failedChecks()).toEqual([])
      expect(revoked).not.toContain(await kidOfToken(server, folder))
      expect((await keySet(server)).sequence).toBeGreaterThan(sequence)
      const restores = (await readLog(server, folder)).filter(({ type }) => type === 'restore')
      expect(restores).toMatchObject([
        { logs: [{ origin: 'sign.example.com/audit' }, { log: 'transparency' }], reason: REASON },
      ])
    },
    accepting,
  )

  const later = await runServer(folder, accepting)
  expect(await clientOf(later, folder).sign()).toEqual(RELEASED)
  expect((await readLog(later, folder)).filter(({ type }) => type === 'restore')).toHaveLength(1)
})

test('new names of the logs alone do not hide lost entries', async () => {
  const { folder } = await restoredFolder()
  renameLogs(folder)

  const client = clientOf(await runServer(folder, { newLog: true }), folder)

  expect(await client.sign()).toEqual(BEHIND)
})

test('accepting changes nothing if the store is not behind', async () => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())

  const server = await runServer(folder, { acceptStoreBehind: REASON })

  expect((await readLog(server, folder)).filter(({ type }) => type === 'restore')).toEqual([])
  expect(await clientOf(server, folder).failedChecks()).toEqual([])
})

test('a key pair created and revoked after the backup is never imported', async () => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  await live(folder, async (client) => {
    expect(await client.revoke('sessions')).toEqual(RELEASED)
    const third = { mode: 'seamless', version: 3, force: true, reason: 'stolen as well' }
    await expect.poll(() => client.post('/v1/keys/sessions/revoke', third), SOON).toEqual(RELEASED)
  })
  putBack(folder)
  const client = clientOf(await runServer(folder), folder)

  const uri = `file:${join(folder.folder, 'keys', 'sessions-3.pem')}`
  const imported = await client.post('/v1/keys/sessions/import', { uri, reason: 'restore' })

  expect(imported).toEqual({ status: 409, code: 'ERR_KEY_REVOKED' })
})

test('a revocation is in the anchor before it is answered', async () => {
  const folder = createFolder()
  const server = await runServer(folder)
  const [kid = ''] = activeKids(server, ['release'])

  expect(await clientOf(server, folder).revoke('release')).toEqual(RELEASED)

  expect(readAnchor(folder).revoked).toMatchObject([{ kid }])
})

test('a revocation does not wait for the anchor, and a failed write of the anchor is reported', async () => {
  const folder = createFolder()
  const server = await runServer(folder)
  rmSync(anchorOf(folder))
  mkdirSync(anchorOf(folder))
  const client = clientOf(server, folder)

  expect(await client.revoke('release')).toEqual(RELEASED)

  expect(await client.failedChecks()).toEqual(['anchor ERR_FILE_READ'])
  expect(server.lines.join('')).toContain('cannot read the anchor')
})

test.each([
  ['nothing', '', 'ERR_FILE_READ'],
  ['garbage', 'x', 'ERR_FILE_READ'],
  ['another document', '{"version":1}', 'ERR_FILE_READ'],
  [
    'a malformed root',
    '{"version":1,"sequence":1,"logs":[{"log":"audit","origin":"a","size":1,"root":"AA=="}],"revoked":[]}',
    'ERR_FILE_READ',
  ],
  [
    'a later version',
    '{"version":2,"sequence":0,"logs":[],"revoked":[]}',
    'ERR_FORMAT_UNSUPPORTED',
  ],
])('a service does not start with an anchor of %s', async (_, text, code) => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  writeFileSync(anchorOf(folder), text)

  expect(await codeOfAsync(() => runServer(folder))).toBe(code)
})

test('a missing anchor beside a store in use is a warning at the start', async () => {
  const folder = createFolder()
  const first = await runServer(folder)
  expect(first.warnings.join('\n')).not.toContain('anchor')
  await first[Symbol.asyncDispose]()
  rmSync(anchorOf(folder))

  const { warnings } = await runServer(folder)

  expect(warnings[0]).toMatch(/^no anchor at .*service\.db\.anchor, though the store is in use/)
})

describe('over PostgreSQL', () => {
  let postgres: PostgresServer

  beforeAll(async () => {
    postgres = await createPostgres()
  })

  afterAll(() => postgres.stop())

  test(
    'replicas that share an anchor all notice a dump that was restored, and one operator ends it',
    LONG,
    async () => {
      const store = await postgres.createDatabase()
      const shared = createTempFolder()
      const folder = createFolder({ store, log: { anchor: `${shared}/` } })
      await live(folder, async () => Promise.resolve(), { migrate: true })
      await copyDatabase(postgres, store, 'dump')
      await live(folder, async (client) => {
        await live(folder, async (other) => {
          expect(await client.revoke('release')).toEqual(RELEASED)
          expect(await client.revoke('sessions')).toEqual(RELEASED)
          expect(readAnchor(folder, join(shared, 'anchor.json')).revoked).toHaveLength(2)
          await expect.poll(() => other.sign(), SOON).toEqual(RELEASED)
        })
      })
      await copyDatabase(postgres, 'dump', store)

      await live(folder, async (client) => {
        await live(folder, async (other, replica) => {
          expect([await client.sign(), await other.sign()]).toEqual([BEHIND, BEHIND])
          expect(replica.versions.filter(({ state }) => state === 'revoked')).toHaveLength(2)
        })
      })
      renameLogs(folder)
      const one = await runServer(folder, { acceptStoreBehind: REASON })
      const other = await runServer(folder)
      for (const replica of [one, other]) {
        expect(await clientOf(replica, folder).sign()).toEqual(RELEASED)
        expect(await clientOf(replica, folder).failedChecks()).toEqual([])
      }
    },
  )

  test(
    'a dump that is restored under a running replica lets nothing sign again that was revoked',
    LONG,
    async () => {
      const store = await postgres.createDatabase()
      const folder = createFolder({ store, log: { anchor: `${createTempFolder()}/` } })
      const server = await runServer(folder, { migrate: true })
      const client = clientOf(server, folder)
      const revoked = activeKids(server, ['sessions', 'release'])
      await copyDatabase(postgres, store, 'earlier')
      await expect.poll(() => client.revoke('sessions'), SOON).toEqual(RELEASED)
      expect(await client.revoke('release')).toEqual(RELEASED)

      await copyDatabase(postgres, 'earlier', store)

      await expect.poll(() => client.sign(), SOON).toEqual(BEHIND)
      await expect.poll(() => client.issueToken(), SOON).toEqual(RELEASED)
      expect(revoked).not.toContain(await kidOfToken(server, folder))
      const { keys } = await keySet(server)
      for (const { kid } of keys) expect(revoked).not.toContain(kid)
    },
  )

  test('a service without an anchor reports at its start what it cannot detect', async () => {
    const folder = createFolder({ store: await postgres.createDatabase() })

    const { warnings } = await runServer(folder, { migrate: true })

    expect(warnings[0]).toMatch(/^no anchor \(log\.anchor\)/)
  })
})

/** Puts a copy of a database in the place of another. */
async function copyDatabase({ url }: PostgresServer, from: string, to: string): Promise<void> {
  const [source, target] = [from, to].map((name) => name.split('/').at(-1) ?? '')
  await query(url, `drop database if exists ${target ?? ''} with (force)`)
  await query(url, `alter database ${source ?? ''} with allow_connections false`)
  await query(
    url,
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${source ?? ''}'`,
  )
  await query(url, `create database ${target ?? ''} template ${source ?? ''}`)
  await query(url, `alter database ${source ?? ''} with allow_connections true`)
}
