import { expect, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import type { JsonObject } from '../../../src/formats/json.ts'
import { withoutLogEntries } from '../../../src/formats/log-entry.ts'
import type { Signer } from '../../../src/signing/signer.ts'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import {
  CREDENTIALS,
  startService,
  type TestService,
  WORKFLOW_CREDENTIALS,
} from '../../support/service.ts'
import { testSigner } from '../../support/signers.ts'

const DIGEST = digestOf(Buffer.from('an artifact'))
const OTHER = digestOf(Buffer.from('another one'))

function request(digest = DIGEST, headers: object = CREDENTIALS, key = 'retry-1') {
  return {
    method: 'POST',
    url: '/v1/keys/release/signatures',
    headers: { ...headers, 'idempotency-key': key },
    payload: { artifacts: [{ digest, kind: 'file' }] },
  } as const
}

/** How many signatures were made. */
async function signatures({ log }: TestService): Promise<number> {
  return (await log()).filter(({ type }) => type === 'signature').length
}

test('a retry gets the same answer to the byte and makes no second signature', async () => {
  const service = await startService()
  const first = await service.app.inject(request())

  const second = await service.app.inject(request())

  expect(second.statusCode).toBe(200)
  expect(second.body).toBe(first.body)
  expect(second.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(await signatures(service)).toBe(1)
})

/** An answer without its inclusion proofs, which a later answer recomputes since the log grew. */
function withoutProofs({ body }: { readonly body: string }): object {
  const answer = JSON.parse(body) as {
    readonly results: readonly { readonly bundle: JsonObject }[]
  }
  const results = answer.results.map(({ bundle, ...result }) => ({
    ...result,
    bundle: withoutLogEntries(bundle),
  }))
  return { ...answer, results }
}

test('a retry after the log grew gets the same answer, under a checkpoint of now', async () => {
  const service = await startService()
  const first = await service.app.inject(request())
  await service.app.inject(request(OTHER, CREDENTIALS, 'retry-2'))

  const second = await service.app.inject(request())

  expect(withoutProofs(second)).toEqual(withoutProofs(first))
  expect(first.body).toContain('"treeSize":"1"')
  expect(second.body).toContain('"treeSize":"2"')
  expect(await signatures(service)).toBe(2)
})

test('the same request at the same time is done once and answered twice', async () => {
  const service = await startService()

  const [one, two] = await Promise.all([
    service.app.inject(request()),
    service.app.inject(request()),
  ])

  expect(one.body).toBe(two.body)
  expect(await signatures(service)).toBe(1)
})

test('a key that was used for another request is a conflict', async () => {
  const service = await startService()
  await service.app.inject(request())

  const answer = await service.app.inject(request(OTHER))

  expect(answer.statusCode).toBe(422)
  expect(answer.json()).toMatchObject({ code: 'ERR_IDEMPOTENCY_CONFLICT', retryable: false })
  expect(await signatures(service)).toBe(1)
})

test('another request with the key of one under way is a conflict too', async () => {
  const service = await startService()

  const answers = await Promise.all([
    service.app.inject(request()),
    service.app.inject(request(OTHER)),
  ])

  expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 422])
})

test('two callers may choose the same key', async () => {
  const service = await startService()
  await service.app.inject(request())

  const answer = await service.app.inject(request(OTHER, WORKFLOW_CREDENTIALS))

  expect(answer.statusCode).toBe(200)
  expect(await signatures(service)).toBe(2)
})

test('a request that another replica answers now may be sent again', async () => {
  const started = Promise.withResolvers<undefined>()
  const finish = Promise.withResolvers<undefined>()
  const signer = testSigner()
  const slow: Signer = {
    ...signer,
    sign: async (message) => {
      started.resolve(undefined)
      await finish.promise
      return signer.sign(message)
    },
  }
  const service = await startService({
    keys: [{ name: 'release', use: 'artifact', signer: slow }],
    parts: { stamperOf: () => undefined },
  })
  const image = { ...request(), payload: { artifacts: [{ digest: DIGEST, kind: 'image' }] } }
  const first = service.app.inject(image).then(({ statusCode }) => statusCode)
  await started.promise

  const answer = await (await service.replica()).inject(image)
  finish.resolve(undefined)

  expect(answer.statusCode).toBe(409)
  expect(answer.json()).toMatchObject({ code: 'ERR_STATE_CONFLICT', retryable: true })
  expect(await first).toBe(200)
})

/** A store whose locks were lost without notice. */
function withoutLocks(store: Store): Store {
  return {
    answers: store.answers,
    log: store.log,
    renewables: store.renewables,
    transparencyLog: store.transparencyLog,
    transaction: (work) => store.transaction(work),
    withLock: (name, work) => store.withLock(name, work),
    withLease: (_name, work) => work(new AbortController().signal),
    onAnnouncement: (listener) => store.onAnnouncement(listener),
    ping: () => store.ping(),
    assertWritable: () => store.assertWritable(),
    clock: () => store.clock(),
    sweep: (now) => store.sweep(now),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  }
}

test('two replicas that both answer after a lost lease give one answer, the one in the log', async () => {
  await using store = await openStore('sqlite::memory:')
  const service = await startService({ parts: { store: withoutLocks(store) } })
  const replica = await service.replica()

  const [one, two] = await Promise.all([service.app.inject(request()), replica.inject(request())])

  expect(await signatures(service)).toBe(1)
  expect([one.statusCode, two.statusCode]).toEqual([200, 200])
  expect(withoutProofs(one)).toEqual(withoutProofs(two))
})

test('where they release several signatures, both are in the log, and one is answered', async () => {
  await using store = await openStore('sqlite::memory:')
  const service = await startService({ parts: { store: withoutLocks(store) } })
  const replica = await service.replica()
  const artifacts = [DIGEST, `sha256:${'9'.repeat(64)}`].map((digest) => ({
    digest,
    kind: 'image',
  }))
  const several = { ...request(), payload: { artifacts } }

  const [one, two] = await Promise.all([service.app.inject(several), replica.inject(several)])

  expect(await signatures(service)).toBe(4)
  expect([one.statusCode, two.statusCode]).toEqual([200, 200])
  expect(withoutProofs(one)).toEqual(withoutProofs(two))
})

test('a signature and the answer that is kept of it are one transaction', async () => {
  await using store = await openStore('sqlite::memory:')
  let transactions = 0
  const transaction: Store['transaction'] = (work) => {
    transactions += 1
    return store.transaction(work)
  }
  const service = await startService({
    parts: { store: { ...withoutLocks(store), transaction } },
  })
  const counts: number[] = []
  for (const asked of [{ ...request(), headers: CREDENTIALS }, request(), request()]) {
    transactions = 0
    expect((await service.app.inject(asked)).statusCode).toBe(200)
    counts.push(transactions)
  }

  // Without the header, with it, and again.
  expect(counts).toEqual([1, 1, 0])
})

test('without the header every request makes a signature', async () => {
  const service = await startService()
  const plain = { ...request(), headers: CREDENTIALS }
  await service.app.inject(plain)

  await service.app.inject(plain)

  expect(await signatures(service)).toBe(2)
})

test.each(['', 'a b', 'x'.repeat(129), 'ä'])('the key "%s" is refused', async (key) => {
  const service = await startService()

  const answer = await service.app.inject(request(DIGEST, CREDENTIALS, key))

  expect(answer.statusCode).toBe(400)
  expect(answer.json()).toMatchObject({ code: 'ERR_REQUEST_INVALID' })
})

test('a batch in which an artifact failed is done again as a whole', async () => {
  const service = await startService()
  const failing = { digest: digestOf(Buffer.from('x'), 'sha512'), kind: 'file' }
  const batch = {
    ...request(),
    payload: { artifacts: [...request().payload.artifacts, failing] },
  }
  const answers = [await service.app.inject(batch), await service.app.inject(batch)]

  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200])
  expect(await signatures(service)).toBe(2)
})
