import fc from 'fast-check'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import { serializeEntryBundle, parseEntryBundle } from '../../src/log/entry-bundle.ts'
import { exportLog } from '../../src/log/export-log.ts'
import { openLogFolder, openStoredLog, type LogSource } from '../../src/log/source.ts'
import { verifyLog, type VerifyLogOptions } from '../../src/log/verify-log.ts'
import { signatureEntry, stateEntry } from '../support/log-entries.ts'
import {
  appendSigned,
  createSignedLog,
  LOG_KEY,
  LOG_ORIGIN,
  signatureEntries,
} from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'

type Files = Map<string, Uint8Array>

const log = { keys: [LOG_KEY], origin: LOG_ORIGIN }

/** All files of an exported log, by path. */
async function exportFiles(source: LogSource): Promise<Files> {
  const folder = createTempFolder()
  await exportLog(source, folder)
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path)]))
}

const sourceOf = (files: Files): LogSource => ({
  name: 'memory',
  read: (path) => Promise.resolve(files.get(path)),
})

/** The code a log fails with, and what it says. */
async function verdictOf(
  options: Partial<VerifyLogOptions> & { source: LogSource },
): Promise<string> {
  try {
    await verifyLog({ log, ...options })
    return 'verified'
  } catch (error) {
    if (CountersignError.is(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

function set(files: Files, path: string, bytes: Uint8Array): Files {
  return new Map(files).set(path, bytes)
}

function changeEntries(
  files: Files,
  path: string,
  change: (entries: readonly Uint8Array[]) => readonly Uint8Array[],
): Files {
  const bytes = files.get(path) ?? new Uint8Array()
  return set(files, path, serializeEntryBundle(change(parseEntryBundle(bytes))))
}

test.each([0, 1, 255, 256, 257, 600])('a log of %i entries verifies', async (size) => {
  const stored = await createSignedLog(signatureEntries(size))
  const seen: number[] = []
  const progress: number[] = []
  const report = await verifyLog({
    source: openStoredLog(stored.log),
    log,
    onEntry: (index) => seen.push(index),
    onProgress: (done) => progress.push(done),
  })

  expect(report.checkpoint.size).toBe(size)
  expect(report.entries).toEqual(size === 0 ? {} : { signature: size })
  expect(report.first).toEqual(size === 0 ? undefined : signatureEntry(0).time)
  expect(report.last).toEqual(size === 0 ? undefined : signatureEntry(size - 1).time)
  expect(seen).toEqual(Array.from({ length: size }, (_, index) => index))
  expect(progress.at(-1) ?? 0).toBe(size)
})

test('any changed byte of any file is found', async () => {
  const stored = await createSignedLog(signatureEntries(300))
  const files = await exportFiles(openStoredLog(stored.log))
  const place = fc.constantFrom(...files.keys()).chain((path) =>
    fc.record({
      path: fc.constant(path),
      at: fc.nat({ max: (files.get(path)?.length ?? 1) - 1 }),
      bit: fc.nat({ max: 7 }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(place, async ({ path, at, bit }) => {
      const changed = Buffer.from(files.get(path) ?? [])
      changed[at] = (changed[at] ?? 0) ^ (1 << bit)
      const verdict = await verdictOf({ source: sourceOf(set(files, path, changed)) })

      expect(verdict).toMatch(/^ERR_(LOG_PROOF|NOTE)_INVALID: /)
    }),
    { numRuns: 60 },
  )
})

test('any damage to a bundle is found and named', async () => {
  const stored = await createSignedLog(signatureEntries(300))
  const files = await exportFiles(openStoredLog(stored.log))
  const path = 'tile/entries/001.p/44'
  const swap = (entries: readonly Uint8Array[]): readonly Uint8Array[] => {
    const [first, second, ...rest] = entries
    return first === undefined || second === undefined ? entries : [second, first, ...rest]
  }
  const verdict = (changed: Files): Promise<string> => verdictOf({ source: sourceOf(changed) })

  expect(await verdict(changeEntries(files, path, swap))).toMatch(/entry 256 is not the one/)
  expect(await verdict(changeEntries(files, path, (all) => all.toSpliced(7, 1)))).toMatch(
    /tile\/entries\/001.p\/44 of the log has 43 entries/,
  )
  expect(await verdict(changeEntries(files, path, (all) => [...all, ...all.slice(0, 1)]))).toMatch(
    /has 45 entries/,
  )
  expect(
    await verdict(changeEntries(files, path, (all) => all.toSpliced(9, 1, Buffer.from('{}')))),
  ).toMatch(/entry 265 is not the one that tile\/0\/001/)
  const cut = files.get(path)?.subarray(0, -1) ?? new Uint8Array()
  expect(await verdict(set(files, path, cut))).toMatch(/ends within its entry 43/)
})

test('missing and changed tiles are named', async () => {
  const stored = await createSignedLog(signatureEntries(300))
  const files = await exportFiles(openStoredLog(stored.log))
  const without = (path: string): Files => {
    const rest = new Map(files)
    rest.delete(path)
    return rest
  }
  const changed = Buffer.from(files.get('tile/1/000.p/1') ?? []).fill(1, 3, 4)

  expect(await verdictOf({ source: sourceOf(set(files, 'tile/1/000.p/1', changed)) })).toMatch(
    /tile\/1\/000.p\/1 is not what the tiles below it hash to/,
  )
  for (const path of files.keys()) {
    const verdict = await verdictOf({ source: sourceOf(without(path)) })
    const name = path === 'checkpoint' ? 'no checkpoint in memory' : `${path} of the log is missing`
    expect(verdict).toBe(`ERR_LOG_PROOF_INVALID: ${name}`)
  }
})

test('unreadable entries are named, though they are in the tree', async () => {
  const stored = await createSignedLog([])
  const verdict = await verdictOf({ source: openStoredLog(await forgeEntry(stored)) })

  expect(verdict).toMatch(/^ERR_LOG_PROOF_INVALID: entry 0 can't be read: malformed/)
})

/** A log whose owner put something else into it than an entry. */
async function forgeEntry(
  stored: Awaited<ReturnType<typeof createSignedLog>>,
): Promise<(typeof stored)['log']> {
  const { appendEncoded, encodeEntry } = await import('../../src/log/append.ts')
  await stored.transaction(async (records) => {
    const encoded = { ...encodeEntry(signatureEntry(0)), data: Buffer.from('x') }
    await appendEncoded(records, await records.log.lockHead(), [encoded])
  })
  await appendSigned(stored, [])
  return stored.log
}

test('a log signed with another key, or of another name, is refused', async () => {
  const source = openStoredLog((await createSignedLog(signatureEntries(3))).log)
  const other = logVerifierKey(LOG_ORIGIN, testSigner('EdDSA', 'other').key)

  expect(await verdictOf({ source, log: { keys: [other] } })).toMatch(
    /^ERR_NOTE_INVALID: no trusted/,
  )
  expect(await verdictOf({ source, log: { keys: [LOG_KEY], origin: 'elsewhere' } })).toMatch(
    /^ERR_NOTE_INVALID: a checkpoint of the log/,
  )
})

test('a log that grew from what an earlier checkpoint covers verifies against it', async () => {
  const stored = await createSignedLog(signatureEntries(270))
  const note = (await stored.log.checkpoint())?.note ?? ''
  await appendSigned(stored, signatureEntries(100, 270))
  const earlier = openCheckpoint(Buffer.from(note), log)

  expect(await verdictOf({ source: openStoredLog(stored.log), earlier })).toBe('verified')
})

test('a log that shrank or was rewritten fails against an earlier checkpoint', async () => {
  const stored = await createSignedLog(signatureEntries(270))
  const earlier = openCheckpoint(Buffer.from((await stored.log.checkpoint())?.note ?? ''), log)
  const shorter = await createSignedLog(signatureEntries(269))
  const other = await createSignedLog(signatureEntries(300, 1))

  expect(await verdictOf({ source: openStoredLog(shorter.log), earlier })).toMatch(/it went back/)
  expect(await verdictOf({ source: openStoredLog(other.log), earlier })).toMatch(
    /the first 270 entries are not those that the earlier checkpoint was signed for/,
  )
})

const verdictOn = async (entries: Parameters<typeof createSignedLog>[0]): Promise<string> =>
  verdictOf({ source: openStoredLog((await createSignedLog(entries)).log) })

test.each(['revoked', 'destroyed'] as const)(
  'a signature behind the end of its version is named: %s',
  async (to) => {
    const end = stateEntry(1, { to, action: 'end', sequence: 4 })
    const verdict = await verdictOn([signatureEntry(0), end, signatureEntry(2)])

    expect(verdict).toBe(
      `ERR_LOG_PROOF_INVALID: entry 2 must not be there: a signature by version 1 of "release", which entry 1 says is ${to}`,
    )
    expect(await verdictOn([signatureEntry(0), end, signatureEntry(2, 'kid-2')])).toBe('verified')
  },
)

test('times may go back by the clock skew and no further', async () => {
  const [early, late] = [signatureEntry(0), signatureEntry(121)]

  expect(await verdictOn([signatureEntry(120), early])).toBe('verified')
  expect(await verdictOn([late, early])).toMatch(/entry 1 must not be there: it is of 2026/)
})

test('times may go back at an entry that sets them right, and from there on only go forward', async () => {
  const { time, requestId } = signatureEntry(0)
  const base = {
    type: 'clock',
    requestId,
    caller: undefined,
    reason: 'the clock was wrong',
  } as const
  const right = { ...base, time, latest: signatureEntry(3600).time }
  const wrong = signatureEntry(3600)

  expect(await verdictOn([wrong, right, signatureEntry(1)])).toBe('verified')
  expect(await verdictOn([wrong, signatureEntry(1), right])).toMatch(/entry 1 must not be there/)
  expect(await verdictOn([wrong, right, wrong, signatureEntry(1)])).toMatch(
    /entry 3 must not be there/,
  )
})

test('times may go back at a revocation and what follows from it, and at nothing else', async () => {
  const late = signatureEntry(3600, 'kid-2')
  const state = (action: string, sequence: number): ReturnType<typeof stateEntry> =>
    stateEntry(1, { to: action === 'revoke' ? 'revoked' : 'active', action, sequence })

  expect(await verdictOn([late, state('revoke', 4), state('activate', 4)])).toBe('verified')
  expect(await verdictOn([late, state('activate', 4), state('revoke', 4)])).toMatch(/entry 1 must/)
  expect(await verdictOn([late, state('revoke', 4), state('activate', 5)])).toMatch(/entry 2 must/)
  expect(await verdictOn([late, state('revoke', 4), signatureEntry(1, 'kid-2')])).toMatch(
    /entry 2 must/,
  )
})

test('the sequence of publications grows from change to change', async () => {
  const state = (index: number, sequence: number): ReturnType<typeof stateEntry> =>
    stateEntry(index, { to: 'active', action: 'activate', sequence })

  expect(await verdictOn([state(0, 1), state(1, 1), signatureEntry(2), state(3, 2)])).toBe(
    'verified',
  )
  expect(await verdictOn([state(0, 1), signatureEntry(1), state(2, 1)])).toMatch(
    /entry 2 must not be there: its sequence is 1/,
  )
  expect(await verdictOn([state(0, 2), state(1, 1)])).toMatch(/entry 1 must not be there/)
})

test('an exported log verifies offline, and exporting again adds what is new', async () => {
  const stored = await createSignedLog(signatureEntries(500))
  const folder = createTempFolder()
  await exportLog(openStoredLog(stored.log), folder)
  expect(await verdictOf({ source: openLogFolder(folder) })).toBe('verified')

  await appendSigned(stored, signatureEntries(100, 500))
  const done: number[] = []
  const { size } = await exportLog(openStoredLog(stored.log), folder, {
    onProgress: (entries) => done.push(entries),
  })
  expect(size).toBe(600)
  expect(done.at(-1)).toBe(600)
  expect(await verdictOf({ source: openLogFolder(folder) })).toBe('verified')
})

test('a folder that has no log or is not writable is reported', async () => {
  const empty = openLogFolder(createTempFolder())
  const source = openStoredLog((await createSignedLog(signatureEntries(1))).log)
  const file = join(createTempFolder(), 'file')
  writeFileSync(file, '')

  expect(await verdictOf({ source: empty })).toMatch(/no checkpoint in/)
  await expect(exportLog(empty, createTempFolder())).rejects.toMatchObject({
    code: 'ERR_LOG_PROOF_INVALID',
  })
  await expect(exportLog(source, file)).rejects.toMatchObject({ code: 'ERR_FILE_WRITE' })
})

test('a partial tile that was pruned is read from the full one', async () => {
  const stored = await createSignedLog(signatureEntries(256))
  const full = await exportFiles(openStoredLog(stored.log))
  const smaller = await createSignedLog(signatureEntries(100))
  const files = set(full, 'checkpoint', Buffer.from((await smaller.log.checkpoint())?.note ?? ''))

  expect(await verdictOf({ source: sourceOf(files) })).toBe('verified')
  const folder = createTempFolder()
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), bytes)
  }
  expect(await verdictOf({ source: openLogFolder(folder) })).toBe('verified')
})
