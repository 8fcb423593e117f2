import { expect, test } from 'vitest'
import type { PlacedAnswer } from '../../src/log/appender.ts'
import type { Store, WaitingRequest } from '../../src/store/store.ts'
import { later, NOW } from './records.ts'
import type { OpenEmpty } from './store-contract.ts'

/** Defines the tests of answers, replays, approvals and publications. */
export function testRequestRecords(openEmpty: OpenEmpty): void {
  testAnswers(openEmpty)
  testReplays(openEmpty)
  testApprovals(openEmpty)
  testSweep(openEmpty)
  testPublications(openEmpty)
}

const ANSWER = { requestSha256: 'ab'.repeat(32), body: '{"a":"\\u0000ü"}' }

function answerOf(key: string, body = ANSWER.body, caller = 'caller'): PlacedAnswer {
  return { ...ANSWER, caller, key, body, expires: later(10) }
}

/** Keeps one answer in a transaction of its own. */
async function keep(store: Store, answer: PlacedAnswer, now = NOW): Promise<boolean | undefined> {
  const [isKept] = await store.transaction(({ answers }) => answers.putAnswers([answer], now))
  return isKept
}

function testAnswers(openEmpty: OpenEmpty): void {
  test('an answer is found by its caller and key, until it expires', async () => {
    const store = await openEmpty()
    await keep(store, answerOf('k1', ANSWER.body, 'issuer a'))

    const find = ({ answers }: Pick<Store, 'answers'>): Promise<readonly unknown[]> =>
      Promise.all([
        answers.findAnswer('issuer a', 'k1', later(9)),
        answers.findAnswer('issuer a', 'k1', later(10)),
        answers.findAnswer('issuer', 'a k1', NOW),
        answers.findAnswer('issuer b', 'k1', NOW),
      ])

    const found = [ANSWER, undefined, undefined, undefined]
    expect(await store.transaction(find)).toStrictEqual(found)
    expect(await find(store)).toStrictEqual(found)
  })

  test('an answer stays until it expires, then gives way', async () => {
    const store = await openEmpty()

    const kept = [
      await keep(store, answerOf('k1', '1')),
      await keep(store, answerOf('k1', '2'), later(9)),
      await keep(store, answerOf('k1', '3'), later(10)),
    ]

    expect(kept).toEqual([true, false, true])
  })

  test('of two answers at once, one stays', async () => {
    const store = await openEmpty()

    const kept = await Promise.all([1, 2].map(() => keep(store, answerOf('k1'))))

    expect(kept.toSorted()).toEqual([false, true])
  })

  test('many answers are kept at once, the first of each request', async () => {
    const store = await openEmpty()
    await keep(store, answerOf('k7', 'earlier'))
    const many = Array.from({ length: 200 }, (_none, place) => answerOf(`k${place}`, `${place}`))
    const again = [...many, answerOf('k3', 'again'), answerOf('k7', 'again')]

    const kept = await store.transaction(({ answers }) => answers.putAnswers(again, NOW))

    expect(kept).toEqual([...many.map((_one, place) => place !== 7), false, false])
    const bodies = ['k3', 'k7', 'k199'].map((key) => store.answers.findAnswer('caller', key, NOW))
    expect(await Promise.all(bodies)).toMatchObject([
      { body: '3' },
      { body: 'earlier' },
      { body: '199' },
    ])
  })
}

function testReplays(openEmpty: OpenEmpty): void {
  test('a token is used once, until it expires', async () => {
    const store = await openEmpty()
    const use = (issuer: string, jti: string, now: Date): Promise<boolean> =>
      store.transaction(({ replays }) => replays.useOnce(issuer, jti, { now, expires: later(10) }))

    const accepted = [
      await use('https://a', 'j1', NOW),
      await use('https://a', 'j1', later(9)),
      await use('https://b', 'j1', NOW),
      await use('https://a', 'j1', later(10)),
    ]

    expect(accepted).toEqual([true, false, true, true])
  })

  test('a jti may be any text, of any length', async () => {
    const store = await openEmpty()
    const times = { now: NOW, expires: later(10) }

    const accepted = await store.transaction(({ replays }) =>
      Promise.all(
        ['\u0000', 'x'.repeat(100_000), '', '"'].map((jti) => replays.useOnce('i', jti, times)),
      ),
    )

    expect(accepted).toEqual([true, true, true, true])
  })
}

function testApprovals(openEmpty: OpenEmpty): void {
  test('a request for approval comes back as it was put, until it is deleted', async () => {
    const store = await openEmpty()
    const request = sampleApproval('a1')
    await store.transaction(({ approvals }) => approvals.putApproval(request))

    const find = (): Promise<WaitingRequest | undefined> =>
      store.transaction(({ approvals }) => approvals.findApproval('a1'))

    expect(await find()).toStrictEqual(request)
    await store.transaction(({ approvals }) => approvals.deleteApproval('a1'))
    expect(await find()).toBeUndefined()
  })

  test('requests that expired are not listed', async () => {
    const store = await openEmpty()
    await store.transaction(async ({ approvals }) => {
      await approvals.putApproval({ ...sampleApproval('a1'), expires: later(1) })
      await approvals.putApproval({ ...sampleApproval('a2'), expires: later(2) })
    })

    const listed = await store.transaction(({ approvals }) => approvals.approvals(later(1)))

    expect(listed.map(({ id }) => id)).toEqual(['a2'])
  })
}

function sampleApproval(id: string): WaitingRequest {
  return { id, parameters: { version: 1, reason: '"stolen"' }, expires: later(60) }
}

function testSweep(openEmpty: OpenEmpty): void {
  test('a sweep deletes what expired, however much, and nothing else', async () => {
    const store = await openEmpty()
    const old = { now: NOW, expires: later(10) }
    await store.transaction(async ({ answers, approvals, replays }) => {
      for (let jti = 0; jti < 1001; jti += 1) await replays.useOnce('i', `old ${jti}`, old)
      await replays.useOnce('i', 'new', { now: NOW, expires: later(11) })
      await answers.putAnswers([answerOf('k1')], NOW)
      await approvals.putApproval(sampleApproval('kept'))
      await approvals.putApproval({ ...sampleApproval('gone'), expires: later(10) })
    })

    await store.sweep(later(10))

    // Asked as if no time had passed, so that only what is gone is unknown.
    const times = { now: NOW, expires: later(10) }
    const left = await store.transaction(async ({ answers, approvals, replays }) => [
      await replays.useOnce('i', 'old 1000', times),
      await replays.useOnce('i', 'new', times),
      await answers.findAnswer('caller', 'k1', NOW),
      (await approvals.approvals(NOW)).map(({ id }) => id),
    ])
    expect(left).toEqual([true, false, undefined, ['kept']])
  })
}

function testPublications(openEmpty: OpenEmpty): void {
  test('a signed history gives way only to who has seen it', async () => {
    const store = await openEmpty()
    const [first, second] = [Buffer.from('first'), Buffer.from('second')]
    const swap = (next: Uint8Array, seen: Uint8Array | undefined): Promise<boolean> =>
      store.transaction(({ publications }) => publications.swapKeyHistory(next, seen))

    expect(await store.transaction(({ publications }) => publications.keyHistory())).toBeUndefined()
    expect(await swap(second, first)).toBe(false)
    expect(await swap(first, undefined)).toBe(true)
    expect(await swap(second, undefined)).toBe(false)
    expect(await swap(second, second)).toBe(false)
    expect(await swap(second, first)).toBe(true)
    const stored = await store.transaction(({ publications }) => publications.keyHistory())
    expect(Buffer.from(stored ?? '').toString()).toBe('second')
  })

  test('of replicas that store a history at the same time one wins', async () => {
    const store = await openEmpty()
    const histories = Array.from({ length: 8 }, (_, n) => Buffer.from(`history ${n}`))

    const won = await Promise.all(
      histories.map((next) =>
        store.transaction(({ publications }) => publications.swapKeyHistory(next, undefined)),
      ),
    )

    expect(won.filter(Boolean)).toHaveLength(1)
  })
}
