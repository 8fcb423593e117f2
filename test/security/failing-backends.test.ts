/**
 * One backend that fails or hangs: what it costs the other keys and the published ones, and what the public learns.
 * Asserted by answers, order and counts, over a double of AWS KMS.
 *
 * @packageDocumentation
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import type { LogEntry } from '../../src/log/entry.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { ServeEntry } from '../../src/config/sections/serve.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

let stack = new AsyncDisposableStack()

afterEach(async () => {
  vi.unstubAllEnvs()
  await stack.disposeAsync()
  stack = new AsyncDisposableStack()
})

interface Readiness {
  readonly status: number
  readonly text: string
  readonly failing: readonly object[]
}

interface TokenOptions {
  /** Default: the first of {@link CALLERS}. */
  readonly caller?: string
  readonly signal?: AbortSignal
}

const CALLERS = ['polite', 'greedy-1', 'greedy-2', 'greedy-3']
const secretOf = (caller: string): string => caller.padEnd(32, '.')

interface Scene {
  readonly double: KmsDouble
  readonly address: string
  readonly server: TestServer
  readonly folder: string
  /** Asks for a token by a key: the status of the answer, and its code if it failed. */
  readonly token: (key: 'cloud' | 'local', options?: TokenOptions) => Promise<string>
  readonly readyz: (headers?: Record<string, string>) => Promise<Readiness>
}

/** All entries of the audit log, once the service has stopped. */
async function readLog({ folder, server }: Scene): Promise<readonly LogEntry[]> {
  await server[Symbol.asyncDispose]()
  await using store = await openStore(`sqlite:${join(folder, 'service.db')}`)
  const { size } = await store.log.head()
  return (await store.log.entries(0, size)).map(parseEntry)
}

/** A service with one key in KMS, `cloud`, and one in a file, `local`. */
async function start(serve: ServeEntry = {}): Promise<Scene> {
  const double = stack.use(await startKmsDouble())
  stubKmsEnvironment(double.credentials)
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: {
      cloud: { use: 'token', provider: `awskms://${double.endpoint}/` },
      local: { use: 'token' },
    },
    access: { staticTokens: CALLERS.map((name) => ({ name, token: `file:${name}` })) },
    serve: { requestTimeout: '3s', drainTimeout: '1s', ...serve },
  })
  for (const name of CALLERS) writeFileSync(join(folder.folder, name), secretOf(name))
  const server = await runServer(folder)
  const { address } = server
  const token: Scene['token'] = async (key, { caller = 'polite', signal } = {}) => {
    const answer = await fetch(`${address}/v1/keys/${key}/tokens`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${secretOf(caller)}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ audience: 'https://api.example.com' }),
      ...(signal !== undefined && { signal }),
    })
    const { code } = (await answer.json()) as { readonly code?: string }
    return [answer.status, code].filter((part) => part !== undefined).join(' ')
  }
  const readyz = async (headers: Record<string, string> = {}): Promise<Readiness> => {
    const answer = await fetch(`${address}/readyz`, { headers })
    const text = await answer.text()
    const { checks } = JSON.parse(text) as { readonly checks: readonly { readonly ok: boolean }[] }
    return { status: answer.status, text, failing: checks.filter(({ ok }) => !ok) }
  }
  return { double, server, folder: folder.folder, address, token, readyz }
}

const DENIED = {
  kind: 'error',
  name: 'AccessDeniedException',
  message: 'User: arn:aws:iam::111122223333:role/signer is not authorized to perform: kms:Sign',
} as const

test('a failing backend is seen at the first request and healed by the next, and stays in rotation', async () => {
  const { address, double, readyz, token } = await start()
  const before = await readyz()
  double.fail('Sign', DENIED)
  const failed = await token('cloud')
  const during = await readyz()
  const others = [await token('local'), (await fetch(`${address}/.well-known/jwks.json`)).status]
  double.reset()
  const healed = await token('cloud')
  const after = await readyz()

  expect([before.status, before.failing]).toEqual([200, []])
  expect(failed).toBe('503 ERR_PROVIDER_UNAVAILABLE')
  expect(during).toMatchObject({
    status: 200,
    failing: [{ name: 'key cloud', code: 'ERR_PROVIDER_UNAVAILABLE' }],
  })
  expect(others).toEqual(['200', 200])
  expect(healed).toBe('200')
  expect([after.status, after.failing]).toEqual([200, []])
})

test('with serve.ready every, a failing key takes the replica out until it signs', async () => {
  const { double, readyz, token } = await start({ ready: 'every' })
  const statuses = [(await readyz()).status]
  double.fail('Sign', DENIED)
  await token('cloud')
  statuses.push((await readyz()).status)
  double.reset()
  await token('cloud')
  statuses.push((await readyz()).status)

  expect(statuses).toEqual([200, 503, 200])
})

test('the public learns that a key fails and not why; a caller who may read it learns both', async () => {
  const { double, readyz, token } = await start()
  await readyz()
  double.fail('Sign', DENIED)
  await token('cloud')

  const anonymous = await readyz()
  const reader = await readyz({ authorization: `Bearer ${secretOf('polite')}` })

  expect(anonymous.text).not.toMatch(/arn:|111122223333|AccessDenied|NOT_ALLOWED|since|reason/)
  expect(reader.failing).toMatchObject([
    { name: 'key cloud', reason: expect.stringContaining('kms:Sign') as string },
  ])
  const secrets = [double.credentials.secretAccessKey, double.credentials.accessKeyId]
  for (const secret of secrets) expect(reader.text).not.toContain(secret)
})

test('reading readyz asks no backend and waits for none, though one hangs', async () => {
  const { double, readyz, token } = await start()
  await readyz()
  double.fail('Sign', { kind: 'hang' })
  const hanging = token('cloud')
  await double.next('Sign')
  const calls = double.calls.get('Sign')

  const answers = await Promise.all(Array.from({ length: 20 }, () => readyz()))

  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200))
  expect(double.calls.get('Sign')).toBe(calls)
  double.reset()
  await Promise.race([hanging, double.close()])
})

test('a backend that hangs takes no slot and no place in the queue from the keys of others', async () => {
  const { address, double, token } = await start({
    ...{ maxConcurrent: 12, maxQueue: 12, requestTimeout: '10m' },
  })
  double.fail('Sign', { kind: 'hang' })
  const leaving = new AbortController()
  const greedy = CALLERS.slice(1).flatMap((caller) =>
    Array.from({ length: 16 }, () => token('cloud', { caller, signal: leaving.signal })),
  )
  // What finds no place is refused at once; so many refusals show that no place is left.
  const refused = await firstOf(greedy, greedy.length - SLOTS_AND_PLACES)

  const answers: string[] = []
  for (let count = 0; count < 10; count += 1) answers.push(await token('local'))
  const together = await Promise.all([token('local'), token('local'), token('local')])
  const jwks = await fetch(`${address}/.well-known/jwks.json`)

  expect([...answers, ...together]).toEqual(Array.from({ length: 13 }, () => '200'))
  expect(jwks.status).toBe(200)
  expect(new Set(refused)).toEqual(new Set(['503 ERR_OVERLOADED', '429 ERR_THROTTLED']))
  leaving.abort()
  await Promise.allSettled(greedy)
})

const SLOTS_AND_PLACES = 24

/** The first so many promises that fulfil. */
async function firstOf<T>(all: readonly Promise<T>[], count: number): Promise<readonly T[]> {
  const settled: T[] = []
  const { promise, resolve } = Promise.withResolvers<undefined>()
  for (const one of all) {
    one.then(
      (value) => {
        settled.push(value)
        if (settled.length === count) resolve(undefined)
      },
      () => undefined,
    )
  }
  await promise
  return settled.slice(0, count)
}

test('an outage is in the audit log once for each caller, key and code, and then counted', async () => {
  const scene = await start()
  scene.double.fail('Sign', DENIED)
  for (let count = 0; count < 8; count += 1) await scene.token('cloud')
  for (let count = 0; count < 5; count += 1) await scene.token('cloud', { caller: 'greedy-1' })

  const denials = (await readLog(scene)).filter(({ type }) => type === 'denial')

  const about = { action: 'issueToken', resource: 'cloud', code: 'ERR_PROVIDER_UNAVAILABLE' }
  const of = (subject: string, requestId: unknown, reason: unknown): object => ({
    ...about,
    caller: expect.objectContaining({ subject }) as unknown,
    ...{ requestId, reason },
  })
  const counted = (count: number): unknown => expect.stringContaining(`${count} more since `)
  expect(denials).toMatchObject([
    of('polite', expect.stringMatching(/^[0-9a-f-]{36}$/), 'the service failed'),
    of('greedy-1', expect.stringMatching(/^[0-9a-f-]{36}$/), 'the service failed'),
    of('polite', 'summary', counted(7)),
    of('greedy-1', 'summary', counted(4)),
  ])
})
