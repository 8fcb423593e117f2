import { expect, test } from 'vitest'
import { createWitnessClient } from '../../src/client/witness-client.ts'
import { parseSignedNote } from '../../src/formats/signed-note.ts'
import { readCosignatures } from '../../src/formats/witnesses.ts'
import type { StoredCheckpoint } from '../../src/log/log-records.ts'
import { WitnessFeed } from '../../src/log/witness-feed.ts'
import type { MemoryLog } from '../support/memory-log.ts'
import { appendSigned, createSignedLog, LOG_KEY, signatureEntries } from '../support/signed-log.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { askFor, startTestWitness, type TestWitness } from '../support/witness.ts'

const NAMES = ['w.example/1', 'w.example/2'] as const
const runtime = { fetch, deadline: (milliseconds: number) => AbortSignal.timeout(milliseconds) }

interface Scene {
  readonly log: MemoryLog
  readonly witnesses: readonly TestWitness[]
  readonly feed: WitnessFeed
  readonly errors: Error[]
}

function createFeed(log: MemoryLog, witnesses: readonly TestWitness[], errors: Error[]) {
  return new WitnessFeed({
    log: log.log,
    witnesses: witnesses.map(({ key, url }) =>
      createWitnessClient({ key, url: new URL(url), runtime }),
    ),
    quorum: witnesses.length,
    keep: (checkpoint, isWitnessed) =>
      log.transaction(({ log: records }) => records.putCosigned(checkpoint, isWitnessed)),
    onError: (error) => errors.push(error),
  })
}

async function startScene(): Promise<Scene> {
  const log = await createSignedLog(signatureEntries(5))
  const witnesses = await Promise.all(
    NAMES.map((name) => startTestWitness({ name, logs: [LOG_KEY] })),
  )
  const errors: Error[] = []
  return { log, witnesses, errors, feed: createFeed(log, witnesses, errors) }
}

async function offer({ feed, log }: Scene): Promise<void> {
  feed.published((await log.log.checkpoint()) ?? { size: 0 })
  await feed.round()
}

function cosigners(checkpoint: StoredCheckpoint | undefined, { witnesses }: Scene): number {
  const keys = witnesses.map(({ key }) => key)
  const note = parseSignedNote(Buffer.from(checkpoint?.note ?? ''))
  return readCosignatures(note, keys).length
}

test('a published checkpoint is cosigned by all witnesses, and each one after it', async () => {
  const scene = await startScene()
  const { log } = scene
  await offer(scene)
  expect(cosigners(await log.log.checkpoint(), scene)).toBe(2)
  await appendSigned(log, signatureEntries(300, 5))
  await offer(scene)

  expect(cosigners(await log.log.witnessed(), scene)).toBe(2)
  expect((await log.log.witnessed())?.size).toBe(305)
  expect(scene.errors).toEqual([])
})

test('a feed that knows nothing finds out what the witnesses cosigned', async () => {
  const scene = await startScene()
  const { log, witnesses } = scene
  await offer(scene)
  await appendSigned(log, signatureEntries(7, 5))
  const restarted = { ...scene, feed: createFeed(log, witnesses, scene.errors) }
  await offer(restarted)

  expect((await log.log.witnessed())?.size).toBe(12)
  expect(scene.errors).toEqual([])
})

test('a witness that is down is reported once, keeps the others from nothing, and is asked again', async () => {
  const log = await createSignedLog(signatureEntries(5))
  const folder = createTempFolder()
  const [name, other] = NAMES
  const first = await startTestWitness({ name, logs: [LOG_KEY], folder })
  const second = await startTestWitness({ name: other, logs: [LOG_KEY] })
  const port = Number(new URL(first.url).port)
  const errors: Error[] = []
  const witnesses = [first, second]
  const scene = { log, witnesses, errors, feed: createFeed(log, witnesses, errors) }
  await first[Symbol.asyncDispose]()
  await offer(scene)
  await scene.feed.round()
  await scene.feed.round()

  expect(cosigners(await log.log.checkpoint(), scene)).toBe(1)
  expect(await log.log.witnessed()).toBeUndefined()
  expect(errors).toHaveLength(1)
  expect([scene.feed.isShort(), scene.feed.failure()]).toEqual([true, errors[0]])

  await startTestWitness({ name, logs: [LOG_KEY], folder, port })
  for (let round = 0; round < 10; round += 1) await scene.feed.round()
  expect(cosigners(await log.log.witnessed(), scene)).toBe(2)
  expect(scene.feed.failure()).toBeUndefined()
})

test('the checkpoint of another replica is left to that one for five rounds', async () => {
  const scene = await startScene()
  for (let round = 0; round < 5; round += 1) await scene.feed.round()
  expect(await scene.log.log.witnessed()).toBeUndefined()
  await scene.feed.round()

  expect((await scene.log.log.witnessed())?.size).toBe(5)
})

test('a witness that saw more than the log has is reported', async () => {
  const scene = await startScene()
  const [first] = scene.witnesses
  const longer = await createSignedLog(signatureEntries(9))
  const newest = (await longer.log.checkpoint()) ?? { size: 0, note: '' }
  await first?.witness.addCheckpoint(await askFor(longer.log, newest, 0))
  await offer(scene)

  expect(scene.errors).toMatchObject([{ code: 'ERR_WITNESS_MISSING' }])
  expect(String(scene.errors[0]?.message)).toContain('saw 9 entries of the log, which has 5')
})

test('a witness that saw another tree is reported', async () => {
  const scene = await startScene()
  const [first] = scene.witnesses
  const fork = await createSignedLog(signatureEntries(3, 100))
  const newest = (await fork.log.checkpoint()) ?? { size: 0, note: '' }
  await first?.witness.addCheckpoint(await askFor(fork.log, newest, 0))
  await offer(scene)

  expect(scene.errors).toMatchObject([{ code: 'ERR_WITNESS_MISSING' }])
  expect(await scene.log.log.witnessed()).toBeUndefined()
})

test('waiting answers as soon as the quorum cosigned, and nothing where it does not', async () => {
  const scene = await startScene()
  const { feed, log, witnesses } = scene
  const checkpoint = (await log.log.checkpoint()) ?? { size: 0, note: '' }
  const signal = AbortSignal.timeout(20_000)
  const cosigned = await feed.witness(checkpoint, signal)
  expect(cosigners(cosigned, scene)).toBe(2)
  await witnesses[0]?.[Symbol.asyncDispose]()
  const next = await appendSigned(log, signatureEntries(2, 5))

  expect(await feed.witness(next, signal)).toBeUndefined()
})
