/**
 * A process that appends groups of entries to a file until it is killed, and says after each how many
 * entries are durable.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto'
import { openStore } from '../../../src/store/open-store.ts'
import type { StoreTransaction } from '../../../src/store/store.ts'

const HASH_BYTES = 32
const TILE_HASHES = 256

/** Leaf data of an entry; some hundred bytes, different for each. */
function entryData(index: number): Uint8Array {
  return new TextEncoder().encode(`entry ${index} ${'x'.repeat(300)}`)
}

async function appendGroup({ log }: StoreTransaction, count: number): Promise<number> {
  const { size } = await log.lockHead()
  const entries = Array.from({ length: count }, (_, offset) => {
    const index = size + offset
    return { index, data: entryData(index), labels: [`entry:${index}`, 'digest:all'] }
  })
  await log.insertEntries(entries)
  for (const { index, data } of entries) {
    const tile = Math.floor(index / TILE_HASHES)
    const before = (await log.tile(0, tile)) ?? new Uint8Array()
    const hash = createHash('sha256').update(data).digest()
    const hashes = new Uint8Array([
      ...before.subarray(0, (index % TILE_HASHES) * HASH_BYTES),
      ...hash,
    ])
    await log.putTiles([{ level: 0, index: tile, hashes }])
  }
  const root = createHash('sha256')
    .update(`root of ${size + count}`)
    .digest()
  await log.putHead({ size: size + count, root, latest: undefined })
  return size + count
}

const [url = ''] = process.argv.slice(2)
const store = await openStore(url)
for (let group = 0; ; group += 1) {
  const size = await store.transaction((records) => appendGroup(records, 1 + ((group * 37) % 90)))
  process.stdout.write(`${size}\n`)
}
