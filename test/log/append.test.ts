import { expect, test } from 'vitest'
import {
  appendEncoded,
  appendEntries,
  type EdgeMemories,
  encodeEntry,
} from '../../src/log/append.ts'
import type { PublicEntry } from '../../src/log/entry.ts'
import { MAX_ENTRY_BYTES } from '../../src/log/entry-bundle.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { leafHash, rootOf, verifyInclusion } from '../../src/crypto/merkle.ts'
import { proveInclusion } from '../../src/log/proofs.ts'
import { nodesOfTiles } from '../../src/log/tiles.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { signatureEntry, stateEntry } from '../support/log-entries.ts'
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

  const { bundleSha256 } = signatureEntry(3)
  expect(await log.log.find(`bundle:${bundleSha256}`, { limit: 2 })).toEqual([3])
  expect(await log.log.find('kid:kid-1', { limit: 2 })).toEqual([0])
})

test('a failed transaction leaves nothing in the log', async () => {
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

test('appending no entries leaves the log unchanged', async () => {
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

test('the cached edge is replaced after appends of other replicas and dropped after a failure', async () => {
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

const LEAF = { data: Buffer.from('{"kind":"a leaf"}'), labels: ['leaf:a'] }

/** Appends a signature with a leaf, one without, and a change of a version. */
async function appendBoth(log: MemoryLog): Promise<readonly (PublicEntry | undefined)[]> {
  const { size } = await log.log.head()
  const state = stateEntry(0, { to: 'active', action: 'activate', sequence: 1 })
  await log.transaction(async (records) => {
    const entries = [
      encodeEntry(signatureEntry(0), LEAF),
      encodeEntry(signatureEntry(1)),
      encodeEntry(state),
    ]
    await appendEncoded(records, await records.log.lockHead(), entries)
  })
  const entries = (await log.log.entries(size, size + 3)).map(parseEntry)
  return entries.map((entry) => ('publicEntry' in entry ? entry.publicEntry : undefined))
}

test('an entry names its leaf in the transparency log, and no other entry names it', async () => {
  const log = new MemoryLog()
  const named = [...(await appendBoth(log)), ...(await appendBoth(log))]

  const leaves = await log.transparencyLog.entries(0, 9)
  const hashes = leaves.map((leaf) => Buffer.from(leafHash(leaf)).toString('hex'))
  expect(leaves).toHaveLength(4)
  expect(named.map((entry) => entry?.index)).toEqual([0, undefined, 1, 2, undefined, 3])
  expect(named.flatMap((entry) => entry?.leafSha256 ?? [])).toEqual(hashes)
  expect(Buffer.from(leaves[0] ?? [])).toEqual(LEAF.data)
  expect(await log.transparencyLog.find('leaf:a', { limit: 9 })).toEqual([2, 0])
})

test('both trees are those of their entries', async () => {
  const log = new MemoryLog()
  for (let group = 0; group < 150; group += 1) await appendBoth(log)

  for (const [reader, count] of [
    [log.log, 450],
    [log.transparencyLog, 300],
  ] as const) {
    const { size, root } = await reader.head()
    expect(size).toBe(count)
    expect(root).toEqual(rootOf((await reader.entries(0, size)).map(leafHash)))
  }
})

test('a failed append is in neither log', async () => {
  const log = new MemoryLog()
  log.beforeCommit = () => Promise.reject(new Error('disk full'))
  await expect(appendBoth(log)).rejects.toThrow('disk full')

  expect((await log.log.head()).size).toBe(0)
  expect((await log.transparencyLog.head()).size).toBe(0)
})

test('the longest accepted entry has room for the name of its leaf', async () => {
  const log = new MemoryLog()
  const entry = signatureEntry(0)
  const { length } = encodeEntry({ ...entry, bundleSha256: '' }).data
  const isTaken = (fill: number): boolean => {
    const filled = { ...entry, bundleSha256: 'x'.repeat(fill) }
    return codeOf(() => encodeEntry(filled, LEAF)) === 'accepted'
  }
  let fill = MAX_ENTRY_BYTES - length
  while (!isTaken(fill)) fill -= 1
  const longest = encodeEntry({ ...entry, bundleSha256: 'x'.repeat(fill) }, LEAF)

  await log.transaction(async (records) =>
    appendEncoded(records, await records.log.lockHead(), [longest]),
  )
  const [data = new Uint8Array()] = await log.log.entries(0, 1)
  const more = String(Number.MAX_SAFE_INTEGER).length - 1
  expect(data.length + more).toBeLessThanOrEqual(MAX_ENTRY_BYTES)
  expect(parseEntry(data)).toMatchObject({ publicEntry: { index: 0 } })
})
