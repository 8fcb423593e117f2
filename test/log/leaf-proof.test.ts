import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import type { ProvenLeaf } from '../../src/formats/log-entry.ts'
import { appendEntries } from '../../src/log/append.ts'
import type { PublicEntry, StateEntry } from '../../src/log/entry.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { proveAtEdge, proveStoredLeaf } from '../../src/log/leaf-proof.ts'
import type { LogReader } from '../../src/log/log-records.ts'
import { leafHash, verifyInclusion } from '../../src/crypto/merkle.ts'
import { proveInclusion } from '../../src/log/proofs.ts'
import { nodesOfTiles, readTreeEdge, TreeEdge } from '../../src/log/tiles.ts'
import { codeOfAsync } from '../support/errors.ts'
import { stateEntry } from '../support/log-entries.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { testTreeSigner, TRANSPARENCY_KEY } from '../support/signed-log.ts'

const leafOf = (index: number): Uint8Array => leafHash(Buffer.from(`leaf ${index}`))

/** A tree that others read by its tiles, grown one by one. */
class StoredTree {
  readonly tiles = new Map<string, Uint8Array>()
  readonly edge = new TreeEdge()

  growTo(size: number): this {
    while (this.edge.size < size) this.#put(this.edge.append(leafOf(this.edge.size)))
    this.#put(this.edge.partialTiles())
    return this
  }

  readonly read = (level: number, index: number): Promise<Uint8Array | undefined> =>
    Promise.resolve(this.tiles.get(`${level}/${index}`))

  #put(tiles: ReturnType<TreeEdge['partialTiles']>): void {
    for (const { level, index, hashes } of tiles) this.tiles.set(`${level}/${index}`, hashes)
  }
}

/** Every leaf appended to a tree of `before`, proven at the edge and by the tiles. */
async function assertSameProofs(before: number, count: number): Promise<void> {
  const tree = new StoredTree().growTo(before)
  const edge = await readTreeEdge(before, tree.read)
  for (let index = before; index < before + count; index += 1) edge.append(leafOf(index))
  const node = nodesOfTiles(tree.growTo(before + count).read)
  for (let index = before; index < before + count; index += 1) {
    const proof = await proveAtEdge(edge, index)

    expect(proof).toStrictEqual(await proveInclusion(index, before + count, node))
    const { size } = edge
    verifyInclusion({ index, size, leaf: leafOf(index), root: edge.root(), proof })
  }
}

test('the edge proves appended leaves just as all tiles do', async () => {
  const sizes = fc.record({
    before: fc.oneof(fc.nat(300), fc.nat(600)),
    count: fc.integer({ min: 1, max: 40 }),
  })
  await fc.assert(
    fc.asyncProperty(sizes, ({ before, count }) => assertSameProofs(before, count)),
    { numRuns: 25 },
  )
})

test.each([
  [0, 1],
  [0, 256],
  [0, 257],
  [255, 1],
  [255, 2],
  [256, 256],
  [65_535, 1],
  [65_535, 2],
  [65_500, 100],
])('at the end of a tile too: %i leaves and %i more', async (before, count) => {
  await assertSameProofs(before, count)
})

test('a leaf from before the edge settled is not proven there', async () => {
  const { edge } = new StoredTree().growTo(600)
  edge.settle()

  await expect(async () => proveAtEdge(edge, 3)).rejects.toThrow(RangeError)
})

/** A log of changes of versions, and what its audit log says of their leaves. */
async function createScene(count: number): Promise<{ log: MemoryLog; named: PublicEntry[] }> {
  const log = new MemoryLog()
  await append(log, count)
  const entries = (await log.log.entries(0, count)).map(parseEntry) as StateEntry[]
  return { log, named: entries.flatMap(({ publicEntry }) => publicEntry ?? []) }
}

async function append(log: MemoryLog, count: number): Promise<void> {
  const { size } = await log.log.head()
  const entries = Array.from({ length: count }, (_, index) =>
    stateEntry(size + index, { to: 'active', action: 'activate', sequence: size + index }),
  )
  await log.transaction((records) => appendEntries(records, entries))
}

/** Checks a proof as the recipient of a bundle does. */
function assertProven({ checkpoint, hashes, index, leaf, root, size }: ProvenLeaf): void {
  const signed = openCheckpoint(Buffer.from(checkpoint), { keys: [TRANSPARENCY_KEY] })
  expect(signed).toMatchObject({ size, root })
  verifyInclusion({ index, size, leaf: leafHash(leaf), root, proof: hashes })
}

test('a stored leaf is proven as of now, under a checkpoint of now', async () => {
  const { log, named } = await createScene(300)
  const signer = testTreeSigner()
  const [, entry = { index: -1, leafSha256: '' }] = named
  const before = await proveStoredLeaf(log.transparencyLog, signer, entry)
  await append(log, 3)
  const after = await proveStoredLeaf(log.transparencyLog, signer, entry)

  expect([before.size, after.size]).toEqual([300, 303])
  assertProven(before)
  assertProven(after)
})

test('entries appended and signed while a leaf is being proven do not affect its proof', async () => {
  const { log, named } = await createScene(5)
  const signer = testTreeSigner()
  const { transparencyLog } = log
  const [entry = { index: -1, leafSha256: '' }] = named
  /** Another request is answered behind each reading. */
  const busy: LogReader = {
    ...transparencyLog,
    head: async () => {
      const head = await transparencyLog.head()
      await append(log, 1)
      await signer.sign(await signer.readHead(transparencyLog))
      return head
    },
  }

  assertProven(await proveStoredLeaf(busy, signer, entry))
})

test('a leaf that the audit log does not name is not proven', async () => {
  const { log, named } = await createScene(5)
  const prove = (entry: PublicEntry | undefined): Promise<string> =>
    codeOfAsync(() =>
      proveStoredLeaf(
        log.transparencyLog,
        testTreeSigner(),
        entry ?? { index: -1, leafSha256: '' },
      ),
    )
  const leafSha256 = named[1]?.leafSha256 ?? ''

  expect(await prove(named[1])).toBe('accepted')
  expect(await prove({ index: 2, leafSha256 })).toBe('ERR_LOG_PROOF_INVALID')
  expect(await prove({ index: 5, leafSha256 })).toBe('ERR_LOG_PROOF_INVALID')
})

test('a leaf is not proven after a change of the leaf, its tile or the head in the database', async () => {
  const prove = async (change: Parameters<MemoryLog['tamper']>[0]): Promise<string> => {
    const { log, named } = await createScene(5)
    const signer = testTreeSigner()
    await signer.readHead(log.transparencyLog)
    log.tamper(change)
    const [, entry = { index: -1, leafSha256: '' }] = named
    return codeOfAsync(() => proveStoredLeaf(log.transparencyLog, signer, entry))
  }

  expect(await prove(() => undefined)).toBe('accepted')
  expect(
    await prove((_, { entries }) => {
      entries[1] = { index: 1, data: Buffer.from('{}'), labels: [] }
    }),
  ).toBe('ERR_LOG_PROOF_INVALID')
  expect(
    await prove((_, { tiles }) => {
      tiles.set('0/0', Buffer.alloc(5 * 32))
    }),
  ).toBe('ERR_LOG_PROOF_INVALID')
  expect(
    await prove((_, transparency) => {
      transparency.head = { ...transparency.head, size: 4 }
    }),
  ).toBe('ERR_LOG_PROOF_INVALID')
})
