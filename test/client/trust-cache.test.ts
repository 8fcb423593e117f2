import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import type { CachedDocument } from '../../src/client/cached-document.ts'
import { createDocumentFile } from '../../src/client/document-file.ts'
import { createTrustCache, type Trust } from '../../src/client/trust-cache.ts'
import type { KeyHistory } from '../../src/keys/key-history.ts'
import { codeOfAsync } from '../support/errors.ts'
import { signHistory, startPublications } from '../support/publications.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const trustVersion = (n: number): ReturnType<typeof testSigner> => testSigner('ES256', `trust ${n}`)

/** A client that pinned the first version of the trust key. */
async function createScene(): Promise<{
  readonly client: () => CachedDocument<Trust>
  readonly publish: (sequence: number, signer: number, next?: readonly number[]) => Promise<void>
  readonly stop: () => void
  readonly pass: (days: number) => void
}> {
  const server = await startPublications()
  const copy = createDocumentFile(join(createTempFolder(), 'trust.json'))
  let nowMs = Date.UTC(2026, 0, 1)
  return {
    client: () =>
      createTrustCache({
        service: server.url,
        trustKey: trustVersion(1).key,
        get: createBoundedGet({ allowPrivateAddresses: true }),
        now: () => new Date(nowMs),
        random: () => 0,
        copy,
      }),
    publish: async (sequence, signer, next = []) => {
      const trustKeys = next.map((n) => trustVersion(n).key)
      const history: KeyHistory = {
        sequence,
        versions: [],
        ...(next.length > 0 && { trustKeys }),
      }
      server.pages.set('/trust/keys.json', await signHistory(history, trustVersion(signer)))
    },
    stop: () => void (server.failure = 503),
    pass: (days) => void (nowMs += days * 86_400_000),
  }
}

const sequenceOf = async (client: CachedDocument<Trust>): Promise<number> =>
  (await client.current()).history.sequence

test('a history signed by the pinned trust key is taken, and by another one refused', async () => {
  const { client, publish } = await createScene()

  await publish(1, 2)
  expect(await codeOfAsync(() => client().current())).toBe('ERR_SIGNATURE_INVALID')

  await publish(1, 1)
  expect(await sequenceOf(client())).toBe(1)
})

test('a client that looks in follows every rotation of the trust key', async () => {
  const { client, publish, pass } = await createScene()
  for (let active = 1; active <= 4; active += 1) {
    await publish(active, active, [active, active + 1])
    pass(1)
    expect(await sequenceOf(client())).toBe(active)
  }
})

test('a retired trust key signs nothing that is taken', async () => {
  const { client, publish, pass } = await createScene()
  await publish(1, 1, [1, 2])
  await sequenceOf(client())
  await publish(2, 2, [2, 3])
  pass(1)
  await sequenceOf(client())

  await publish(3, 1, [1])
  pass(1)

  expect(await codeOfAsync(() => client().current())).toBe('ERR_SIGNATURE_INVALID')
})

test('a client that slept through a whole period must pin anew, and is told so', async () => {
  const { client, publish, pass } = await createScene()
  await publish(1, 1, [1, 2])
  await sequenceOf(client())

  await publish(9, 3, [3, 4])
  pass(1)

  await expect(client().current()).rejects.toMatchObject({
    code: 'ERR_SIGNATURE_INVALID',
    hint: expect.stringContaining('countersign trust init') as unknown,
  })
})

test('an old history is refused, in the next process too', async () => {
  const { client, publish, pass } = await createScene()
  await publish(5, 1)
  await sequenceOf(client())

  await publish(4, 1)
  pass(1)

  expect(await codeOfAsync(() => client().current())).toBe('ERR_TRUST_ROLLED_BACK')
})

test('without the service the copy is used for a week, and can be read for ever', async () => {
  const { client, publish, stop, pass } = await createScene()
  await publish(5, 1)
  await sequenceOf(client())
  stop()

  pass(6.9)
  expect(await sequenceOf(client())).toBe(5)

  pass(0.2)
  expect(await codeOfAsync(() => client().current())).toBe('ERR_TRUST_STALE')
  expect((await client().held())?.value.history.sequence).toBe(5)
})
