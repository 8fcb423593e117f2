/** The invariants of a store and its keys at every moment, whichever process died at which step. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { CreationIntent } from '../../../src/keys/key-records.ts'
import type { KeyVersion } from '../../../src/keys/key.ts'
import { openCheckpoint } from '../../../src/formats/checkpoint.ts'
import { logVerifierKey } from '../../../src/formats/note-key.ts'
import { readEntry } from '../../../src/log/entry-format.ts'
import { labelsOf } from '../../../src/log/entry-labels.ts'
import type { LogReader } from '../../../src/log/log-records.ts'
import type { PairedLogs } from '../../../src/log/paired-logs.ts'
import { openStoredLog } from '../../../src/log/source.ts'
import type { LogReport } from '../../../src/log/verify-log.ts'
import { publicKeyPath } from '../../../src/providers/file/public-key-path.ts'
import type { Store } from '../../../src/store/store.ts'
import { type LogToVerify, verifyBothLogs } from '../../support/both-logs.ts'
import type { Receipts } from './receipts.ts'

/** The versions of all keys, and the key pairs that are being made. */
export interface KeyState {
  readonly versions: readonly KeyVersion[]
  readonly intents: readonly CreationIntent[]
}

/** Reads it in an order in which nothing that becomes a version meanwhile is missed. */
export function readKeyState(store: Store): Promise<KeyState> {
  return store.transaction(async ({ keys }) => {
    const intents = await keys.intents()
    return { intents, versions: await keys.versions() }
  })
}

/** Keys that more than one version signs for. */
export function doublyActive({ versions }: KeyState): readonly string[] {
  const active = versions.filter(({ state }) => state === 'active').map(({ key }) => key)
  return active.filter((key, place) => active.indexOf(key) !== place)
}

/** Files in a folder of keys that belong to no version and to none that is being made. */
export async function findOrphans(folder: string, store: Store): Promise<readonly string[]> {
  // In this order: whatever is there has its intent on record.
  const files = readdirSync(folder).map((name) => join(folder, name))
  const state = await readKeyState(store)
  const uris = [...state.versions, ...state.intents].map(({ uri }) => uri.replace(/^file:/, ''))
  const known = new Set(uris.flatMap((path) => [path, publicKeyPath(path)]))
  const making = state.intents.map(({ uri }) => publicKeyPath(uri.replace(/^file:/, '')))
  const isHalfMade = (file: string): boolean =>
    making.some((path) => file.replace('/.', '/').startsWith(path.replace(/pub$/, '')))
  // A replica that lives on may have finished meanwhile what was half made.
  return files.filter((file) => !known.has(file) && !isHalfMade(file) && existsSync(file))
}

/** Labels that no entry of the log has. */
export async function missingLabels(
  store: Store,
  labels: readonly string[],
): Promise<readonly string[]> {
  const missing: string[] = []
  for (const label of labels) {
    if ((await store.log.find(label, { limit: 1 })).length === 0) missing.push(label)
  }
  return missing
}

/** A report, and which labels the entries have that were verified. */
export interface VerifiedLog extends LogReport {
  readonly labels: ReadonlySet<string>
}

/** Verifies both logs of a store, each against the newest checkpoint that any client saw, and that they pair. */
export async function verifyStoredLogs(
  store: Store,
  { checkpoints }: Receipts,
  host: string,
): Promise<VerifiedLog> {
  const { versions } = await readKeyState(store)
  const read = (reader: LogReader, name: 'log' | 'audit', origin: string): LogToVerify => {
    const keys = versions
      .filter(({ key }) => key === name)
      .map(({ publicKey }) => logVerifierKey(origin, publicKey))
    const log = { keys, origin }
    const note = checkpoints[name]
    const earlier = note === undefined ? undefined : openCheckpoint(Buffer.from(note), log)
    return { source: openStoredLog(reader), log, earlier }
  }
  const labels = new Set<string>()
  const { audit, paired } = await verifyBothLogs(
    read(store.log, 'audit', `${host}/audit`),
    read(store.transparencyLog, 'log', host),
    (_index, entry) => {
      for (const label of labelsOf(entry)) labels.add(label)
    },
  )
  await assertAllNamed(store, audit, paired)
  return { ...audit, labels }
}

/** Entries name every leaf that is stored, those behind the checkpoints too. */
async function assertAllNamed(store: Store, audit: LogReport, paired: PairedLogs): Promise<void> {
  const { start, rest, leaves } = await store.transaction(async ({ log, transparencyLog }) => {
    const { size: start } = audit.checkpoint
    const rest = await log.entries(start, (await log.head()).size)
    return { start, rest, leaves: (await transparencyLog.head()).size }
  })
  for (const [place, data] of rest.entries()) await paired.add(start + place, readEntry(data))
  if (paired.named === leaves) return
  throw new Error(
    `entries name ${paired.named} leaves of the transparency log, and it has ${leaves}`,
  )
}
