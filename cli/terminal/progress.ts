/** Showing how far long reading has come. */
import type { Reading } from '../../src/artifacts/world.ts'
import { assertNotCancelled } from '../../src/basics/cancellation.ts'
import type { CommandEnvironment } from '../command.ts'

/** Short work shows nothing; a line that changes more often can't be read. */
const FIRST_MS = 300
const EVERY_MS = 100

/**
 * Passes chunks on and shows how many bytes have gone by, on a terminal only.
 *
 * @throws {@link CountersignError} ERR_CANCELLED — the user does not want it any more
 */
export async function* withProgress(
  chunks: AsyncIterable<Uint8Array>,
  { context, terminal }: CommandEnvironment,
  { label, total }: Reading,
): AsyncGenerator<Uint8Array, void, undefined> {
  const now = (): number => context.now().getTime()
  let next = now() + FIRST_MS
  let done = 0
  for await (const chunk of chunks) {
    assertNotCancelled(context.signal)
    yield chunk
    done += chunk.length
    if (now() < next) continue
    terminal.progress(`${label}: ${formatProgress(done, total)}`)
    next = now() + EVERY_MS
  }
}

function formatProgress(done: number, total: number | undefined): string {
  const amount = formatBytes(done)
  if (total === undefined || total === 0) return amount
  return `${Math.min(100, Math.floor((done * 100) / total))} % (${amount} of ${formatBytes(total)})`
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes for people: `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10))
  const amount = bytes / 1024 ** power
  return `${power === 0 ? amount : amount.toFixed(1)} ${UNITS[power] ?? 'B'}`
}
