/** Lines that others add to a checkpoint, and signatures of kinds that are not known: skipped, and said. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  openCheckpoint,
  parseCheckpoint,
  serializeCheckpoint,
} from '../../src/formats/checkpoint.ts'
import type { NoteKey } from '../../src/formats/note-key.ts'
import { parseSignedNote, serializeSignedNote } from '../../src/formats/signed-note.ts'
import type { LogReader } from '../../src/log/log-records.ts'
import { countersign, documentOf } from '../support/cli.ts'
import { createLaterLogs, laterEntry } from '../support/later-release.ts'
import { stateEntry } from '../support/log-entries.ts'
import { serveLogs } from '../support/paired-logs.ts'
import { LOG_KEY, LOG_ORIGIN, testTreeSigner, TRANSPARENCY_KEY } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const EXTENSIONS = ['monitor.example/seen 7', 'x']
const env = { COUNTERSIGN_TOKEN: 'let-me-in' }
const ENTRIES = [stateEntry(0, { to: 'active', action: 'activate', sequence: 1 })]

/** The same log, whose checkpoint has lines below its root and a signature of a kind that is not known. */
async function extended(log: LogReader, { id, name }: NoteKey): Promise<LogReader> {
  const stored = await log.checkpoint()
  const checkpoint = parseCheckpoint(parseSignedNote(Buffer.from(stored?.note ?? '')).text)
  const text = serializeCheckpoint({ ...checkpoint, extensions: EXTENSIONS })
  const signature = await testSigner('EdDSA', 'log').sign(Buffer.from(text))
  const other = {
    name: 'later.example',
    id: Buffer.of(1, 2, 3, 4),
    signature: Buffer.alloc(200, 7),
  }
  const note = serializeSignedNote({ text, signatures: [other, { name, id, signature }] })
  const checkpointOf = { size: checkpoint.size, note }
  return { ...log, checkpoint: () => Promise.resolve(checkpointOf) }
}

async function extendedLogs(): Promise<{
  readonly log: LogReader
  readonly transparencyLog: LogReader
}> {
  const stored = await createLaterLogs(ENTRIES.map((entry) => laterEntry(entry, {})))
  return {
    log: await extended(stored.log, LOG_KEY),
    transparencyLog: await extended(stored.transparencyLog, TRANSPARENCY_KEY),
  }
}

test.each([
  ['audit', ['--key', LOG_KEY.vkey, '--log-key', TRANSPARENCY_KEY.vkey]],
  ['log', ['--key', TRANSPARENCY_KEY.vkey]],
])(
  '%s verify, show and export read a checkpoint with lines that they do not know',
  async (log, keys) => {
    const server = ['--server', await serveLogs(await extendedLogs())]
    const folder = join(createTempFolder(), 'log')
    const text = await countersign([log, 'verify', ...server, ...keys], { env })
    const json = await countersign([log, 'verify', ...server, ...keys, '--json'], { env })

    expect(text.stdout).toContain('  not checked  in the checkpoint: monitor.example/seen 7')
    expect(documentOf(json)).toMatchObject({ ok: true, extensions: EXTENSIONS })
    expect((await countersign([log, 'show', ...server], { env })).exitCode).toBe(0)
    expect((await countersign([log, 'export', folder, ...server], { env })).exitCode).toBe(0)
    expect(readFileSync(join(folder, 'checkpoint'), 'utf8')).toContain('monitor.example/seen 7')
    const offline = keys.slice(0, 2)
    expect((await countersign([log, 'verify', folder, ...offline], { env })).exitCode).toBe(0)
    const kept = ['--checkpoint', join(folder, 'checkpoint')]
    expect(
      (await countersign([log, 'verify', folder, ...offline, ...kept], { env })).exitCode,
    ).toBe(0)
  },
)

test('a log whose stored checkpoint has such lines is signed again', async () => {
  const { log } = await extendedLogs()
  const signer = testTreeSigner(LOG_ORIGIN)
  const head = await signer.readHead(log)

  const { note } = await signer.sign(head)
  expect(openCheckpoint(Buffer.from(note), { keys: [LOG_KEY] }).extensions).toEqual([])
})
