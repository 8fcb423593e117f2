import { expect, test } from 'vitest'
import { serializeEntry } from '../../src/log/entry-format.ts'
import { labelsOfEntryData } from '../../src/log/entry-labels.ts'
import { findLeaves } from '../../src/log/find-leaves.ts'
import type { LogReader } from '../../src/log/log-records.ts'
import { appendSigned } from '../support/signed-log.ts'
import { signatureEntry } from '../support/log-entries.ts'
import { MemoryLog } from '../support/memory-log.ts'

async function find(
  log: Pick<LogReader, 'find' | 'entries'>,
  label: string,
  before?: number,
): Promise<readonly number[]> {
  const found: number[] = []
  for await (const { index } of findLeaves(log, { label, labelsOf: labelsOfEntryData, before })) {
    found.push(index)
  }
  return found
}

/** Of every fifty entries one is by `rare`. */
async function createLog(): Promise<MemoryLog> {
  const log = new MemoryLog()
  const kidOf = (index: number): string => (index % 50 === 7 ? 'rare' : 'usual')
  const entries = Array.from({ length: 300 }, (_, index) => signatureEntry(index, kidOf(index)))
  await appendSigned(log, entries)
  return log
}

test('entries with a frequent label are found exactly, newest first', async () => {
  const { log } = await createLog()

  expect(await find(log, 'kid:rare')).toEqual([257, 207, 157, 107, 57, 7])
  expect(await find(log, 'kid:rare', 157)).toEqual([107, 57, 7])
  expect(await find(log, 'kid:rare', 158)).toEqual([157, 107, 57, 7])
  expect(await find(log, 'kid:usual')).toHaveLength(294)
  expect(await find(log, 'kid:none')).toEqual([])
})

test('every page of indexes is read', async () => {
  const log = new MemoryLog()
  const entry = { ...signatureEntry(0), bundleSha256: 'ab' }
  await appendSigned(
    log,
    Array.from({ length: 200 }, () => entry),
  )

  const all = Array.from({ length: 200 }, (_, index) => 199 - index)
  expect(await find(log.log, 'bundle:ab')).toEqual(all)
})

test('an entry indexed by mistake is left out, and so is one of a later version', async () => {
  const data = [
    serializeEntry(signatureEntry(0)),
    Buffer.from('{"type":"of-a-later-version"}'),
    serializeEntry(signatureEntry(2)),
  ]
  const log = {
    find: (_label: string, { before = 9 }: { readonly before?: number }) =>
      Promise.resolve([2, 1, 0].filter((index) => index < before)),
    entries: (start: number, end: number) => Promise.resolve(data.slice(start, end)),
  }

  expect(await find(log, `bundle:${signatureEntry(2).bundleSha256}`)).toEqual([2])
})
