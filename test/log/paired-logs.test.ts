import { expect, test } from 'vitest'
import type { LogEntry, PublicEntry } from '../../src/log/entry.ts'
import { type EntryContent, parseEntry } from '../../src/log/entry-format.ts'
import { PairedLogs } from '../../src/log/paired-logs.ts'
import { openStoredLog } from '../../src/log/source.ts'
import { codeOfAsync } from '../support/errors.ts'
import { signatureEntry, stateEntry } from '../support/log-entries.ts'
import { createSignedLog } from '../support/signed-log.ts'
import type { MemoryLog } from '../support/memory-log.ts'

const change = (index: number): LogEntry =>
  stateEntry(index, { to: 'active', action: 'activate', sequence: index })

const states = (count: number): readonly LogEntry[] =>
  Array.from({ length: count }, (_, index) => change(index))

async function entriesOf({ log }: MemoryLog): Promise<readonly LogEntry[]> {
  const { size } = await log.head()
  return (await log.entries(0, size)).map(parseEntry)
}

/** Holds entries against the transparency log of a store; answers how many leaves they named. */
async function pair(
  stored: MemoryLog,
  entries: readonly LogEntry[],
  size?: number,
): Promise<number> {
  const head = await stored.transparencyLog.head()
  const source = openStoredLog(stored.transparencyLog)
  const paired = new PairedLogs(source, { ...head, size: size ?? head.size }, {})
  for (const [index, entry] of entries.entries()) await paired.add(index, known(entry))
  return paired.named
}

const known = (entry: LogEntry): EntryContent => ({ kind: 'known', entry, skipped: [] })

/** The code that holding entries fails with, and which entry it names. */
async function verdictOn(stored: MemoryLog, entries: readonly LogEntry[]): Promise<string> {
  try {
    await pair(stored, entries)
    return 'paired'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

test('entries name the leaves of the transparency log, each once and in order', async () => {
  const stored = await createSignedLog(states(600))

  expect(await pair(stored, await entriesOf(stored))).toBe(600)
})

test('entries that no leaf is about name none', async () => {
  const denial: LogEntry = {
    type: 'denial',
    time: signatureEntry(1).time,
    requestId: 'request-1',
    caller: undefined,
    action: 'sign',
    resource: 'release',
    code: 'ERR_NOT_ALLOWED',
    reason: 'no policy permits it',
  }
  const stored = await createSignedLog([change(0), denial, change(2)])

  expect(await pair(stored, await entriesOf(stored))).toBe(2)
})

test('leaves behind the checkpoint are counted, and checked by the next one', async () => {
  const stored = await createSignedLog(states(300))

  expect(await pair(stored, await entriesOf(stored), 257)).toBe(300)
})

/** Entries of a log of three, of which the second names what `rename` makes of its leaf. */
async function renamed(
  stored: MemoryLog,
  rename: (named: PublicEntry) => PublicEntry | undefined,
): Promise<readonly LogEntry[]> {
  const entries = await entriesOf(stored)
  return entries.map((entry, index) => {
    if (index !== 1 || entry.type !== 'state' || entry.publicEntry === undefined) return entry
    return { ...entry, publicEntry: rename(entry.publicEntry) }
  })
}

test.each<[string, (named: PublicEntry) => PublicEntry | undefined, RegExp]>([
  ['no leaf', () => undefined, /entry 1 must not be there: it names no leaf/],
  ['a leaf twice', (named) => ({ ...named, index: 0 }), /names leaf 0 .*, and 1 comes next/],
  ['a leaf too early', (named) => ({ ...named, index: 2 }), /names leaf 2 .*, and 1 comes next/],
  [
    'another leaf at its place',
    (named) => ({ ...named, leafSha256: '00'.repeat(32) }),
    /entry 1 must not be there: leaf 1 of the transparency log is another one/,
  ],
])('an entry that names %s is found', async (_what, rename, why) => {
  const stored = await createSignedLog(states(3))

  expect(await verdictOn(stored, await renamed(stored, rename))).toMatch(why)
})

test('a signature that only the audit log has is found', async () => {
  const stored = await createSignedLog(states(3))
  const entries = [...(await entriesOf(stored)), signatureEntry(3)]

  expect(await codeOfAsync(() => pair(stored, entries))).toBe('ERR_LOG_PROOF_INVALID')
})

test('a leaf that no entry names is found behind the last entry', async () => {
  const stored = await createSignedLog(states(3))
  const head = await stored.transparencyLog.head()
  const paired = new PairedLogs(openStoredLog(stored.transparencyLog), head, {})
  const [first, second, third] = await entriesOf(stored)

  for (const entry of [first, second]) await paired.add(0, known(entry ?? change(0)))

  expect(paired.isComplete).toBe(false)
  expect(() => {
    paired.end()
  }).toThrow('the audit log has no entry about leaf 2 of the transparency log')
  await paired.add(2, known(third ?? change(0)))
  paired.end()
})

test('tiles that lead to another root than the checkpoint has are found', async () => {
  const stored = await createSignedLog(states(600))
  const { size } = await stored.transparencyLog.head()
  const source = openStoredLog(stored.transparencyLog)
  const paired = new PairedLogs(source, { size, root: Buffer.alloc(32) }, {})
  for (const [index, entry] of (await entriesOf(stored)).entries())
    await paired.add(index, known(entry))

  expect(() => {
    paired.end()
  }).toThrow('the checkpoint of the transparency log is not about its first 600 leaves')
})

test('an entry of a later release names its leaf like any other', async () => {
  const stored = await createSignedLog(states(3))
  const later = (await entriesOf(stored)).map((entry, index): EntryContent => {
    const publicEntry = entry.type === 'state' ? entry.publicEntry : undefined
    return index === 1 ? { kind: 'unknown', why: 'type "x"', publicEntry } : known(entry)
  })
  const head = await stored.transparencyLog.head()
  const paired = new PairedLogs(openStoredLog(stored.transparencyLog), head, {})
  for (const [index, content] of later.entries()) await paired.add(index, content)

  paired.end()
  expect(paired.named).toBe(3)
})
