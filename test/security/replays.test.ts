/** Answers that are kept for retries are asked for by others than they were made for, and changed where they lie. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import { withoutLogEntries } from '../../src/formats/log-entry.ts'
import { readAudit } from '../support/audit-log.ts'
import { changeByHand } from '../support/changed-by-hand.ts'
import { type OidcIssuer, startOidcIssuer } from '../support/oidc-issuer.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

interface Answer {
  readonly status: number
  readonly code: string | undefined
  /** Without the proofs of entries, which are recomputed for each answer. */
  readonly text: string
  /** How many entries of logs each bundle carries. */
  readonly logEntries: readonly number[]
}

interface Call {
  readonly path?: string
  readonly body?: object
  readonly as?: string
  readonly claims?: object
  /** Idempotency-Key. */
  readonly key?: string
}

interface Answered {
  readonly code?: string
  readonly results?: readonly { readonly bundle?: JsonObject }[]
}

interface Scene {
  readonly folder: ServiceFolder
  readonly issuer: OidcIssuer
  readonly server: TestServer
  readonly call: (call?: Call) => Promise<Answer>
  readonly sql: (statements: string) => Promise<void>
  /** Signatures and attestations in the log. */
  readonly made: () => Promise<number>
}

const SIGNATURES = '/v1/keys/release/signatures'
const DIGEST = digestOf(Buffer.from('one'))
const OTHER = digestOf(Buffer.from('another'))
const ONE = { artifacts: [{ digest: DIGEST, kind: 'file', name: 'app.tgz' }] }

async function start(policies?: string): Promise<Scene> {
  const issuer = await startOidcIssuer()
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' }, quiet: { use: 'artifact', algorithm: 'EdDSA' } },
    access: { issuers: [{ issuer: issuer.issuer, allowPrivateAddresses: true }] },
    ...(policies !== undefined && { policies }),
  })
  return connect(folder, issuer)
}

async function connect(folder: ServiceFolder, issuer: OidcIssuer): Promise<Scene> {
  const server = await runServer(folder)
  const call: Scene['call'] = async (asked = {}) => {
    const { path = SIGNATURES, body = ONE, as = 'alice', claims, key = 'retry-1' } = asked
    const answer = await fetch(`${server.address}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${await issuer.mint({ sub: as, ...claims })}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(body),
    })
    const said = (await answer.json()) as Answered
    const results = said.results?.map(({ bundle, ...rest }) => {
      return { bundle: bundle && withoutLogEntries(bundle), ...rest }
    })
    const text = JSON.stringify({ ...said, results })
    const logEntries = (said.results ?? []).map(({ bundle }) => countEntries(bundle))
    return { status: answer.status, code: said.code, text, logEntries }
  }
  const { address: url } = server
  const count = async (label: string): Promise<number> =>
    (await readAudit({ url, authorization: folder.authorization }, label)).length
  return {
    folder,
    issuer,
    server,
    call,
    sql: (statements) => changeByHand(join(folder.folder, 'service.db'), statements),
    made: async () => (await count('type:signature')) + (await count('type:attestation')),
  }
}

function countEntries(bundle: JsonObject = {}): number {
  return parseBundle(Buffer.from(JSON.stringify(bundle))).logEntries
}

async function restart({ folder, issuer, server }: Scene, policies: string): Promise<Scene> {
  await server[Symbol.asyncDispose]()
  const place = join(folder.folder, 'policies')
  const [file = ''] = readdirSync(place)
  writeFileSync(join(place, file), policies)
  return connect(folder, issuer)
}

const ON_MAIN = `permit (principal, action, resource)
  when { principal has ref && principal.ref == "refs/heads/main" };
permit (principal, action == Action::"readLog", resource);`

test('a retry is authorized by its own token', async () => {
  const { call, made } = await start(ON_MAIN)
  const main = { claims: { ref: 'refs/heads/main' } }
  expect((await call(main)).status).toBe(200)

  const { code, status } = await call({ claims: { ref: 'refs/heads/evil' } })

  expect([status, code]).toEqual([403, 'ERR_NOT_ALLOWED'])
  expect((await call(main)).status).toBe(200)
  expect(await made()).toBe(1)
})

test('concurrent retries are each authorized by their own token', async () => {
  const { call, made } = await start(ON_MAIN)
  const refs = ['main', 'evil', 'main', 'evil']

  const answers = await Promise.all(
    refs.map((ref) => call({ claims: { ref: `refs/heads/${ref}` } })),
  )

  expect(answers.map(({ status }) => status)).toEqual([200, 403, 200, 403])
  expect(await made()).toBe(1)
})

test('a retry is refused once no policy permits it, attestations included', async () => {
  const scene = await start()
  const attest = {
    path: '/v1/keys/release/attestations',
    body: { subjects: [{ digest: DIGEST }], predicateType: 'https://p.example', predicate: {} },
    key: 'retry-2',
  }
  const first = [await scene.call(), await scene.call(attest)]
  const readOnly =
    'permit (principal, action in [Action::"readKeys", Action::"readLog"], resource);'
  const next = await restart(scene, readOnly)

  expect(first.map(({ status }) => status)).toEqual([200, 200])
  expect((await next.call()).code).toBe('ERR_NOT_ALLOWED')
  expect((await next.call(attest)).code).toBe('ERR_NOT_ALLOWED')
})

test('a retry of a signature by a revoked version gets the error of a revoked version', async () => {
  const scene = await start()
  expect((await scene.call()).status).toBe(200)
  const revoke = { mode: 'seamless', version: 1, reason: 'stolen', force: true }
  expect((await scene.call({ path: '/v1/keys/release/revoke', body: revoke })).status).toBe(200)

  const { code, status } = await scene.call()

  expect([status, code]).toEqual([409, 'ERR_KEY_REVOKED'])
  expect(await scene.made()).toBe(1)
})

test('a retry of a signature by a retired version gets the same answer', async () => {
  const scene = await start()
  const { text } = await scene.call()
  const rotate = { force: true, reason: 'a drill' }
  expect((await scene.call({ path: '/v1/keys/release/rotate', body: rotate })).status).toBe(200)

  expect((await scene.call()).text).toBe(text)
})

const change = (from: string, to: string): string =>
  `update answers set body = replace(body, '${from}', '${to}')`

test.each([
  ['the bundle', change('"signature', '"Signature')],
  ['a byte of the signature', change('"sig":"ME', '"sig":"MF')],
  ['the time stamp', change('"signedTimestamp":"MII', '"signedTimestamp":"MIJ')],
  ['the index in the log', change('"logIndex":', '"logIndex":1')],
  ['the name of the key', change('"key":"release"', '"key":"other"')],
  ['the version', change('"version":1', '"version":2')],
  ['the digest', change(DIGEST, OTHER)],
  ['the name of the artifact', change('app.tgz', 'evil.tgz')],
  ['an extra member', change('"logIndex"', '"more":1,"logIndex"')],
  ['all of it', `update answers set body = '{"key":"release"}'`],
  ['its form', `update answers set body = '[[1]]'`],
  ['its syntax', `update answers set body = 'x'`],
])('an answer in which %s was changed is never handed out', async (_what, sql) => {
  const { call, made, sql: run } = await start()
  const { text } = await call()
  await run(sql).catch(() => undefined)

  const again = await call()

  expect([text, 'ERR_LOG_PROOF_INVALID']).toContain(again.code ?? again.text)
  expect(again.status).toBe(again.code === undefined ? 200 : 422)
  expect(await made()).toBe(1)
})

// No stock verifier reads entries about what an Ed25519 key signs, so its bundles carry none.
test.each([
  ['release', 1, change('"tlogEntries":[', '"tlogEntries":[{"logIndex":"1"},')],
  ['quiet', 0, change('ationMaterial":{', 'ationMaterial":{"tlogEntries":[{"logIndex":"1"}],')],
])('an entry inserted into a stored answer of %s is not handed out', async (key, count, put) => {
  const { call, sql } = await start()
  const path = `/v1/keys/${key}/signatures`
  const { logEntries, text } = await call({ path })
  await sql(put)

  const again = await call({ path })

  expect(logEntries).toEqual([count])
  expect(again).toMatchObject({ status: 200, text, logEntries: [count] })
})

test.each([
  ['caller', { as: 'mallory', body: ONE }],
  ['request', { as: 'alice', body: { artifacts: [{ ...ONE.artifacts[0], digest: OTHER }] } }],
])('the answer to another %s is never handed out', async (_what, asked) => {
  const { call, sql } = await start()
  const victim = await call({ key: 'k-1' })
  await sql('create table kept as select * from answers')
  const own = await call({ ...asked, key: 'k-2' })
  await sql(
    `update answers set body = (select body from kept) where id not in (select id from kept)`,
  )

  const again = await call({ ...asked, key: 'k-2' })

  expect([victim.status, own.status]).toEqual([200, 200])
  expect(again.code).toBe('ERR_LOG_PROOF_INVALID')
})

test('results of one answer keep their order', async () => {
  const { call, sql } = await start()
  const [artifact] = ONE.artifacts
  const body = { artifacts: [artifact, { ...artifact, annotations: { env: 'prod' } }] }
  expect((await call({ body })).status).toBe(200)
  await sql(`update answers set body =
    json_array(json(json_extract(body, '$[1]')), json(json_extract(body, '$[0]')))`)

  expect((await call({ body })).code).toBe('ERR_LOG_PROOF_INVALID')
})
