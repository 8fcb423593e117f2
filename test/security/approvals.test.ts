/** One administrator alone tries to do what two must agree on: over the API, and with write access to the database. */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import type { ApprovableAction } from '../../src/keys/protected-actions.ts'
import { appendEntries } from '../../src/log/append.ts'
import type { ApproveEntry, LogEntry, StateEntry } from '../../src/log/entry.ts'
import { serializeEntry } from '../../src/log/entry-format.ts'
import { openStoredLog } from '../../src/log/source.ts'
import { verifyLog } from '../../src/log/verify-log.ts'
import { openStore } from '../../src/store/open-store.ts'
import { changeByHand } from '../support/changed-by-hand.ts'
import { stateEntry } from '../support/log-entries.ts'
import { backUp, putBack } from '../support/older-store.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'
import { runServer, type TestServer } from '../support/server.ts'
import {
  type ServiceFolder,
  type ServiceFolderOptions,
  writeServiceFolder,
} from '../support/service-folder.ts'
import { SOON } from '../support/soon.ts'
import { createTempFolder } from '../support/temp-folder.ts'

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly body: Readonly<Record<string, unknown>>
}

interface Call {
  readonly path: string
  /** Without one: a GET. */
  readonly body?: object
  readonly as?: string
}

interface Scene {
  readonly server: TestServer
  readonly folder: ServiceFolder
  readonly issuer: OidcIssuer
  readonly call: (call: Call) => Promise<Answer>
  /** States of `release`, by version: `1 active, 2 pending`. */
  readonly states: () => Promise<string>
  /** Steps of approvals and changes that callers made, as the log has them. */
  readonly log: () => Promise<readonly string[]>
  /** Indices of the entries with a label, the newest first. */
  readonly indices: (label: string) => Promise<readonly number[]>
  readonly sql: (statements: string) => Promise<void>
  readonly failedChecks: () => Promise<readonly string[]>
}

interface Placed {
  readonly index: number
  readonly entry: {
    readonly type: string
    readonly action?: string
    readonly step?: string
    readonly caller?: { readonly subject: string }
  }
}

/** A service whose `release` has an active version and a standby that may not sign yet. */
function start(...actions: readonly ApprovableAction[]): Promise<Scene> {
  return startWith({ use: 'artifact' }, actions)
}

async function startWith(
  release: ServiceFolderOptions['keys'][string],
  actions: readonly ApprovableAction[],
): Promise<Scene> {
  const issuer = await startOidcIssuer()
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release },
    access: {
      issuers: [{ issuer: issuer.issuer, allowPrivateAddresses: true }],
      approvals: { required: 2, actions },
    },
  })
  const scene = await connect(folder, issuer)
  await expect.poll(() => scene.states()).toBe(UNTOUCHED)
  return scene
}

async function connect(folder: ServiceFolder, issuer: OidcIssuer): Promise<Scene> {
  const server = await runServer(folder)
  const { address } = server
  const call = async ({ path, body, as = 'mallory' }: Call): Promise<Answer> => {
    const authorization = `Bearer ${await issuer.mint({ sub: as })}`
    const sent = { method: 'POST', body: JSON.stringify(body) }
    const answer = await fetch(`${address}${path}`, {
      headers: { authorization, 'content-type': 'application/json' },
      ...(body !== undefined && sent),
    })
    const said = (await answer.json()) as Answer['body'] & { readonly code?: string }
    return { status: answer.status, code: said.code, body: said }
  }
  const versions = async (): Promise<readonly { version: number; state: string }[]> =>
    (await call({ path: '/v1/keys/release' })).body['versions'] as never
  const entries = async (label: string): Promise<readonly Placed[]> => {
    const { body } = await call({ path: `/audit/entries?label=${encodeURIComponent(label)}` })
    return body['entries'] as readonly Placed[]
  }
  return {
    server,
    folder,
    issuer,
    call,
    states: async () =>
      (await versions()).map(({ version, state }) => `${version} ${state}`).join(', '),
    log: async () =>
      (await entries('key:release'))
        .map(({ entry }) => entry)
        .filter(({ caller, type }) => caller !== undefined && type !== 'denial')
        .map(({ action, caller, step }) => `${caller?.subject ?? ''} ${step ?? action ?? ''}`)
        .toReversed(),
    indices: async (label) => (await entries(label)).map(({ index }) => index),
    sql: (statements) => changeByHand(join(folder.folder, 'service.db'), statements),
    failedChecks: async () => {
      const { checks } = (await (await fetch(`${address}/readyz`)).json()) as {
        readonly checks: readonly { readonly name: string; readonly ok: boolean }[]
      }
      return checks.filter(({ ok }) => !ok).map(({ name }) => name)
    },
  }
}

const UNTOUCHED = '1 active, 2 pending'
const reason = 'because I can'

test.each<readonly [string, ApprovableAction, string, object]>([
  ['a forced rotation', 'forceActivateKey', 'rotate', { force: true }],
  ['a forced rotation', 'activateKey', 'rotate', { force: true }],
  ['a forced activation', 'rotateKey', 'activate', { version: 2, force: true }],
  ['a revocation that takes the standby early', 'forceActivateKey', 'revoke', { mode: 'seamless' }],
  ['a revocation that activates', 'activateKey', 'revoke', { mode: 'seamless' }],
  ['a revocation that brings in a fresh version', 'forceActivateKey', 'revoke', { mode: 'flush' }],
  ['a revocation that makes a version', 'createKey', 'revoke', { version: 2, mode: 'flush' }],
  ['a retirement', 'retireKey', 'retire', { force: true }],
])('%s alone needs approval where %s does', async (_what, action, path, body) => {
  const { call, log, states } = await start(action)

  const { code } = await call({ path: `/v1/keys/release/${path}`, body: { ...body, reason } })

  expect(code).toBe('ERR_APPROVAL_REQUIRED')
  expect(await states()).toBe(UNTOUCHED)
  expect(await log()).toEqual(['mallory request'])
})

const REVOKE: Call = { path: '/v1/keys/release/revoke', body: { mode: 'seamless', reason } }

/** Mallory asks, for a revocation if nothing else is said; answers what others are to approve. */
async function ask(
  { call }: Scene,
  request: Call = REVOKE,
): Promise<{ readonly id: string; readonly sha256: string }> {
  const { body, code } = await call(request)
  expect(code).toBe('ERR_APPROVAL_REQUIRED')
  const { approvalId, requestSha256 } = body['approval'] as Readonly<Record<string, string>>
  return { id: approvalId ?? '', sha256: requestSha256 ?? '' }
}

test('a change approved by two runs once, and the log has the approvals before it', async () => {
  const scene = await start('revokeKey')
  const { id, sha256 } = await ask(scene)
  const path = `/v1/approvals/${id}`
  const approval = { path, body: { requestSha256: sha256 } }

  expect((await scene.call(approval)).code).toBe('ERR_APPROVAL_REQUIRED')
  expect((await scene.call({ ...approval, as: 'alice' })).status).toBe(200)
  expect((await scene.call(REVOKE)).status).toBe(200)

  expect(await scene.states()).toMatch(/^1 revoked, 2 active/)
  expect(await scene.log()).toEqual([
    'mallory request',
    'alice approve',
    'mallory use',
    'mallory revoke',
    'mallory activate',
  ])
  expect((await scene.call({ ...approval, as: 'bob' })).code).toBe('ERR_APPROVAL_REQUIRED')
  expect(await scene.failedChecks()).toEqual([])
})

const ROTATE: Call = { path: '/v1/keys/release/rotate', body: {} }
/** Waits that a test can wait for. */
const FAST = {
  maxAge: '1s',
  verifierCache: '1s',
  replicaLag: '1s',
  signerLag: '1s',
  clockSkew: '1s',
}

/** When the service rotates by itself, and the earliest that it could. */
async function plannedRotation({ call }: Scene): Promise<Readonly<Record<string, unknown>>> {
  const { body } = await call({ ...ROTATE, path: `${ROTATE.path}?dryRun=true` })
  return (body['plan'] as { readonly rotation: Readonly<Record<string, unknown>> }).rotation
}

test('a rotation that needs approval does not reach the scheduler by an early request', async () => {
  const scene = await start('rotateKey')
  const before = await plannedRotation(scene)

  expect((await scene.call(ROTATE)).code).toBe('ERR_TRANSITION_TOO_EARLY')

  expect((await plannedRotation(scene))['scheduledAt']).toBe(before['scheduledAt'])
  expect(await scene.states()).toBe(UNTOUCHED)
})

test('a rotation that needs no approval is left to the scheduler, and its answer says so', async () => {
  const scene = await start('revokeKey')
  const before = await plannedRotation(scene)

  const { body, code } = await scene.call(ROTATE)

  expect(code).toBe('ERR_TRANSITION_TOO_EARLY')
  expect(body).toMatchObject({ hint: 'it is activated then without being asked again' })
  expect((await plannedRotation(scene))['scheduledAt']).not.toBe(before['scheduledAt'])
})

test('an approved rotation to a dead standby consumes no approval and covers no other version', async () => {
  const scene = await startWith({ use: 'artifact', rotation: FAST }, ['rotateKey'])
  const askAgain = async () => (await scene.call(ROTATE)).code
  await expect.poll(askAgain, SOON).toBe('ERR_APPROVAL_REQUIRED')
  const { id, sha256 } = await ask(scene, ROTATE)
  rmSync(join(scene.folder.folder, 'keys', 'release-2.pem'))
  const approval = { path: `/v1/approvals/${id}`, body: { requestSha256: sha256 }, as: 'alice' }
  expect((await scene.call(approval)).status).toBe(200)

  expect((await scene.call(ROTATE)).code).toBe('ERR_TRANSITION_REFUSED')

  await expect.poll(askAgain, SOON).toBe('ERR_APPROVAL_REQUIRED')
  expect(await scene.states()).toBe('1 active, 2 retired, 3 pending')
  expect(await scene.log()).toEqual(['mallory request', 'alice approve', 'mallory request'])
  expect(await scene.failedChecks()).toEqual([])
})

/** The entry of an approval by an operator who never gave it. */
function forgedApproval(id: string, requestSha256: string): ApproveEntry {
  return {
    type: 'approval',
    time: new Date(),
    requestId: 'forged',
    caller: { issuer: 'https://idp.example', subject: 'alice', claims: {} },
    step: 'approve',
    action: 'revokeKey',
    resource: 'release',
    approvalId: id,
    requestSha256,
  }
}

test('an entry that is rewritten into an approval approves nothing', async () => {
  const scene = await start('revokeKey')
  const { id, sha256 } = await ask(scene)
  const data = Buffer.from(serializeEntry(forgedApproval(id, sha256))).toString('hex')
  const label = createHash('sha256').update(`approval:${id}`).digest('hex').slice(0, 14)
  await scene.sql(`
    update log_entries set data = x'00${data}' where (log, idx) = (select 0, max(idx) from log_entries where log = 0);
    insert into log_labels (log, part, label, idx) select 0, 0, x'${label}', max(idx) from log_entries where log = 0`)

  const { code } = await scene.call(REVOKE)

  expect(code).toBe('ERR_APPROVAL_REQUIRED')
  expect(await scene.states()).toBe(UNTOUCHED)
})

test('a used approval does not count again, though its row is restored', async () => {
  const scene = await start('destroyKey', 'revokeKey')
  const { id, sha256 } = await ask(scene)
  await scene.sql('create table kept as select * from approvals')
  await scene.call({ path: `/v1/approvals/${id}`, body: { requestSha256: sha256 }, as: 'alice' })
  expect((await scene.call(REVOKE)).status).toBe(200)
  await scene.sql('insert into approvals select * from kept')

  const { body } = await scene.call({ path: '/v1/approvals' })

  expect(body).toEqual({ approvals: [] })
})

test('a used approval does not return with an older database', async () => {
  const scene = await start('retireKey')
  const { folder, issuer } = scene
  const retire: Call = { path: '/v1/keys/release/retire', body: { version: 2, reason } }
  const { id, sha256 } = await ask(scene, retire)
  await scene.call({ path: `/v1/approvals/${id}`, body: { requestSha256: sha256 }, as: 'alice' })
  await scene.server[Symbol.asyncDispose]()
  backUp(folder)
  const using = await connect(folder, issuer)
  expect((await using.call(retire)).status).toBe(200)
  await using.server[Symbol.asyncDispose]()
  putBack(folder)
  const restored = await connect(folder, issuer)

  expect((await restored.call(retire)).code).toBe('ERR_STORE_BEHIND')
  expect(await restored.states()).toBe(UNTOUCHED)
})

test('approvers always see the request that they approve', async () => {
  const scene = await start('revokeKey')
  const { id, sha256 } = await ask(scene)
  await scene.sql(`update approvals set parameters = replace(parameters, 'because', 'not because')`)
  const approval = { path: `/v1/approvals/${id}`, body: { requestSha256: sha256 }, as: 'alice' }

  expect((await scene.call({ path: '/v1/approvals' })).body).toEqual({ approvals: [] })
  expect((await scene.call(approval)).code).toBe('ERR_APPROVAL_REQUIRED')
})

/** An attacker with the database and our code appends entries that no service would; it restarts over them. */
async function append(
  { folder, issuer, server }: Scene,
  ...entries: readonly LogEntry[]
): Promise<Scene> {
  await server[Symbol.asyncDispose]()
  const store = await openStore(`sqlite:${join(folder.folder, 'service.db')}`)
  await store.transaction((records) => appendEntries(records, entries))
  await store[Symbol.asyncDispose]()
  return connect(folder, issuer)
}

/** How `log verify` ends, once the service has signed a checkpoint over all. */
async function verifyStoppedLog({ folder, server }: Scene): Promise<string> {
  await server[Symbol.asyncDispose]()
  await using store = await openStore(`sqlite:${join(folder.folder, 'service.db')}`)
  const versions = await store.transaction(({ keys }) => keys.versions('audit'))
  const keys = versions.map(({ publicKey }) => logVerifierKey('sign.example.com/audit', publicKey))
  try {
    await verifyLog({ source: openStoredLog(store.log), log: { keys } })
    return 'verified'
  } catch (error) {
    return String(error)
  }
}

/** The standby of `release` becomes active by force, with an entry in the log that says so. */
async function forceByHand(scene: Scene): Promise<StateEntry> {
  const { body } = await scene.call({ path: '/v1/keys/release' })
  const [, standby] = body['versions'] as readonly { readonly kid: string }[]
  return stateEntry(0, {
    time: new Date(),
    caller: { issuer: 'https://idp.example', subject: 'mallory', claims: {} },
    key: { name: 'release', version: 2, kid: standby?.kid ?? '' },
    from: 'pending',
    to: 'active',
    action: 'activate',
    isForced: true,
    sequence: 1000,
  })
}

test('a change without its approvals is found by /readyz and by log verify', async () => {
  const scene = await start('revokeKey')
  const { id, sha256 } = await ask(scene)
  const [at = 0] = await scene.indices(`approval:${id}`)
  expect(await scene.failedChecks()).toEqual([])
  const use: LogEntry = {
    ...forgedApproval(id, sha256),
    step: 'use',
    required: 2,
    approvals: [at, at],
  }
  const next = await append(scene, use)

  expect(await next.failedChecks()).toEqual(['approvals'])
  expect(await verifyStoppedLog(next)).toContain('it needs 2 approvals, and 1 precede it')
})

test.each<readonly [string, Partial<StateEntry>, boolean]>([
  ['by a caller', {}, true],
  ['that is not forced', { isForced: false }, false],
  ['by the service itself', { caller: undefined }, false],
])('a forced activation %s needs an approval in the log: %s', async (_what, change, isFound) => {
  const scene = await start('forceActivateKey')
  const next = await append(scene, { ...(await forceByHand(scene)), ...change })

  const found = (await next.failedChecks()).includes('approvals')
  const verdict = await verifyStoppedLog(next)

  expect(found).toBe(isFound)
  const why = 'forceActivateKey of "release" needs 2 approvals, and none was used for it'
  expect(verdict.includes(why)).toBe(isFound)
})

test('relaxed rules do not excuse earlier violations', async () => {
  const scene = await start('forceActivateKey')
  const relaxed: LogEntry = {
    type: 'rules',
    time: new Date(),
    requestId: 'forged',
    caller: undefined,
    approvals: { required: 1, actions: [] },
  }
  const next = await append(scene, await forceByHand(scene), relaxed)

  expect(await next.failedChecks()).toContain('approvals')
})
