/** Reads of a large log: proofs, and entries found by their labels. */
import { randomInt } from 'node:crypto'
import { labelsOf, labelsOfEntryData } from '../../src/log/entry-labels.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { findLeaves } from '../../src/log/find-leaves.ts'
import { proveConsistency, proveInclusion } from '../../src/log/proofs.ts'
import { nodesOfTiles } from '../../src/log/tiles.ts'
import type { LogReader } from '../../src/log/log-records.ts'
import type { Store } from '../../src/store/store.ts'
import { median } from '../rates.ts'
import type { Row } from '../report.ts'

const ROUNDS = 50

/** Medians of reads at random places, each as a request does it: nothing is known from the one before. */
export async function measureReads({ log, transparencyLog }: Store): Promise<readonly Row[]> {
  const { size } = await transparencyLog.head()
  const place = (): number => randomInt(size)
  const node = (): ReturnType<typeof nodesOfTiles> =>
    nodesOfTiles((level, index) => transparencyLog.tile(level, index))
  const readOf = async (kind: string): Promise<string> => {
    const index = randomInt((await log.head()).size)
    const [data] = await log.entries(index, index + 1)
    const labels = data === undefined ? [] : labelsOf(parseEntry(data))
    return labels.find((label) => label.startsWith(`${kind}:`)) ?? ''
  }
  return [
    await timed('inclusion proof', () => proveInclusion(place(), size, node())),
    await timed('consistency proof', () => proveConsistency(1 + place(), size, node())),
    await timed('entry by bundle:', async () => find(log, await readOf('bundle'))),
    await timed('entry by digest: that no entry has', () => find(log, 'digest:sha256:none')),
    await timed('newest entry by kid:', async () => find(log, await readOf('kid'))),
    await timed('state entries of a version', () => find(log, 'state:none')),
  ]
}

async function find(log: LogReader, label: string): Promise<void> {
  for await (const _ of findLeaves(log, { label, labelsOf: labelsOfEntryData })) return
}

async function timed(what: string, read: () => Promise<unknown>): Promise<Row> {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = performance.now()
    await read()
    times.push(performance.now() - start)
  }
  return { read: what, 'median ms': median(times), 'longest ms': Math.max(...times) }
}
