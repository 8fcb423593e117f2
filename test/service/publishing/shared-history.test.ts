import { expect, test } from 'vitest'
import { CountersignError } from '../../../src/errors.ts'
import { type KeyHistory, parseKeyHistory } from '../../../src/keys/key-history.ts'
import { activate } from '../../../src/keys/transitions.ts'
import { KEY_HISTORY_PATH } from '../../../src/service/publishing/publications.ts'
import { codeOf } from '../../support/errors.ts'
import { KeyStory, second, testKey } from '../../support/key-versions.ts'
import { MemoryPublications } from '../../support/memory-publications.ts'
import { signHistory, timesFrom } from '../../support/publications.ts'
import { PublishedKeys, TRUST_SIGNER } from '../../support/published-keys.ts'
import { testSigner } from '../../support/signers.ts'

const HALF_DAY = 43_200

/** Version 1 signs since 0, and the trust key is known. */
function stories(name = 'release'): readonly KeyStory[] {
  const trust = new KeyStory({ ...testKey('trust'), name: 'trust' }).standby(0)
  trust.versions = trust.versions.map((one) => ({ ...one, publicKey: TRUST_SIGNER.key }))
  const release = new KeyStory({ ...testKey('artifact'), name }).standby(0)
  return [trust.take(activate(trust.at(0), 1)), release.take(activate(release.at(0), 1))]
}

/** Replicas over one store, each with its own name for the key. */
async function replicas(...names: readonly string[]) {
  const store = new MemoryPublications()
  const started: PublishedKeys[] = []
  for (const name of names) {
    const replica = new PublishedKeys({ seconds: 200, store }, ...stories(name))
    await replica.publications.settled()
    started.push(replica)
  }
  return { store, started, all: () => Promise.all(started.map((one) => settle(one))) }
}

async function settle({ publications }: PublishedKeys): Promise<void> {
  // A change that is announced meanwhile begins another round.
  for (let round = 0; round < 4; round += 1) await publications.settled()
}

const body = ({ publications }: PublishedKeys): Uint8Array =>
  publications.page(KEY_HISTORY_PATH)?.body ?? new Uint8Array()

const history = (replica: PublishedKeys): KeyHistory =>
  parseKeyHistory(body(replica), TRUST_SIGNER.key)

test('replicas serve one and the same history, which one of them signed', async () => {
  const { store, started } = await replicas('release', 'release', 'release')

  expect(new Set(started.map((one) => Buffer.from(body(one)).toString())).size).toBe(1)
  expect(store.swaps).toBe(1)
})

test('one replica signs it again at half of its life, under the same number', async () => {
  const { store, started, all } = await replicas('release', 'release')
  const before = started.map(body)

  for (const one of started) one.pass(HALF_DAY - 1)
  await all()
  expect(started.map(body)).toEqual(before)
  for (const one of started) one.pass(5)
  await all()

  expect(store.swaps).toBe(2)
  expect(new Set(started.map((one) => Buffer.from(body(one)).toString())).size).toBe(1)
  const [one] = started.map(history)
  expect(one).toMatchObject({ sequence: 1, times: { issuedAt: second(200 + HALF_DAY + 4) } })
})

test('a replica of another configuration takes the next number when it starts, once', async () => {
  const { store, started, all } = await replicas('release', 'renamed')

  expect(store.sequence).toBe(2)
  for (const one of started) one.follow()
  await all()
  for (const one of started) one.pass(60)
  await all()

  expect(started.map((one) => history(one).sequence)).toEqual([2, 2])
  expect(store).toMatchObject({ sequence: 2, swaps: 2 })
})

test.each([
  ['signed by another key', { signer: testSigner('ES256', 'thief'), at: 300, sequence: 9 }],
  ['older than what was served', { signer: TRUST_SIGNER, at: 100, sequence: 1 }],
  ['of an earlier number', { signer: TRUST_SIGNER, at: 300, sequence: 0 }],
])('a stored history that is %s is replaced and never served', async (_what, stored) => {
  const { store, started, all } = await replicas('release')
  const own = started.map(history)
  const times = timesFrom(second(stored.at))
  const [first] = own
  if (first === undefined) throw new Error('nothing is served')
  store.envelope = await signHistory({ ...first, sequence: stored.sequence, times }, stored.signer)

  for (const one of started) one.pass(5)
  await all()

  expect(started.map((one) => history(one).sequence)).toEqual([1])
  expect(started.map((one) => history(one).times?.issuedAt)).toEqual([second(205)])
  expect(store.swaps).toBe(2)
})

test('a history from the future is replaced under the next number, so that clients take it', async () => {
  const { store, started, all } = await replicas('release')
  const [first] = started.map(history)
  if (first === undefined) throw new Error('nothing is served')
  store.envelope = await signHistory({ ...first, times: timesFrom(second(90_000)) }, TRUST_SIGNER)

  for (const one of started) one.pass(5)
  await all()

  expect(started.map(history)).toMatchObject([{ sequence: 2, times: { issuedAt: second(205) } }])
})

test('a trust key that cannot sign is reported at once, and fails readiness before clients refuse', async () => {
  const { started, all } = await replicas('release')
  const check = (): void => {
    for (const { publications } of started) publications.assertRenewed()
  }
  for (const one of started) {
    one.trustSigner = () =>
      Promise.reject(new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'out of reach'))
    one.pass(HALF_DAY)
  }
  await all()

  const [reported] = started.flatMap(({ errors }) => errors)
  expect(reported).toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: expect.stringContaining('clients refuse the last one at 2026-') as unknown,
    hint: expect.stringContaining('docs/runbooks/trust-key.md') as unknown,
  })
  check()
  for (const one of started) one.pass(HALF_DAY / 2)
  expect(codeOf(check)).toBe('ERR_TRUST_EXPIRED')
})

test('a cause is reported once a minute, and again after it recurs', async () => {
  const { started, all } = await replicas('release')
  const [one] = started
  if (one === undefined) throw new Error('no replica')
  const pass = async (seconds: number): Promise<void> => {
    for (let passed = 0; passed < seconds; passed += 5) {
      one.pass(5)
      await all()
    }
  }
  const fail = (): Promise<never> =>
    Promise.reject(new CountersignError('ERR_PROVIDER_UNAVAILABLE', 'out of reach'))
  one.trustSigner = fail
  one.pass(HALF_DAY)
  await all()

  await pass(55)
  expect(one.errors).toHaveLength(1)
  await pass(5)
  expect(one.errors).toHaveLength(2)
  one.trustSigner = () => Promise.resolve(TRUST_SIGNER)
  await pass(5)
  one.trustSigner = fail
  one.pass(HALF_DAY + 5)
  await all()
  expect(one.errors).toHaveLength(3)
})

test.each([-3600, 3600])(
  'a replica whose clock is off by %d s does not outdo the others all the time',
  async (offset) => {
    const store = new MemoryPublications()
    const [right, wrong] = [4000, 4000 + offset].map(
      (seconds) => new PublishedKeys({ seconds, store }, ...stories()),
    )
    if (right === undefined || wrong === undefined) throw new Error('no replica')
    for (let round = 0; round < 30; round += 1) {
      for (const one of [right, wrong]) {
        one.follow()
        await settle(one)
        one.pass(5)
        await settle(one)
      }
    }

    expect(store.swaps).toBeLessThanOrEqual(3)
    expect(history(right)).toEqual(history(wrong))
    const issuedAt = history(right).times?.issuedAt.getTime() ?? Infinity
    expect(issuedAt).toBeLessThan(second(4200).getTime())
  },
)
