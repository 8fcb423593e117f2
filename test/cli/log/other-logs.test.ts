/** Logs that are not the one that was asked for, or that this release cannot read: each ends with an error that says so. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { appendLeaves } from '../../../src/log/append-leaves.ts'
import type { LogEntry } from '../../../src/log/entry.ts'
import { exportLog } from '../../../src/log/export-log.ts'
import { openStoredLog } from '../../../src/log/source.ts'
import type { LogRole } from '../../../src/log/log-roles.ts'
import { logVerifierKey } from '../../../src/formats/note-key.ts'
import { type CliResult, countersign } from '../../support/cli.ts'
import type { MemoryLog } from '../../support/memory-log.ts'
import { appendPaired, createPairedLogs } from '../../support/paired-logs.ts'
import {
  LOG_KEY,
  signatureEntries,
  signStored,
  signTransparency,
  TRANSPARENCY_KEY,
} from '../../support/signed-log.ts'
import { testSigner } from '../../support/signers.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const LOGS = [
  { role: 'transparency', command: 'log', key: TRANSPARENCY_KEY, sign: signTransparency },
  { role: 'audit', command: 'audit', key: LOG_KEY, sign: signStored },
] as const

function readerOf(logs: MemoryLog, role: LogRole): MemoryLog['log'] {
  return role === 'audit' ? logs.log : logs.transparencyLog
}

async function createLogs(entries: readonly LogEntry[]): Promise<MemoryLog> {
  const logs = await createPairedLogs(entries)
  await signStored(logs)
  return logs
}

async function exported(logs: MemoryLog, role: LogRole): Promise<string> {
  const folder = createTempFolder()
  await exportLog(openStoredLog(readerOf(logs, role)), folder)
  return folder
}

async function keptCheckpoint(logs: MemoryLog, role: LogRole): Promise<string> {
  const path = join(createTempFolder(), 'checkpoint')
  writeFileSync(path, (await readerOf(logs, role).checkpoint())?.note ?? '')
  return path
}

describe.each(LOGS)('countersign $command verify', ({ command, key, role, sign }) => {
  const verify = (folder: string, ...flags: readonly string[]): Promise<CliResult> =>
    countersign([command, 'verify', folder, '--key', key.vkey, ...flags])

  async function grow(logs: MemoryLog, count: number, from: number): Promise<void> {
    await appendPaired(logs, signatureEntries(count, from))
    await sign(logs)
  }

  test('refuses a log of another name by the same key', async () => {
    const folder = await exported(await createLogs(signatureEntries(3)), role)
    const other = logVerifierKey('another.example', testSigner('EdDSA', 'log').key)

    const byKey = await countersign([command, 'verify', folder, '--key', other.vkey])
    const byName = await verify(folder, '--origin', 'another.example')

    for (const result of [byKey, byName]) {
      expect(result).toMatchObject({ exitCode: 3, stdout: '' })
      expect(result.stderr).toContain('[ERR_NOTE_INVALID]')
    }
    expect(byName.stderr).toContain('not of "another.example"')
  })

  test('refuses a log of another key, with a checkpoint of the name', async () => {
    const folder = await exported(await createLogs(signatureEntries(3)), role)
    const other = logVerifierKey(key.name, testSigner('EdDSA', 'other').key)

    const result = await countersign([command, 'verify', folder, '--key', other.vkey])

    expect(result).toMatchObject({ exitCode: 3, stdout: '' })
    expect(result.stderr).toContain('[ERR_NOTE_INVALID]')
  })

  test.each([
    ['as large as the checkpoint', 0],
    ['larger than the checkpoint', 5],
  ])('refuses a tree that forked from the kept checkpoint, and is %s', async (_what, more) => {
    const checkpoint = await keptCheckpoint(await createLogs(signatureEntries(7)), role)
    const fork = await createLogs(signatureEntries(6))
    await grow(fork, 1 + more, 100)
    const folder = await exported(fork, role)

    const result = await verify(folder, '--checkpoint', checkpoint)

    expect(result).toMatchObject({ exitCode: 3, stdout: '' })
    expect(result.stderr).toMatch(/the first 7 entries are not those .*\[ERR_LOG_PROOF_INVALID\]/)
  })

  test('refuses a log that is smaller than the kept checkpoint', async () => {
    const logs = await createLogs(signatureEntries(3))
    const folder = await exported(logs, role)
    await grow(logs, 4, 3)

    const result = await verify(folder, '--checkpoint', await keptCheckpoint(logs, role))

    expect(result).toMatchObject({ exitCode: 3, stdout: '' })
    expect(result.stderr).toContain(
      'error: the log has 3 entries, and had 7 before: it went back [ERR_LOG_PROOF_INVALID]',
    )
  })

  test('refuses a checkpoint over more entries than are there', async () => {
    const logs = await createLogs(signatureEntries(3))
    const folder = await exported(logs, role)
    await grow(logs, 4, 3)
    writeFileSync(join(folder, 'checkpoint'), (await readerOf(logs, role).checkpoint())?.note ?? '')

    const result = await verify(folder)

    expect(result.exitCode).not.toBe(0)
    expect(result.stdout).toBe('')
    expect(result.stderr).toMatch(/\[ERR_(?:LOG_PROOF_INVALID|FILE_READ)\]/)
  })

  test('says of an entry in a later version that a newer release is needed', async () => {
    const logs = await createLogs(signatureEntries(3))
    await appendRaw(logs, role, later(role))
    await sign(logs)

    const result = await verify(await exported(logs, role))

    expect(result).toMatchObject({ exitCode: 2, stdout: '' })
    expect(result.stderr).toContain('[ERR_FORMAT_UNSUPPORTED]')
  })
})

/** What a later release may write, and no reader of this one may skip. */
function later(role: LogRole): string {
  if (role === 'audit') return '{"v":2,"type":"signature"}'
  return '{"apiVersion":"0.9","kind":"countersign-key-state","spec":{}}'
}

async function appendRaw(logs: MemoryLog, role: LogRole, text: string): Promise<void> {
  await logs.transaction(async ({ log, transparencyLog }) => {
    const records = role === 'audit' ? log : transparencyLog
    const leaves = [{ data: Buffer.from(text), labels: [] }]
    await appendLeaves(records, await records.lockHead(), { leaves, latest: undefined }, {})
  })
}
