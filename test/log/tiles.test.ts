import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import { parseNoteKey } from '../../src/formats/note-key.ts'
import { parseEntryBundle, serializeEntryBundle } from '../../src/log/entry-bundle.ts'
import { leafHash, rootOf, verifyConsistency, verifyInclusion } from '../../src/crypto/merkle.ts'
import { formatTilePath, parseTilePath } from '../../src/log/paths.ts'
import { proveConsistency, proveInclusion, treeRoot } from '../../src/log/proofs.ts'
import {
  nodesOfTiles,
  readTreeEdge,
  type ReadTile,
  splitTile,
  tileLevels,
  tileWidth,
  TreeEdge,
} from '../../src/log/tiles.ts'
import { codeOf, codeOfAsync } from '../support/errors.ts'
import { describeVectors, readVector, readVectorJson } from '../support/vectors.ts'

const leafOf = (index: number): Uint8Array => leafHash(Buffer.from(`entry ${index}`))

/** All tiles of a tree, as a store has them. */
function growTree(size: number): { edge: TreeEdge; tiles: Map<string, Uint8Array> } {
  const edge = new TreeEdge()
  const tiles = new Map<string, Uint8Array>()
  for (let index = 0; index < size; index += 1) {
    for (const tile of edge.append(leafOf(index)))
      tiles.set(`${tile.level}/${tile.index}`, tile.hashes)
  }
  for (const tile of edge.partialTiles()) tiles.set(`${tile.level}/${tile.index}`, tile.hashes)
  return { edge, tiles }
}

const reader =
  (tiles: ReadonlyMap<string, Uint8Array>): ReadTile =>
  (level, index) =>
    Promise.resolve(tiles.get(`${level}/${index}`))

test.each([0, 1, 2, 255, 256, 257, 511, 512, 600, 65_537])(
  'a tree of %i leaves has one root, grown leaf by leaf or read from its tiles',
  async (size) => {
    const { edge, tiles } = growTree(size)
    const leaves = Array.from({ length: size }, (_, index) => leafOf(index))

    expect(edge.root()).toStrictEqual(rootOf(leaves))
    expect(await treeRoot(size, nodesOfTiles(reader(tiles)))).toStrictEqual(edge.root())
    expect((await readTreeEdge(size, reader(tiles))).root()).toStrictEqual(edge.root())
  },
)

test('a tree continues from its tiles as if it had never stopped', async () => {
  const size = fc.integer({ min: 0, max: 700 })
  await fc.assert(
    fc.asyncProperty(size, size, async (one, another) => {
      const [half, whole] = [Math.min(one, another), Math.max(one, another)]
      const edge = await readTreeEdge(half, reader(growTree(half).tiles))
      for (let index = half; index < whole; index += 1) edge.append(leafOf(index))

      expect(edge.size).toBe(whole)
      expect(edge.root()).toStrictEqual(growTree(whole).edge.root())
      expect(edge.partialTiles()).toStrictEqual(growTree(whole).edge.partialTiles())
    }),
    { numRuns: 25 },
  )
})

test('tiles that have grown still give the roots and proofs of a smaller tree', async () => {
  const node = nodesOfTiles(reader(growTree(700).tiles))
  const root = await treeRoot(300, node)
  const proof = await proveConsistency(123, 300, node)

  expect(root).toStrictEqual(growTree(300).edge.root())
  const from = { size: 123, root: growTree(123).edge.root() }
  verifyConsistency({ from, to: { size: 300, root }, proof })
})

test('every tile is as wide as its level is long', () => {
  for (const size of [0, 1, 255, 256, 700, 65_536, 70_000]) {
    const { tiles } = growTree(size)
    for (const [name, hashes] of tiles) {
      const [level = 0, index = 0] = name.split('/').map(Number)
      expect(splitTile(hashes)).toHaveLength(tileWidth(size, level, index))
    }
    const levels = new Set([...tiles.keys()].map((name) => name.split('/')[0]))
    expect(levels.size).toBe(tileLevels(size))
  }
  expect(tileWidth(600, 0, 3)).toBe(0)
})

test('a missing or truncated tile is named', async () => {
  const { tiles } = growTree(300)
  tiles.set('0/1', tiles.get('0/1')?.subarray(0, 32 * 43) ?? new Uint8Array())
  const node = nodesOfTiles(reader(tiles))

  await expect(treeRoot(300, node)).rejects.toThrow('tile 0/1 of the log is incomplete')
  expect(await codeOfAsync(() => readTreeEdge(300, reader(tiles)))).toBe('ERR_LOG_PROOF_INVALID')
  expect(await codeOfAsync(() => readTreeEdge(256, reader(new Map())))).toBe(
    'ERR_LOG_PROOF_INVALID',
  )
})

test.each([
  ['tile/0/000', { level: 0, index: 0, width: 256 }],
  ['tile/0/x001/x234/067', { level: 0, index: 1_234_067, width: 256 }],
  ['tile/3/x001/000.p/1', { level: 3, index: 1000, width: 1 }],
  ['tile/entries/999.p/255', { level: 'entries', index: 999, width: 255 }],
] as const)('%s is the one path of its tile', (path, name) => {
  expect(formatTilePath(name)).toBe(path)
  expect(parseTilePath(path)).toStrictEqual(name)
})

test.each([
  'tile/0/0',
  'tile/0/1000',
  'tile/00/000',
  'tile/64/000',
  'tile/0/x000/001',
  'tile/0/001/002',
  'tile/0/000.p/0',
  'tile/0/000.p/256',
  'tile/0/000.p/01',
  'tile/0/000/',
  'tile/-1/000',
  'tile/data/000',
  'tile/0/x999/x999/x999/x999/x999/x999/999',
  '../tile/0/000',
])('%s is not the path of a tile', (path) => {
  expect(parseTilePath(path)).toBeUndefined()
})

test('every tile has one path, and no other text is one', () => {
  const name = fc.record({
    level: fc.oneof(fc.constant('entries' as const), fc.integer({ min: 0, max: 63 })),
    index: fc.oneof(fc.nat(2000), fc.nat()),
    width: fc.integer({ min: 1, max: 256 }),
  })
  fc.assert(
    fc.property(name, (given) => {
      expect(parseTilePath(formatTilePath(given))).toStrictEqual({ ...given })
    }),
  )
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('tile/', '0', 'x0', '/', '.p/', '12') }),
      (path) => {
        const parsed = parseTilePath(path)

        expect(parsed === undefined || formatTilePath(parsed) === path).toBe(true)
      },
    ),
  )
})

test('a bundle is read back as it was written, and never beyond its end', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (entries) => {
      const bytes = serializeEntryBundle(entries)

      expect(parseEntryBundle(bytes).map((data) => Uint8Array.from(data))).toStrictEqual(entries)
      for (let length = 1; length < bytes.length; length += 7) {
        const parsed = codeOf(() =>
          serializeEntryBundle(parseEntryBundle(bytes.subarray(0, length))),
        )
        expect(['accepted', 'ERR_LOG_PROOF_INVALID']).toContain(parsed)
      }
    }),
  )
  expect(codeOf(() => parseEntryBundle(Buffer.of(0)))).toBe('ERR_LOG_PROOF_INVALID')
  expect(codeOf(() => parseEntryBundle(Buffer.of(0, 2, 1)))).toBe('ERR_LOG_PROOF_INVALID')
})

describeVectors('tlog-tiles', () => {
  const folder = 'tlog-tiles/tessera-15'
  const known = readVectorJson<{
    readonly vkey: string
    readonly entries: readonly string[]
    readonly roots_hex_by_size: readonly string[]
  }>(`${folder}/expected.json`)
  const size = known.entries.length
  const tile = readVector(`${folder}/${formatTilePath({ level: 0, index: 0, width: size })}`)

  test.each([...known.roots_hex_by_size.entries()])('the log at %i entries', async (count, hex) => {
    const note = readVector(`${folder}/checkpoints/checkpoint.${count}`)
    const checkpoint = openCheckpoint(note, { keys: [parseNoteKey(known.vkey)] })
    const edge = new TreeEdge()
    for (const entry of known.entries.slice(0, count)) edge.append(leafHash(Buffer.from(entry)))

    expect(checkpoint.size).toBe(count)
    expect(Buffer.from(checkpoint.root).toString('hex')).toBe(hex)
    expect(Buffer.from(edge.root()).toString('hex')).toBe(hex)
    if (count === 0) return
    const name = { index: 0, width: count }
    const entries = readVector(`${folder}/${formatTilePath({ level: 'entries', ...name })}`)
    const hashes = readVector(`${folder}/${formatTilePath({ level: 0, ...name })}`)
    expect(parseEntryBundle(entries).map(String)).toStrictEqual(known.entries.slice(0, count))
    expect(edge.partialTiles()).toStrictEqual([{ level: 0, index: 0, hashes: Buffer.from(hashes) }])
    expect(
      await treeRoot(
        count,
        nodesOfTiles(() => Promise.resolve(tile)),
      ),
    ).toStrictEqual(edge.root())
  })

  test('any flipped byte of a tile breaks the root, and the proof of another entry', async () => {
    const root = await treeRoot(
      size,
      nodesOfTiles(() => Promise.resolve(tile)),
    )
    for (let at = 0; at < tile.length; at += 1) {
      const flipped = Buffer.from(tile)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      const node = nodesOfTiles(() => Promise.resolve(flipped))
      // The one hash a proof of an entry leaves out is that entry's own.
      const index = (Math.floor(at / 32) + 1) % size
      const leaf = leafHash(Buffer.from(known.entries[index] ?? ''))
      const proof = await proveInclusion(index, size, node)
      expect(
        codeOf(() => {
          verifyInclusion({ index, size, leaf, root, proof })
        }),
      ).toBe('ERR_LOG_PROOF_INVALID')
      await expect(treeRoot(size, node)).resolves.not.toStrictEqual(root)
    }
  })
})
