import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const PROCESS = join(import.meta.dirname, 'appending-process.ts')

/** Lets a process append until it has said so a number of times, and kills it somewhat later; answers the last size it said. */
async function appendAndKill(url: string, groups: number, laterMs: number): Promise<number> {
  const child = spawn(process.execPath, [PROCESS, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let said = 0
  let acknowledged = 0
  for await (const line of createInterface(child.stdout)) {
    acknowledged = Number(line)
    said += 1
    if (said === groups) void pause(laterMs).then(() => child.kill('SIGKILL'))
  }
  await ended
  return acknowledged
}

/** Size of the log, where head, entries, labels and tiles tell the same of it. */
async function consistentSize({ log }: Store): Promise<number> {
  const { size, root } = await log.head()
  expect(root).toEqual(Uint8Array.from(sha256(`root of ${size}`)))
  const entries = await log.entries(0, size + 1000)
  expect(entries).toHaveLength(size)
  expect(await log.find('digest:all', { limit: size + 1000 })).toHaveLength(size)
  const hashes = entries.map((data) => sha256(data))
  for (let tile = 0; tile * 256 < size; tile += 1) {
    const expected = Buffer.concat(hashes.slice(tile * 256, (tile + 1) * 256))
    expect(Buffer.from((await log.tile(0, tile)) ?? []).equals(expected)).toBe(true)
  }
  return size
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest()
}

test('a process that is killed while it writes loses nothing it acknowledged, and leaves nothing half-written', async () => {
  const url = `sqlite:${join(createTempFolder(), 'store.db')}`
  const random = seededRandom(20261125)

  for (let round = 0; round < 5; round += 1) {
    const acknowledged = await appendAndKill(url, 1 + Math.floor(random() * 5), random() * 15)
    await using store = await openStore(url)

    expect(await consistentSize(store)).toBeGreaterThanOrEqual(acknowledged)
  }
})
