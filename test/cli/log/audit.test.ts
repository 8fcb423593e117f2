import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LogEntry } from '../../../src/log/entry.ts'
import { exportLog } from '../../../src/log/export-log.ts'
import { openStoredLog } from '../../../src/log/source.ts'
import { type CliResult, countersign, type CliWorld, documentOf } from '../../support/cli.ts'
import { signatureEntry, stateEntry } from '../../support/log-entries.ts'
import { startLoopbackServer } from '../../support/loopback-server.ts'
import { serveLogs } from '../../support/paired-logs.ts'
import { createSignedLog, LOG_KEY, signatureEntries } from '../../support/signed-log.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

/** Runs `countersign audit ARGS` as a caller whom the service knows. */
function audit(args: readonly string[], world: CliWorld = {}): Promise<CliResult> {
  return countersign(['audit', ...args], { env: { COUNTERSIGN_TOKEN: 'let-me-in' }, ...world })
}

/** A folder with an exported log. */
async function createFolder(entries: readonly LogEntry[]): Promise<string> {
  const folder = createTempFolder()
  await exportLog(openStoredLog((await createSignedLog(entries)).log), folder)
  return folder
}

const denial: LogEntry = {
  type: 'denial',
  time: signatureEntry(3).time,
  requestId: 'request-3',
  caller: { issuer: 'https://token.example', subject: 'eve\u001b[2J', claims: {} },
  action: 'sign',
  resource: 'release',
  code: 'ERR_NOT_ALLOWED',
  reason: 'no policy permits it',
}
const some: readonly LogEntry[] = [
  stateEntry(0, { to: 'active', action: 'activate', sequence: 1, isForced: true, reason: 'first' }),
  signatureEntry(1),
  {
    ...signatureEntry(2),
    type: 'attestation',
    predicateType: 'https://p.example/v1',
    digests: ['sha256:a', 'sha256:b'],
  },
  denial,
  {
    type: 'token',
    time: signatureEntry(4).time,
    requestId: 'request-4',
    caller: undefined,
    key: { name: 'sessions', version: 2, kid: 'kid-9' },
    jti: 'j-1',
    audience: ['https://api.example'],
    expires: signatureEntry(9).time,
    backendRequestId: undefined,
  },
  {
    type: 'timestamp',
    time: signatureEntry(5).time,
    requestId: 'request-5',
    caller: undefined,
    key: { name: 'tsa', version: 1, kid: 'kid-8' },
    serial: '77',
    digest: 'sha256:c',
  },
  {
    type: 'approval',
    time: signatureEntry(6).time,
    requestId: 'request-6',
    caller: undefined,
    step: 'approve',
    action: 'destroy',
    resource: 'release',
    approvalId: 'a-1',
    requestSha256: 'ab',
  },
]

test('a whole audit log in a folder verifies without a token: criteria on stderr, the verdict on stdout', async () => {
  const folder = await createFolder(signatureEntries(300))
  const result = await audit(['verify', folder, '--key', LOG_KEY.vkey], { env: {} })

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toBe(
    [
      'Criteria:',
      `  log    ${folder}`,
      `  key    ${LOG_KEY.vkey.slice(0, -45)}…`,
      '  since  the start; with --checkpoint FILE, an earlier checkpoint, a rewritten log is detected',
      '',
    ].join('\n'),
  )
  expect(result.stdout).toMatch(
    /^PASSED {2}log\.example\/countersign\n {2}entries {2}all 300 present and unchanged\n {2}types {4}300 signature\n {2}time {5}2026-11-22T10:00:00Z to 2026-11-22T10:04:59Z\n {2}root {5}\S{44}\n$/,
  )
})

test('a bad log ends with 3 and names the entry', async () => {
  const folder = await createFolder(signatureEntries(300))
  const path = join(folder, 'tile/entries/001.p/44')
  const bytes = readFileSync(path)
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1
  writeFileSync(path, bytes)
  const args = ['verify', folder, '--key', LOG_KEY.vkey]
  const result = await audit(args)
  const json = documentOf<{ error: object }>(await audit([...args, '--json']))

  expect(result.exitCode).toBe(3)
  expect(result.stdout).toBe('')
  expect(result.stderr).toContain('error: entry 299 is not the one that tile/0/001 has the hash of')
  expect(json.error).toMatchObject({ code: 'ERR_LOG_PROOF_INVALID', details: { entry: 299 } })
})

test('a log of another key ends with 3', async () => {
  const folder = await createFolder(signatureEntries(1))
  const other = 'log.example+9e84e4b4+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6'
  const result = await audit(['verify', folder, '--key', other])

  expect(result.exitCode).toBe(3)
  expect(result.stderr).toContain('ERR_NOTE_INVALID')
})

test.each([
  [['verify', 'folder'], 'no key of the audit log given'],
  [['verify', '--key', LOG_KEY.vkey], 'no log is named'],
  [['show', 'folder', '--server', 'https://a.example'], 'a folder and a server are named'],
  [['show', '--server', 'gopher://a.example'], 'is not the address of a service'],
  [['show', 'folder', '--from', 'yesterday'], 'is not a time'],
  [['export', 'folder'], "required option '--server <url>' not specified"],
])('audit %j is a mistake in usage', async (args, message) => {
  const result = await audit(args)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(message)
})

test('entries are shown newest first, each with its caller, and cannot control the terminal', async () => {
  const folder = await createFolder(some)
  const result = await audit(['show', folder])

  expect(result.stderr).toBe('not verified; to verify it: countersign audit verify\n')
  expect(result.stdout.split('\n')).toEqual([
    '     6  2026-11-22T10:00:06Z  approval     destroy release',
    '        approved (a-1)',
    '        by the service',
    '     5  2026-11-22T10:00:05Z  timestamp    tsa@1',
    '        77',
    '        sha256:c',
    '        by the service',
    '     4  2026-11-22T10:00:04Z  token        sessions@2',
    '        j-1 for https://api.example',
    '        by the service',
    '     3  2026-11-22T10:00:03Z  denial       sign release',
    '        denied with ERR_NOT_ALLOWED: no policy permits it',
    '        by eve\\u{1b}[2J (https://token.example)',
    '     2  2026-11-22T10:00:02Z  attestation  release@1 https://p.example/v1',
    '        sha256:a',
    '        and 1 more',
    '        by repo:octo/app (https://token.example)',
    '     1  2026-11-22T10:00:01Z  signature    release@1',
    `        sha256:${'1'.padStart(64, '0')}`,
    '        by repo:octo/app (https://token.example)',
    '     0  2026-11-22T10:00:00Z  state        release@1 activate, now active (forced)',
    '        reason: first',
    '        by the service',
    '',
  ])
})

const indicesOf = async (args: readonly string[]): Promise<readonly number[]> => {
  const result = await audit(['show', ...args, '--json'])
  return documentOf<{ entries: { index: number }[] }>(result).entries.map(({ index }) => index)
}

test.each([
  [['--kid', 'kid-9'], [4]],
  [['--jti', 'j-1'], [4]],
  [
    ['--key', 'release'],
    [6, 3, 2, 1, 0],
  ],
  [['--key', 'release', '--type', 'denial'], [3]],
  [['--digest', 'sha256:b'], [2]],
  [['--bundle', '1'.padStart(64, '0')], [1]],
  [
    ['--from', '2026-11-22T10:00:02Z', '--to', '2026-11-22T10:00:04Z'],
    [3, 2],
  ],
  [['--to', '2026-11-22'], []],
  [
    ['--from', '1d', '--limit', '2'],
    [6, 5],
  ],
  [['--to', '1d'], []],
  [
    ['--limit', '2'],
    [6, 5],
  ],
] as const)('log show finds by %j, in a folder and on a server', async (args, indices) => {
  const log = await createSignedLog(some)
  const folder = createTempFolder()
  await exportLog(openStoredLog(log.log), folder)

  expect(await indicesOf([folder, ...args])).toEqual(indices)
  expect(await indicesOf(['--server', await serveLogs(log), ...args])).toEqual(indices)
})

test('entries with a label come page by page', async () => {
  const log = await createSignedLog(signatureEntries(250))
  const server = await serveLogs(log)

  expect(await indicesOf(['--server', server, '--kid', 'kid-1', '--limit', '1000'])).toHaveLength(
    250,
  )
})

test('entries in JSON are those that are hashed', async () => {
  const folder = await createFolder([signatureEntry(0)])
  const result = await audit(['show', folder, '--json'])
  const { entries } = documentOf<{ entries: unknown[] }>(result)

  const [stored] = await (await createSignedLog([signatureEntry(0)])).log.entries(0, 1)
  expect(entries).toEqual([
    { index: 0, entry: JSON.parse(Buffer.from(stored ?? []).toString()) as unknown },
  ])
})

test('a server that returns garbage or the same page forever is rejected', async () => {
  const page = (index: number): string =>
    JSON.stringify({ size: 1, entries: Array.from({ length: 100 }, () => ({ index, entry: {} })) })
  for (const body of ['[]', '{"entries":[{"index":-1,"entry":{}}]}', page(1)]) {
    const server = await startLoopbackServer(() => ({ status: 200, body }))
    const result = await audit(['show', '--server', server.url, '--kid', 'a'])
    expect(result.exitCode).toBe(3)
  }
})

test('an audit log is exported from a service and verifies offline', async () => {
  const log = await createSignedLog(signatureEntries(300))
  const folder = join(createTempFolder(), 'saved')
  const result = await audit(['export', folder, '--server', await serveLogs(log)])

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toContain(`saved 300 entries to ${folder}`)
  const verified = await audit(['verify', folder, '--key', LOG_KEY.vkey])
  expect(verified.exitCode).toBe(0)
})

test('how far it is shows on a terminal', async () => {
  const folder = await createFolder(signatureEntries(300))
  const args = ['verify', folder, '--key', LOG_KEY.vkey]
  let time = 0
  const now = { getTime: () => (time += 200) } as Date
  const result = await audit(args, { typed: [], now })

  expect(result.stderr).toContain('verifying: 256 of 300 entries')
})
