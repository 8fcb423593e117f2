import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import type { CachedDocument } from '../../src/client/cached-document.ts'
import { createDocumentFile } from '../../src/client/document-file.ts'
import { createTrustCache, type Trust } from '../../src/client/trust-cache.ts'
import type { KeyHistory } from '../../src/keys/key-history.ts'
import { codeOfAsync } from '../support/errors.ts'
import { signHistory, startPublications, timesFrom } from '../support/publications.ts'
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
        times: timesFrom(new Date(nowMs)),
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

test('a history signed by the pinned trust key is accepted, and one by another key refused', async () => {
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
    pass(0.5)
    expect(await sequenceOf(client())).toBe(active)
  }
})

test('a retired trust key signs nothing that is accepted', async () => {
  const { client, publish, pass } = await createScene()
  await publish(1, 1, [1, 2])
  await sequenceOf(client())
  await publish(2, 2, [2, 3])
  pass(0.5)
  await sequenceOf(client())

  await publish(3, 1, [1])
  pass(0.5)

  expect(await codeOfAsync(() => client().current())).toBe('ERR_SIGNATURE_INVALID')
})

test('a client that slept through a whole period has to pin again, and the error says so', async () => {
  const { client, publish, pass } = await createScene()
  await publish(1, 1, [1, 2])
  await sequenceOf(client())

  await publish(9, 3, [3, 4])
  pass(0.5)

  await expect(client().current()).rejects.toMatchObject({
    code: 'ERR_SIGNATURE_INVALID',
    reason: 'trust-key-not-pinned',
  })
})

test('an old history is refused, in the next process too', async () => {
  const { client, publish, pass } = await createScene()
  await publish(5, 1)
  await sequenceOf(client())

  await publish(4, 1)
  pass(0.5)

  expect(await codeOfAsync(() => client().current())).toBe('ERR_TRUST_ROLLED_BACK')
})

test('without the service the copy is used until it expires, and can be read for ever', async () => {
  const { client, publish, stop, pass } = await createScene()
  await publish(5, 1)
  await sequenceOf(client())
  stop()

  pass(0.9)
  expect(await sequenceOf(client())).toBe(5)

  pass(0.1)
  expect(await codeOfAsync(() => client().current())).toBe('ERR_TRUST_EXPIRED')
  expect((await client().held())?.value.history.sequence).toBe(5)
})

/** One thing that a service does between two looks of a client. */
type Step = 'renew' | 'change' | 'standby' | 'rotate'

/** A service that rotates its trust key and renews its history; every publication it ever made. */
class PublishingService {
  readonly made: Uint8Array[] = []
  #sequence = 0
  #active = 1
  #keys = [1]

  async take(step: Step, now: Date): Promise<void> {
    if (step !== 'renew') this.#sequence += 1
    if (step === 'standby' && this.#keys.length === 1) this.#keys = [this.#active, this.#active + 1]
    if (step === 'rotate' && this.#keys.length === 2) {
      this.#active += 1
      this.#keys = [this.#active]
    }
    const trustKeys = this.#keys.map((n) => trustVersion(n).key)
    const history = { sequence: this.#sequence, versions: [], trustKeys, times: timesFrom(now) }
    this.made.push(await signHistory(history, trustVersion(this.#active)))
  }
}

test('a client takes every next publication from its copy on disk, and none of the earlier ones', async () => {
  const steps = fc.array(fc.constantFrom<Step[]>('renew', 'change', 'standby', 'rotate'), {
    minLength: 1,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(), async (taken, which) => {
      let nowMs = Date.UTC(2026, 0, 1)
      let served = new Uint8Array()
      const copy = createDocumentFile(join(createTempFolder(), 'trust.json'))
      const client = (): CachedDocument<Trust> =>
        createTrustCache({
          service: new URL('https://sign.example.com'),
          trustKey: trustVersion(1).key,
          get: () => Promise.resolve({ status: 200, headers: {}, body: served }),
          now: () => new Date(nowMs),
          random: () => 0,
          copy,
        })
      const service = new PublishingService()
      for (const step of taken) {
        nowMs += 3_600_000
        await service.take(step, new Date(nowMs))
        served = Buffer.from(service.made.at(-1) ?? served)
        await client().refresh()
      }
      const earlier = service.made.slice(0, -1)
      if (earlier.length === 0) return
      served = Buffer.from(earlier[which % earlier.length] ?? served)
      expect(await codeOfAsync(() => client().refresh())).toMatch(
        /^ERR_(TRUST_ROLLED_BACK|SIGNATURE_INVALID)$/,
      )
    }),
    { numRuns: 25 },
  )
})

test('a client that followed a hundred changes of trust keys has to pin again', async () => {
  let nowMs = Date.UTC(2026, 0, 1)
  let served = new Uint8Array()
  const client = createTrustCache({
    service: new URL('https://sign.example.com'),
    trustKey: trustVersion(1).key,
    get: () => Promise.resolve({ status: 200, headers: {}, body: served }),
    now: () => new Date(nowMs),
    random: () => 0,
  })
  const take = async (sequence: number): Promise<unknown> => {
    nowMs += 1000
    const trustKeys = [1, ...(sequence % 2 === 0 ? [2] : [])].map((n) => trustVersion(n).key)
    const history = { sequence, versions: [], trustKeys, times: timesFrom(new Date(nowMs)) }
    served = Buffer.from(await signHistory(history, trustVersion(1)))
    return codeOfAsync(() => client.refresh())
  }
  const codes: unknown[] = []
  for (let sequence = 2; sequence < 105; sequence += 1) codes.push(await take(sequence))

  expect(codes.indexOf('ERR_TRUST_INVALID')).toBe(101)
  expect(codes.slice(0, 101).every((code) => code === 'accepted')).toBe(true)
})
