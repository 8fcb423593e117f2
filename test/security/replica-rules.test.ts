/** A replica with looser rules for a key neither signs by them nor makes other replicas do so. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeyEntry } from '../../src/config/sections/key.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { HistoryCheck } from '../../src/log/history-check.ts'
import { readAudit } from '../support/audit-log.ts'
import { createPostgres, type PostgresServer } from '../support/postgres.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { ServiceClient, type Verdict } from '../support/service-client.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { SOON } from '../support/soon.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const RELEASED: Verdict = { status: 200, code: undefined }
const REFUSED: Verdict = { status: 503, code: 'ERR_KEY_RULES_DIFFER' }
const OUTSIDE: Verdict = { status: 422, code: 'ERR_CLAIMS_NOT_ALLOWED' }
const REASON = 'the portal needs the role'

type Rules = Pick<KeyEntry, 'claims' | 'maxTokenLifetime' | 'tokenType' | 'rotation'>

const RULES: Rules = { maxTokenLifetime: '10m', claims: { forbidden: ['role'] } }
const LOOSER: Rules = { maxTokenLifetime: '1d', claims: {} }
const STRICTER: Rules = { maxTokenLifetime: '5m', claims: { forbidden: ['role', 'tenant'] } }

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await createPostgres()
})

afterAll(() => postgres.stop())

async function createFolder(): Promise<ServiceFolder> {
  return writeServiceFolder({
    folder: createTempFolder(),
    store: await postgres.createDatabase(),
    keys: { release: { use: 'artifact' }, sessions: { use: 'token', ...RULES } },
  })
}

/** The folder of another replica: the same, with other settings of one key. */
function withRules(folder: ServiceFolder, rules: Rules, key = 'sessions'): ServiceFolder {
  const config = JSON.parse(readFileSync(folder.config, 'utf8')) as {
    readonly keys: Record<string, KeyEntry>
  }
  const entry = config.keys[key]
  if (entry === undefined) throw new TypeError(`no key ${key}`)
  const keys = { ...config.keys, [key]: { ...entry, ...rules } }
  const path = join(createTempFolder(), 'countersign.yaml')
  writeFileSync(path, JSON.stringify({ ...config, keys }))
  return { ...folder, config: path }
}

/** Asks for a token that only the looser rules permit. */
async function askForMore(client: ServiceClient): Promise<Verdict> {
  const claims = { role: 'admin' }
  const asked = { audience: 'https://api.example.com', claims, lifetimeSeconds: 86_400 }
  return client.post('/v1/keys/sessions/tokens', asked)
}

function clientOf({ address }: TestServer, { authorization }: ServiceFolder): ServiceClient {
  return new ServiceClient({ address, authorization })
}

async function rulesIn(
  { address: url }: TestServer,
  { authorization }: ServiceFolder,
): Promise<readonly LogEntry[]> {
  const all = (await readAudit({ url, authorization })).map(({ entry }) => entry)
  const history = new HistoryCheck()
  for (const [index, entry] of all.entries()) history.add(index, entry)
  return all.filter(({ type }) => type === 'keyRules')
}

test.each<[string, Rules]>([
  ['with looser claims and a longer lifetime', LOOSER],
  ['with a longer lifetime', { maxTokenLifetime: '11m' }],
  ['that forbids another claim instead', { claims: { forbidden: ['tenant'] } }],
  ['that forces a claim', { claims: { forbidden: ['role'], forced: { role: 'admin' } } }],
  ['with tokens of another type', { tokenType: 'at+jwt' }],
  ['with a shorter wait', { rotation: { verifierCache: '1s' } }],
])(
  'a replica %s issues nothing with that key, and changes nothing for others',
  async (_, rules) => {
    const folder = await createFolder()
    const first = await runServer(folder, { migrate: true })
    const second = await runServer(withRules(folder, rules))
    const [one, other] = [clientOf(first, folder), clientOf(second, folder)]

    expect(await other.issueToken()).toEqual(REFUSED)
    expect(await askForMore(other)).toEqual(REFUSED)
    expect(await other.sign()).toEqual(RELEASED)
    expect(await other.failedChecks()).toEqual(['key sessions ERR_KEY_RULES_DIFFER'])
    expect(second.lines.join('')).toMatch(/ERR_KEY_RULES_DIFFER.*"key":"sessions"/)
    expect(await one.issueToken()).toEqual(RELEASED)
    expect(await askForMore(one)).toEqual(OUTSIDE)
    expect(await one.failedChecks()).toEqual([])
    expect(await rulesIn(first, folder)).toEqual([])
  },
)

test('rules that an operator accepts apply to all replicas at once, and are logged', async () => {
  const folder = await createFolder()
  const first = await runServer(folder, { migrate: true })
  const looser = withRules(folder, LOOSER)
  const second = await runServer(looser, { acceptKeyRules: REASON })
  const [one, other] = [clientOf(first, folder), clientOf(second, folder)]

  expect(await askForMore(other)).toEqual(RELEASED)
  expect(await one.issueToken()).toEqual(REFUSED)
  await expect.poll(() => one.failedChecks(), SOON).toEqual(['key sessions ERR_KEY_RULES_DIFFER'])
  expect(first.lines.join('')).toMatch(/ERR_KEY_RULES_DIFFER.*"key":"sessions"/)
  expect(await rulesIn(second, folder)).toMatchObject([
    { resource: 'sessions', maxTokenLifetimeSeconds: 86_400, reason: REASON },
  ])

  const again = await runServer(looser, { acceptKeyRules: REASON })
  expect(await askForMore(clientOf(again, folder))).toEqual(RELEASED)
  expect(await rulesIn(again, folder)).toHaveLength(1)
})

test('stricter rules apply to all replicas without acceptance, and are logged', async () => {
  const folder = await createFolder()
  const first = await runServer(folder, { migrate: true })
  const second = await runServer(withRules(folder, STRICTER))
  const [one, other] = [clientOf(first, folder), clientOf(second, folder)]

  expect(await other.issueToken()).toEqual(RELEASED)
  expect(await one.issueToken()).toEqual(REFUSED)
  expect(await rulesIn(second, folder)).toMatchObject([
    { resource: 'sessions', maxTokenLifetimeSeconds: 300, reason: undefined },
  ])
})

test('replicas that start at once with different rules apply the rules of one', async () => {
  const folder = await createFolder()
  const replicas = await Promise.all(
    [LOOSER, { tokenType: 'at+jwt' }].map((rules) =>
      runServer(withRules(folder, rules), { migrate: true }),
    ),
  )

  const verdicts = await Promise.all(
    replicas.map((replica) => clientOf(replica, folder).issueToken()),
  )

  expect(verdicts.toSorted((a, b) => a.status - b.status)).toEqual([RELEASED, REFUSED])
})

test('a replica with other rules for a key of the service itself starts and warns', async () => {
  const folder = await createFolder()
  await runServer(folder, { migrate: true })
  const rotation = { maxAge: '1s', auditWindow: '1d' }

  for (const key of ['trust', 'log', 'timestamp']) {
    const other = clientOf(await runServer(withRules(folder, { rotation }, key)), folder)
    expect(await other.failedChecks()).toEqual([`key ${key} ERR_KEY_RULES_DIFFER`])
  }
})

test('the only service of an SQLite store adopts its new rules at its start, and logs them', async () => {
  const keys = { sessions: { use: 'token', ...RULES } } as const
  const folder = writeServiceFolder({ folder: createTempFolder(), keys })
  const first = await runServer(folder)
  await first[Symbol.asyncDispose]()

  const second = await runServer(withRules(folder, LOOSER))

  expect(await askForMore(clientOf(second, folder))).toEqual(RELEASED)
  expect(await rulesIn(second, folder)).toMatchObject([{ resource: 'sessions', reason: undefined }])
})
