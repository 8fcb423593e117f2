/** One log alone was put back or rewritten by an attacker who writes the database: the anchor has both. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeOfAsync } from '../support/errors.ts'
import {
  anchorOf,
  backUp,
  clientOf,
  createFolder,
  databaseOf,
  live,
  NEW_AUDIT,
  putBack,
  readAnchor,
  readLog,
  renameLogs,
} from '../support/older-store.ts'
import { rewindLog } from '../support/rewound-log.ts'
import { runServer } from '../support/server.ts'
import type { Verdict } from '../support/service-client.ts'
import type { ServiceFolder } from '../support/service-folder.ts'
import { SOON } from '../support/soon.ts'

const RELEASED: Verdict = { status: 200, code: undefined }
const BEHIND: Verdict = { status: 503, code: 'ERR_STORE_BEHIND' }
const REASON = 'an attacker had the database'

/** A folder whose logs have entries that its copy lacks. */
async function grownFolder(): Promise<ServiceFolder> {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  await live(folder, async (client) => {
    expect(await client.sign()).toEqual(RELEASED)
  })
  return folder
}

test('the anchor has name, size and root of each log', async () => {
  const folder = await grownFolder()

  expect(readAnchor(folder).logs).toMatchObject([
    { log: 'audit', origin: 'sign.example.com/audit' },
    { log: 'transparency', origin: 'sign.example.com' },
  ])
})

describe.each(['transparency', 'audit'] as const)('the %s log alone', (log) => {
  test('is restored while the service is stopped: the service then signs nothing', async () => {
    const folder = await grownFolder()
    rewindLog(folder, log)

    const server = await runServer(folder)

    const client = clientOf(server, folder)
    expect(await client.sign()).toEqual(BEHIND)
    expect(await client.stamp()).toEqual(BEHIND)
    expect(await client.failedChecks()).toContain('anchor ERR_STORE_BEHIND')
    expect(server.lines.join('')).toMatch(
      new RegExp(`ERR_STORE_BEHIND.*its ${log} log has \\d+ entries, and had \\d+`),
    )
  })

  test('is restored under a running service: the service stops signing', async () => {
    const folder = await grownFolder()
    const client = clientOf(await runServer(folder), folder)
    expect(await client.sign()).toEqual(RELEASED)

    rewindLog(folder, log)

    await expect.poll(() => client.sign(), SOON).toEqual(BEHIND)
    await expect.poll(() => client.failedChecks(), SOON).toContain('anchor ERR_STORE_BEHIND')
  })

  test('is rewritten with more entries: the service signs nothing', async () => {
    const folder = await grownFolder()
    await forgeCopy(folder)
    rewindLog(folder, log)

    const server = await runServer(folder)

    expect(await clientOf(server, folder).sign()).toEqual(BEHIND)
    expect(server.lines.join('')).toMatch(
      new RegExp(`the first \\d+ entries of its ${log} log are not those it had`),
    )
  })

  test('is accepted by an operator under new names of both logs', async () => {
    const folder = await grownFolder()
    rewindLog(folder, log)
    const accepting = { acceptStoreBehind: REASON }
    for (const names of [{}, NEW_AUDIT, { origin: 'log-2.sign.example.com' }]) {
      renameLogs(folder, { auditOrigin: 'sign.example.com/audit', origin: 'sign.example.com' })
      renameLogs(folder, names)
      expect(await codeOfAsync(() => runServer(folder, accepting))).toBe('ERR_CONFIG_INVALID')
    }
    renameLogs(folder)

    const server = await runServer(folder, accepting)

    const client = clientOf(server, folder)
    expect(await client.sign()).toEqual(RELEASED)
    expect(await client.failedChecks()).toEqual([])
    const { logs } = readAnchor(folder)
    expect(logs.map(({ origin }) => origin)).toContain('log-2.sign.example.com')
  })
})

test('a transparency log under a new name has to continue the old one', async () => {
  const folder = await grownFolder()
  rewindLog(folder, 'transparency')
  renameLogs(folder)

  const client = clientOf(await runServer(folder, { newLog: true }), folder)

  expect(await client.sign()).toEqual(BEHIND)
})

test('a log does not continue under a former name of the other log', async () => {
  const folder = await grownFolder()
  rewindLog(folder, 'transparency')
  renameLogs(folder, { origin: 'log-2.sign.example.com', auditOrigin: 'sign.example.com' })

  const start = () => runServer(folder, { acceptStoreBehind: REASON })

  expect(await codeOfAsync(start)).toBe('ERR_CONFIG_INVALID')
})

test('entries of a restore name both logs and their sizes', async () => {
  const folder = await grownFolder()
  const { logs } = readAnchor(folder)
  rewindLog(folder, 'transparency')
  renameLogs(folder)

  const server = await runServer(folder, { acceptStoreBehind: REASON })

  const restores = (await readLog(server, folder)).filter(({ type }) => type === 'restore')
  expect(restores).toMatchObject([
    { logs: logs.map(({ log, origin, size }) => ({ log, origin, size })), reason: REASON },
  ])
})

/** Has the copy be of a history that split from that of the database, and went further. */
async function forgeCopy(folder: ServiceFolder): Promise<void> {
  const anchor = readFileSync(anchorOf(folder))
  const grown = join(folder.folder, 'grown.db')
  copyFileSync(databaseOf(folder), grown)
  putBack(folder)
  rmSync(anchorOf(folder))
  await live(folder, async (client) => {
    for (let count = 0; count < 3; count += 1) expect(await client.sign()).toEqual(RELEASED)
  })
  backUp(folder)
  copyFileSync(grown, databaseOf(folder))
  writeFileSync(anchorOf(folder), anchor)
}
