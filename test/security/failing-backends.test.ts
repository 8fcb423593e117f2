/**
 * One backend that fails or hangs: what it costs the other keys and the published ones, and what the public learns.
 * Asserted by answers, order and counts, over a double of AWS KMS.
 *
 * @packageDocumentation
 */
import { afterEach, expect, test, vi } from 'vitest'
import type { ServeEntry } from '../../src/config/sections/serve.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { runServer } from '../support/server.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
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

interface Scene {
  readonly double: KmsDouble
  readonly folder: ServiceFolder
  readonly address: string
  /** Asks for a token by a key: the status of the answer, and its code if it failed. */
  readonly token: (key: 'cloud' | 'local') => Promise<string>
  readonly readyz: (headers?: Record<string, string>) => Promise<Readiness>
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
    serve: { requestTimeout: '3s', drainTimeout: '1s', ...serve },
  })
  const { address } = await runServer(folder)
  const token = async (key: string): Promise<string> => {
    const answer = await fetch(`${address}/v1/keys/${key}/tokens`, {
      method: 'POST',
      headers: { authorization: folder.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ audience: 'https://api.example.com' }),
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
  return { double, folder, address, token, readyz }
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
  const { double, folder, readyz, token } = await start()
  await readyz()
  double.fail('Sign', DENIED)
  await token('cloud')

  const anonymous = await readyz()
  const reader = await readyz({ authorization: folder.authorization })

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
