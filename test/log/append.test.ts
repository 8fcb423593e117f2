import { expect, test } from 'vitest'
import {
  appendEncoded,
  appendEntries,
  type EdgeMemories,
  encodeEntry,
} from '../../src/log/append.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { leafHash, verifyInclusion } from '../../src/log/merkle.ts'
import { proveInclusion } from '../../src/log/proofs.ts'
import { nodesOfTiles } from '../../src/log/tiles.ts'
import { codeOfAsync } from '../support/errors.ts'
import { signatureEntry } from '../support/log-entries.ts'
import { MemoryLog } from '../support/memory-log.ts'

async function append(log: MemoryLog, from: number, count: number): Promise<readonly number[]> {
  const entries = Array.from({ length: count }, (_, index) => signatureEntry(from + index))
  const appended = await log.transaction((records) => appendEntries(records, entries))
  return appended.map(({ index }) => index)
}

test('entries are stored in order, with the tree above them', async () => {
  const log = new MemoryLog()
  for (let size = 0; size < 600; size += 37) {
    const indices = await append(log, size, 37)
    expect(indices).toEqual(Array.from({ length: 37 }, (_, index) => size + index))
  }

  const { size, root } = await log.log.head()
  const node = nodesOfTiles((level, index) => log.log.tile(level, index))
  const entries = await log.log.entries(0, size)
  for (const index of [0, 1, 255, 256, 511, 512, size - 1]) {
    const data = entries[index] ?? new Uint8Array()
    const proof = await proveInclusion(index, size, node)
    verifyInclusion({ index, size, leaf: leafHash(data), root, proof })
    expect(parseEntry(data)).toMatchObject({ requestId: `request-${index}` })
  }
})

test('an entry is found by its labels, the newest first', async () => {
  const log = new MemoryLog()
  await append(log, 0, 5)

  expect(await log.log.find('kid:kid-1', { limit: 2 })).toEqual([4, 3])
  expect(await log.log.find('kid:kid-1', { limit: 9, before: 2 })).toEqual([1, 0])
})

test('nothing of a transaction that fails is in the log', async () => {
  const log = new MemoryLog()
  await append(log, 0, 3)
  const before = await log.log.head()
  const failing = log.transaction(async (records) => {
    await appendEntries(records, [signatureEntry(3)])
    throw new Error('something else of it fails')
  })

  await expect(failing).rejects.toThrow('something else')
  expect(await log.log.head()).toEqual(before)
  expect(await append(log, 3, 1)).toEqual([3])
})

test('no entries leave the log as it is', async () => {
  const log = new MemoryLog()

  expect(await log.transaction((records) => appendEntries(records, []))).toEqual([])
  expect(await log.log.head()).toMatchObject({ size: 0 })
})

test('nothing is appended to a tree whose tiles were changed', async () => {
  const log = new MemoryLog()
  await append(log, 0, 3)
  log.tamper(({ tiles }) => {
    tiles.set('0/0', Buffer.from(tiles.get('0/0') ?? []).fill(1, 40, 41))
  })

  expect(await codeOfAsync(() => append(log, 3, 1))).toBe('ERR_LOG_PROOF_INVALID')
})

test('the edge in memory gives way to what others appended, and to nothing after a failure', async () => {
  const [log, plain] = [new MemoryLog(), new MemoryLog()]
  const memory: EdgeMemories = { audit: {}, transparency: {} }
  const remembered = (from: number, count: number): Promise<unknown> =>
    log.transaction(async (records) => {
      const entries = Array.from({ length: count }, (_, index) => signatureEntry(from + index))
      const encoded = entries.map((entry) => encodeEntry(entry))
      await appendEncoded(records, await records.log.lockHead(), encoded, memory)
      if (count === 5) throw new Error('on purpose')
    })

  await remembered(0, 300)
  await append(log, 300, 7)
  await expect(remembered(307, 5)).rejects.toThrow('on purpose')
  await remembered(307, 250)
  await remembered(557, 1)
  await append(plain, 0, 558)

  expect(await log.log.head()).toEqual(await plain.log.head())
  expect(await log.log.tile(0, 2)).toEqual(await plain.log.tile(0, 2))
})
