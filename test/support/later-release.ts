/** Logs as a later release writes them: some of their documents have what this one does not know. */
import { appendEncoded, type EncodedEntry, encodeEntry } from '../../src/log/append.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { MemoryLog } from './memory-log.ts'
import { signStored, signTransparency } from './signed-log.ts'

/** Changes the text of a document. */
export type Rewrite = (text: string) => string

/** An entry whose own text, or that of its leaf, is changed before it is hashed. */
export function laterEntry(
  entry: LogEntry,
  { ofEntry = same, ofLeaf = same }: { readonly ofEntry?: Rewrite; readonly ofLeaf?: Rewrite },
): EncodedEntry {
  const encoded = encodeEntry(entry)
  const { leaf } = encoded
  return {
    ...encoded,
    data: rewritten(encoded.data, ofEntry),
    leaf: leaf && { ...leaf, data: rewritten(leaf.data, ofLeaf) },
  }
}

/** A store of both logs with these entries, each with a checkpoint over all of it. */
export async function createLaterLogs(entries: readonly EncodedEntry[]): Promise<MemoryLog> {
  const stored = new MemoryLog()
  await stored.transaction(async (records) =>
    appendEncoded(records, await records.log.lockHead(), entries),
  )
  await signStored(stored)
  await signTransparency(stored)
  return stored
}

function same(text: string): string {
  return text
}

function rewritten(data: Uint8Array, rewrite: Rewrite): Uint8Array {
  return Buffer.from(rewrite(Buffer.from(data).toString()))
}
