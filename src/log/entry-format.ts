/**
 * Leaf data of the audit log: an entry as JSON (RFC 8259) of one form, with its version first, its members in
 * a fixed order, times in RFC 3339 to the millisecond, and what is not known left out. The same entry is always
 * the same bytes; other bytes are not an entry, but for what a later release adds.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { assertVersion, unsupportedFormat } from '../formats/versions.ts'
import type { LogEntry, PublicEntry } from './entry.ts'
import { MAX_ENTRY_BYTES } from './entry-bundle.ts'
import { ENTRY, malformedEntry, PUBLIC_ENTRY } from './entry-codecs.ts'
import { assertOneForm, assertWritten, type OneForm, writeOneForm } from './one-form.ts'

/** Version of entries; what a reader must not skip comes under the next one. */
const ENTRY_VERSION = 1

const FORM: OneForm<LogEntry> = { codec: ENTRY, version: 'v', malformed: malformedEntry }

/** What leaf data says, as far as this release understands it. */
export type EntryContent =
  | {
      readonly kind: 'known'
      readonly entry: LogEntry
      /** Members that a later release added; nothing rests on them. */
      readonly skipped: readonly string[]
    }
  | {
      /** Of a type, or with a value, that a later release added; nothing that is checked here rests on it. */
      readonly kind: 'unknown'
      readonly why: string
      readonly publicEntry: PublicEntry | undefined
    }

/**
 * Writes an entry. The caller's claims and the reasons that people read are cut to their bounds; what
 * is about the operation itself is never cut.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE — it has more digests or audiences than an entry holds
 */
export function serializeEntry(entry: LogEntry, maxBytes: number = MAX_ENTRY_BYTES): Uint8Array {
  const data = Buffer.from(writeOneForm(FORM, ENTRY_VERSION, ENTRY.cut(entry)))
  assertEntrySize(data.length, maxBytes)
  return data
}

/**
 * Makes sure that an entry is no longer than one may be.
 *
 * @throws {@link CountersignError} ERR_INPUT_TOO_LARGE
 */
export function assertEntrySize(bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return
  const message = `what is to be logged takes ${bytes} bytes, and an entry of the log has ${maxBytes}`
  throw new CountersignError('ERR_INPUT_TOO_LARGE', message, {
    hint: 'split it: name fewer artifacts or audiences in one request',
    details: { maxBytes, bytes },
  })
}

/**
 * Parses leaf data that a decision rests on; it may be attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — not the one form of an entry; ERR_JSON_INVALID — not
 * strict JSON; ERR_FORMAT_UNSUPPORTED — only a later release understands it
 */
export function parseEntry(data: Uint8Array): LogEntry {
  const content = readEntry(data)
  if (content.kind === 'known') return content.entry
  throw unsupportedFormat(`an entry of a later release: ${content.why}`)
}

/**
 * Reads leaf data as far as it is understood; it may be attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — not the one form of an entry; ERR_JSON_INVALID — not
 * strict JSON; ERR_FORMAT_UNSUPPORTED — of a later version, which may not be skipped
 */
export function readEntry(data: Uint8Array): EntryContent {
  const reader = readObject(parseJson(data, { maxBytes: MAX_ENTRY_BYTES }), malformedEntry, 'entry')
  const text = Buffer.from(data).toString()
  assertVersion('the entry', reader.count('v'), ENTRY_VERSION)
  try {
    const entry = ENTRY.read(reader)
    return { kind: 'known', entry, skipped: assertOneForm(FORM, entry, reader.json, text) }
  } catch (error) {
    if (!CountersignError.is(error, 'ERR_FORMAT_UNSUPPORTED')) throw error
    assertWritten(FORM, reader.json, text)
    const { message: why } = error
    return { kind: 'unknown', why, publicEntry: PUBLIC_ENTRY.read(reader, 'publicEntry') }
  }
}
