/**
 * Entry bundles (C2SP tlog-tiles): the leaf data of up to 256 entries, each behind its length in two
 * bytes. What is parsed is attacker-controlled.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'

/** Longest leaf data: what two bytes can count. */
export const MAX_ENTRY_BYTES = 65_535
const LENGTH_BYTES = 2
const MAX_ENTRIES = 256
/** Longest bundle. */
export const MAX_LOGGED_BUNDLE_BYTES: number = MAX_ENTRIES * (LENGTH_BYTES + MAX_ENTRY_BYTES)

/** Writes a bundle. */
export function serializeEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    entries.flatMap((data) => {
      const length = Buffer.alloc(LENGTH_BYTES)
      length.writeUInt16BE(data.length)
      return [length, data]
    }),
  )
}

/**
 * Parses a bundle into the leaf data of its entries.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — an entry is cut off, or there are over 256
 */
export function parseEntryBundle(bytes: Uint8Array): readonly Uint8Array[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const entries: Uint8Array[] = []
  for (let at = 0; at < view.length;) {
    const start = at + LENGTH_BYTES
    const end = start <= view.length ? start + view.readUInt16BE(at) : Infinity
    if (end > view.length) {
      const message = `a bundle of the log's entries ends within its entry ${entries.length}`
      throw new CountersignError('ERR_LOG_PROOF_INVALID', message)
    }
    if (entries.length === MAX_ENTRIES) {
      const message = `a bundle of the log's entries holds over ${MAX_ENTRIES}`
      throw new CountersignError('ERR_LOG_PROOF_INVALID', message)
    }
    entries.push(view.subarray(start, end))
    at = end
  }
  return entries
}
