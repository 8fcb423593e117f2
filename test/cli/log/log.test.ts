import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { PublishedVersion } from '../../../src/keys/key-history.ts'
import { serializePublicKeyJwk } from '../../../src/crypto/public-key.ts'
import type { LogEntry, StateEntry } from '../../../src/log/entry.ts'
import { exportLog } from '../../../src/log/export-log.ts'
import { openStoredLog } from '../../../src/log/source.ts'
import { createCounter } from '../../../cli/log/counter.ts'
import { countersign, createEnvironment, documentOf } from '../../support/cli.ts'
import { signatureEntry, stateEntry } from '../../support/log-entries.ts'
import type { MemoryLog } from '../../support/memory-log.ts'
import { appendPaired, createPairedLogs, LEAF_KEY, serveLogs } from '../../support/paired-logs.ts'
import {
  LOG_KEY,
  signatureEntries,
  signTransparency,
  TRANSPARENCY_KEY,
} from '../../support/signed-log.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

/** A folder with the exported transparency log of these. */
async function createFolder(entries: readonly LogEntry[]): Promise<string> {
  return exported(await createPairedLogs(entries))
}

async function exported({ transparencyLog }: MemoryLog): Promise<string> {
  const folder = createTempFolder()
  await exportLog(openStoredLog(transparencyLog), folder)
  return folder
}

const { kid } = LEAF_KEY
const change = (index: number, entry: Partial<StateEntry>): StateEntry =>
  stateEntry(index, {
    ...{ to: 'pending', action: 'create', sequence: index + 1 },
    key: { name: 'release', version: 1, kid },
    ...entry,
  })
const MADE = [change(0, {}), change(1, { from: 'pending', action: 'publish' })]
const ACTIVE = change(2, { from: 'pending', to: 'active', action: 'activate' })
const RELEASED: PublishedVersion = {
  key: LEAF_KEY,
  name: 'release',
  version: 1,
  use: 'artifact',
  origin: 'generated',
  state: 'active',
  validFor: { start: ACTIVE.time, end: undefined },
  compromisedSince: undefined,
}

test('a whole log verifies: criteria on stderr, the verdict on stdout', async () => {
  const folder = await createFolder([...MADE, ACTIVE, ...signatureEntries(300, 3)])
  const result = await countersign(['log', 'verify', folder, '--key', TRANSPARENCY_KEY.vkey])

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toBe(
    [
      'Criteria:',
      `  log    ${folder}`,
      `  key    ${TRANSPARENCY_KEY.vkey.slice(0, -45)}…`,
      '  since  the start; with --checkpoint FILE, an earlier checkpoint, a rewritten log is detected',
      '',
    ].join('\n'),
  )
  expect(result.stdout).toMatch(
    /^PASSED {2}log\.example\n {2}entries {2}all 303 present and unchanged\n {2}types {4}3 state, 300 signature\n {2}root {5}\S{44}\n$/,
  )
})

test('a log verifies over HTTP against an earlier checkpoint, with the key in a file', async () => {
  const folder = createTempFolder()
  const logs = await createPairedLogs(signatureEntries(100))
  const checkpoint = join(folder, 'checkpoint')
  writeFileSync(checkpoint, (await logs.transparencyLog.checkpoint())?.note ?? '')
  writeFileSync(join(folder, 'log.vkey'), `${TRANSPARENCY_KEY.vkey}\n`)
  await appendPaired(logs, signatureEntries(200, 100))
  await signTransparency(logs)
  const args = ['--server', await serveLogs(logs), '--key', join(folder, 'log.vkey')]
  const result = await countersign(['log', 'verify', ...args, '--checkpoint', checkpoint, '--json'])

  expect(documentOf(result)).toMatchObject({
    schema: 'https://countersign.dev/schemas/log-verification/v1',
    ok: true,
    origin: 'log.example',
    size: 300,
    entries: { signature: 300 },
    since: 100,
  })
})

test('published keys are compared with the log, also those newer than the checkpoint', async () => {
  const logs = await createPairedLogs(MADE)
  await appendPaired(logs, [ACTIVE])
  const server = await serveLogs(logs, { history: { sequence: 3, versions: [RELEASED] } })
  const args = ['log', 'verify', '--server', server, '--key', TRANSPARENCY_KEY.vkey]

  const result = await countersign(args)

  expect(result.stderr).toContain('  keys   all that the service publishes follow from its log\n')
  expect(result.stdout).toContain(
    [
      '  keys        all published keys follow from the log',
      '              1 in the key history, 0 in the key set',
      '  not proven  1 of their changes are newer than the checkpoint',
      '',
    ].join('\n'),
  )
  expect(documentOf(await countersign([...args, '--json']))).toMatchObject({
    published: { historyVersions: 1, keySetKeys: 0, unproven: 1 },
  })
})

test.each([
  ['history', { sequence: 3, versions: [RELEASED] }, { keys: [] }, 'the key history'],
  [
    'key set',
    { sequence: 0, versions: [] },
    { keys: [serializePublicKeyJwk(LEAF_KEY)], sequence: 3 },
    'the key set',
  ],
])(
  'a key in the %s that the log does not tell of ends with 3',
  async (_what, history, keySet, what) => {
    const logs = await createPairedLogs([signatureEntry(0)])
    const server = await serveLogs(logs, { history, keySet })
    const args = ['log', 'verify', '--server', server, '--key', TRANSPARENCY_KEY.vkey]

    const result = await countersign(args)

    expect(result.exitCode).toBe(3)
    expect(result.stdout).toBe('')
    expect(result.stderr).toContain(
      `error: kid ${kid} in ${what} does not match the log: the log has no such version [ERR_LOG_PROOF_INVALID]`,
    )
  },
)

test('a bad log ends with 3 and names the entry', async () => {
  const folder = await createFolder(signatureEntries(300))
  const path = join(folder, 'tile/entries/001.p/44')
  const bytes = readFileSync(path)
  bytes[bytes.length - 5] = (bytes[bytes.length - 5] ?? 0) ^ 1
  writeFileSync(path, bytes)
  const args = ['log', 'verify', folder, '--key', TRANSPARENCY_KEY.vkey]
  const result = await countersign(args)
  const json = documentOf<{ error: object }>(await countersign([...args, '--json']))

  expect(result.exitCode).toBe(3)
  expect(result.stdout).toBe('')
  expect(result.stderr).toContain('error: entry 299 is not the one that tile/0/001 has the hash of')
  expect(json.error).toMatchObject({ code: 'ERR_LOG_PROOF_INVALID', details: { entry: 299 } })
})

test('a signature by a version that had been revoked ends with 3', async () => {
  const revoked = change(3, { from: 'active', to: 'revoked', action: 'revoke' })
  const folder = await createFolder([...MADE, ACTIVE, revoked, signatureEntry(4)])

  const result = await countersign(['log', 'verify', folder, '--key', TRANSPARENCY_KEY.vkey])

  expect(result.exitCode).toBe(3)
  expect(result.stderr).toContain(
    `entry 4 must not be there: a signature by kid ${kid}, which leaf 3 says has ended`,
  )
})

test.each([
  ['a log of another key', 'log.example+9e84e4b4+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6'],
  ['a log of another name', LOG_KEY.vkey],
])('%s ends with 3', async (_what, key) => {
  const folder = await createFolder(signatureEntries(1))
  const result = await countersign(['log', 'verify', folder, '--key', key])

  expect(result.exitCode).toBe(3)
  expect(result.stderr).toContain('ERR_NOTE_INVALID')
})

test.each([
  [['verify', 'folder'], 'no key of the transparency log given'],
  [['verify', '--key', TRANSPARENCY_KEY.vkey], 'no log is named'],
  [['show', 'folder', '--server', 'https://a.example'], 'a folder and a server are named'],
  [['show', '--server', 'gopher://a.example'], 'is not an http address'],
  [['show', 'folder', '--type', 'denial'], 'Allowed choices are signature, state'],
  [['export', 'folder'], "required option '--server <url>' not specified"],
])('log %j is a mistake in usage', async (args, message) => {
  const result = await countersign(['log', ...args])

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(message)
})

const denial: LogEntry = {
  type: 'denial',
  time: signatureEntry(3).time,
  requestId: 'request-3',
  caller: { issuer: 'https://token.example', subject: 'mallory', claims: {} },
  action: 'sign',
  resource: 'release',
  code: 'ERR_NOT_ALLOWED',
  reason: 'no policy permits it',
}
const token: LogEntry = {
  type: 'token',
  time: signatureEntry(4).time,
  requestId: 'request-4',
  caller: undefined,
  key: { name: 'sessions', version: 2, kid: 'kid-9' },
  jti: 'j-1',
  audience: ['https://api.example'],
  expires: signatureEntry(9).time,
  backendRequestId: 'backend-4',
}
const some = [
  change(0, {
    to: 'active',
    action: 'activate',
    reason: 'first of all',
    caller: { issuer: 'https://token.example', subject: 'on-call', claims: {} },
  }),
  signatureEntry(1),
  denial,
  token,
  { ...signatureEntry(2), type: 'attestation' as const, predicateType: 'https://p.example/v1' },
]
const digestOf = (index: number): string => `sha256:${index.toString(16).padStart(64, '0')}`

test('entries are shown newest first, each with its digest on a line of its own', async () => {
  const folder = await createFolder(some)
  const result = await countersign(['log', 'show', folder])

  expect(result.stderr).toBe('not verified; to verify it: countersign log verify\n')
  expect(result.stdout).toBe(
    [
      `     2  signature  kid ${kid.slice(0, 12)}…`,
      `        ${digestOf(2)}`,
      `     1  signature  kid ${kid.slice(0, 12)}…`,
      `        ${digestOf(1)}`,
      `     0  state      release@1  new -> active  kid ${kid.slice(0, 12)}…`,
      '        2026-11-22T10:00:00Z',
      '',
    ].join('\n'),
  )
})

test('a kid is whole with -v', async () => {
  const folder = await createFolder(some)
  const { stdout } = await countersign(['log', 'show', folder, '-v'])

  expect(stdout).toContain(`     2  signature  kid ${kid}\n        ${digestOf(2)}\n`)
})

test('a hostile log cannot control the terminal', async () => {
  const folder = await createFolder([
    change(0, { to: 'active', key: { name: 'release\u001b[2J', version: 1, kid } }),
  ])
  const result = await countersign(['log', 'show', folder])

  expect(result.stdout).toContain('release\\u{1b}[2J@1')
})

test('it contains no caller, reason, token, denial or artifact name', async () => {
  const folder = await createFolder(some)

  const files = readdirSync(folder, { recursive: true, encoding: 'utf8', withFileTypes: true })
  const text = files
    .filter((file) => file.isFile())
    .map((file) => readFileSync(join(file.parentPath, file.name), 'latin1'))
    .join('\n')

  expect(text).toContain('countersign-key-state')
  expect(text).toContain('hashedrekord')
  for (const word of [
    'octo/app',
    'on-call',
    'mallory',
    'token.example',
    'first of all',
    'no policy',
    'j-1',
  ])
    expect(text).not.toContain(word)
  for (const word of ['request-', 'backend-', 'api.example', 'p.example', 'caller', 'claims'])
    expect(text).not.toContain(word)
})

const indicesOf = async (args: readonly string[]): Promise<readonly number[]> => {
  const result = await countersign(['log', 'show', ...args, '--json'])
  return documentOf<{ entries: { index: number }[] }>(result).entries.map(({ index }) => index)
}

test.each([
  [
    ['--kid', kid],
    [2, 1, 0],
  ],
  [['--kid', 'kid-9'], []],
  [['--digest', digestOf(1)], [1]],
  [
    ['--type', 'signature'],
    [2, 1],
  ],
  [['--type', 'state', '--kid', kid], [0]],
  [['--limit', '1'], [2]],
] as const)('log show finds by %j, in a folder and on a server', async (args, indices) => {
  const logs = await createPairedLogs(some)

  expect(await indicesOf([await exported(logs), ...args])).toEqual(indices)
  expect(await indicesOf(['--server', await serveLogs(logs), ...args])).toEqual(indices)
})

test('entries in JSON are those that are hashed', async () => {
  const logs = await createPairedLogs(some)
  const result = await countersign(['log', 'show', await exported(logs), '--json'])
  const { entries } = documentOf<{ entries: { index: number; entry: unknown }[] }>(result)

  const stored = await logs.transparencyLog.entries(0, 3)
  expect(entries.map(({ entry }) => JSON.stringify(entry)).toReversed()).toEqual(
    stored.map((leaf) => Buffer.from(leaf).toString()),
  )
})

test('a log is exported from a service and verifies offline', async () => {
  const logs = await createPairedLogs(signatureEntries(300))
  const folder = join(createTempFolder(), 'saved')
  const result = await countersign(['log', 'export', folder, '--server', await serveLogs(logs)])

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toContain(`saved 300 entries to ${folder}`)
  expect(result.stderr).toContain(`to verify it: countersign log verify ${folder} --key KEY\n`)
  const verified = await countersign(['log', 'verify', folder, '--key', TRANSPARENCY_KEY.vkey])
  expect(verified.exitCode).toBe(0)
})

test('how far it is shows on a terminal', async () => {
  const folder = await createFolder(signatureEntries(300))
  const args = ['log', 'verify', folder, '--key', TRANSPARENCY_KEY.vkey]
  let time = 0
  const now = { getTime: () => (time += 200) } as Date
  const result = await countersign(args, { typed: [], now })

  expect(result.stderr).toContain('verifying: 256 of 300 entries')
})

test('with --audit both logs are verified, and that they record the same', async () => {
  const logs = await createPairedLogs([...MADE, ACTIVE, ...signatureEntries(5, 3)])
  const server = await serveLogs(logs)
  const keys = ['--key', TRANSPARENCY_KEY.vkey, '--audit-key', LOG_KEY.vkey]
  const args = ['log', 'verify', '--server', server, ...keys, '--audit']
  const env = { COUNTERSIGN_TOKEN: 'let-me-in' }

  const result = await countersign(args, { env })

  expect(result.exitCode).toBe(0)
  const whole = '  entries  all 8 present and unchanged\n'
  expect(result.stdout).toContain(`PASSED  log.example\n${whole}`)
  expect(result.stdout).toContain(`PASSED  log.example/countersign\n${whole}`)
  expect(result.stdout).toContain('  pairs    all 8 are in the transparency log')
  expect(documentOf(await countersign([...args, '--json'], { env }))).toMatchObject({
    schema: 'https://countersign.dev/schemas/log-verification/v1',
    audit: { ok: true, paired: { entries: 8, unproven: 0 } },
  })
})

test('a copy of the log has no audit log beside it', async () => {
  const args = [
    'log',
    'verify',
    await createFolder(MADE),
    '--audit',
    '--key',
    TRANSPARENCY_KEY.vkey,
  ]

  expect(await countersign(args)).toMatchObject({ exitCode: 2 })
})

test('a long read shows its rate and the rest: on a terminal, and elsewhere twice a minute', () => {
  const shown = (typed: readonly string[] | undefined): string => {
    let now = 0
    const world = typed === undefined ? {} : { typed }
    const environment = createEnvironment(world)
    const context = { ...environment.context, now: () => new Date(now) }
    const count = createCounter('verifying', { ...environment, context })
    for (const [at, done] of [
      [50, 10],
      [10_000, 50_000],
      [40_000, 200_000],
    ] as const) {
      now = at
      count(done, 1_000_000)
    }
    return environment.said()
  }

  expect(shown([])).toContain('verifying: 50000 of 1000000 entries, 5000/s, 4 min left')
  expect(shown([])).toContain('verifying: 200000 of 1000000 entries, 5000/s, 3 min left')
  expect(shown(undefined)).toBe('verifying: 200000 of 1000000 entries, 5000/s, 3 min left\n')
})
