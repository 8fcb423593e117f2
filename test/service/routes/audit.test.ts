import { expect, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import { toCountersignError } from '../../../src/errors.ts'
import { openLogServer } from '../../../src/log/http-source.ts'
import { verifyLog } from '../../../src/log/verify-log.ts'
import {
  CREDENTIALS,
  startService,
  type TestService,
  type TestServiceOptions,
  WORKFLOW_CREDENTIALS,
} from '../../support/service.ts'
import { LOG_KEY, signStored } from '../../support/signed-log.ts'

const DIGEST = digestOf(Buffer.from('an artifact'))

/** Every group of actions there is. */
const ALL_GROUPS =
  'permit (principal, action in [Action::"signing", Action::"administration", Action::"reading"], resource);'

/** A service whose audit log has a signature of a workflow, and is signed. */
async function createScene(options: TestServiceOptions = {}): Promise<TestService> {
  const service = await startService(options)
  await service.app.inject({
    method: 'POST',
    url: '/v1/keys/release/signatures',
    headers: WORKFLOW_CREDENTIALS,
    payload: { artifacts: [{ digest: DIGEST, kind: 'file', name: 'app.tar.gz' }] },
  })
  await signStored(service.store)
  return service
}

const PATHS = ['checkpoint', 'entries', 'tile/entries/000.p/1', 'tile/0/000.p/1', 'tile/nowhere']

test.each(PATHS)('a client without a token cannot read /audit/%s', async (path) => {
  const { app } = await createScene()
  const answer = await app.inject(`/audit/${path}`)

  expect(answer.statusCode).toBe(401)
  expect(answer.json()).toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })
})

test.each(PATHS)(
  'a caller with all groups of actions cannot read /audit/%s, and the log records the denial',
  async (path) => {
    const { app, log } = await createScene({ policies: ALL_GROUPS })
    const answer = await app.inject({ url: `/audit/${path}`, headers: CREDENTIALS })

    expect(answer.statusCode).toBe(403)
    expect(answer.json()).toMatchObject({ code: 'ERR_NOT_ALLOWED' })
    expect(answer.body).not.toContain('app.tar.gz')
    expect((await log()).slice(1)).toMatchObject([
      {
        type: 'denial',
        action: 'readLog',
        resource: 'audit',
        code: 'ERR_NOT_ALLOWED',
        caller: { subject: 'tester' },
      },
    ])
  },
)

test('readLog is asked of the key that signs the audit log, and of no other', async () => {
  const policyFor = (name: string): string =>
    `permit (principal, action == Action::"readLog", resource == Key::"${name}");
permit (principal, action == Action::"sign", resource);`
  const permitted = await createScene({ policies: policyFor('audit') })
  const refused = await createScene({ policies: policyFor('release') })
  const read = { url: '/audit/entries', headers: CREDENTIALS }

  expect((await permitted.app.inject(read)).statusCode).toBe(200)
  expect((await refused.app.inject(read)).statusCode).toBe(403)
})

test('a permitted caller reads the audit log by index and by label', async () => {
  const { app } = await createScene()
  const read = (query: string) =>
    app.inject({ url: `/audit/entries${query}`, headers: CREDENTIALS })

  const answer = await read('')
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.json()).toMatchObject({
    size: 1,
    entries: [
      {
        index: 0,
        entry: { type: 'signature', digests: [DIGEST], publicEntry: { index: 0 } },
      },
    ],
  })
  expect((await read(`?label=digest:${DIGEST}`)).json()).toEqual(answer.json())
  expect((await read('?label=digest:other')).json()).toEqual({ size: 1, entries: [] })
})

test('nothing of the audit log is for caches', async () => {
  const { app } = await createScene()

  for (const path of PATHS.slice(0, 4)) {
    const answer = await app.inject({ url: `/audit/${path}`, headers: CREDENTIALS })
    expect([path, answer.statusCode, answer.headers['cache-control']]).toEqual([
      path,
      200,
      'no-store',
    ])
  }
})

test('the audit log verifies over HTTP only with the token of a permitted caller', async () => {
  const { app } = await createScene()
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const verify = async (token: string): Promise<unknown> => {
    const source = openLogServer(url, {
      folder: 'audit',
      fetch: globalThis.fetch,
      token: () => Promise.resolve(token),
    })
    try {
      const { entries } = await verifyLog({ source, log: { keys: [LOG_KEY] } })
      return entries
    } catch (error) {
      return toCountersignError(error).code
    }
  }

  expect(await verify('let-me-in')).toEqual({ signature: 1 })
  expect(await verify('another')).toBe('ERR_NOT_AUTHENTICATED')
})

test('a service without a key for its audit log never serves it', async () => {
  const { app } = await createScene({
    keys: [{ name: 'release', use: 'artifact' }],
    parts: { stamperOf: () => undefined },
  })
  const answer = await app.inject({ url: '/audit/entries', headers: CREDENTIALS })

  expect(answer.statusCode).toBe(404)
  expect(answer.json()).toMatchObject({ code: 'ERR_KEY_NOT_FOUND' })
})
