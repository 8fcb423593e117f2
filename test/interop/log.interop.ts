/** Our transparency log, read by the packages behind Go's checksum database, and theirs by us. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GOLOG } from '../../tools/interop/peers.ts'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import { parseNoteKey } from '../../src/formats/note-key.ts'
import { exportLog } from '../../src/log/export-log.ts'
import { EMPTY_ROOT } from '../../src/crypto/merkle.ts'
import { openStoredLog } from '../../src/log/source.ts'
import { codeOf } from '../support/errors.ts'
import { appendSigned, createSignedLog, LOG_KEY, signatureEntries } from '../support/signed-log.ts'
import { describeWith, folderOf } from './support/needs.ts'
import { type Ended, mustRun, run } from './support/run.ts'

describeWith('golang.org/x/mod/sumdb', [GOLOG], () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-interop-'))
  const exported = join(folder, 'log')
  const older = join(folder, 'older')
  const golog = (...args: readonly string[]): Promise<Ended> =>
    run(join(folderOf(GOLOG), 'log'), args)

  beforeAll(async () => {
    const log = await createSignedLog(signatureEntries(300))
    writeFileSync(older, (await log.log.checkpoint())?.note ?? '')
    // Full tiles, a part of one, and a second level above them.
    await appendSigned(log, signatureEntries(300, 300))
    await exportLog(openStoredLog(log.log), exported)
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  test('verifies our checkpoint, and a proof of each entry from our tiles', async () => {
    const { status, stdout, stderr } = await golog('verify', exported, LOG_KEY.vkey, older)

    expect(stderr).toBe('')
    expect(stdout).toBe('verified 600\n')
    expect(status).toBe(0)
  })

  test('finds a changed byte in any of our tiles, as we do', async () => {
    const files = readdirSync(exported, { recursive: true, withFileTypes: true })
    for (const { parentPath, name } of files.filter((file) => file.isFile())) {
      const path = join(parentPath, name)
      const bytes = readFileSync(path)
      const changed = Buffer.from(bytes)
      changed[20] = (changed[20] ?? 0) ^ 1
      writeFileSync(path, changed)
      const { status } = await golog('verify', exported, LOG_KEY.vkey)
      writeFileSync(path, bytes)
      expect(status, path).toBe(1)
    }
  })

  test('signs a checkpoint that we open, and that no other key opens', async () => {
    const root = Buffer.from(EMPTY_ROOT).toString('base64')
    const said = await mustRun(join(folderOf(GOLOG), 'log'), ['sign', 'go.example/log', '7', root])
    const [vkey = ''] = said.split('\n')
    const note = Buffer.from(said.slice(vkey.length + 2))
    const key = parseNoteKey(vkey)

    expect(openCheckpoint(note, { keys: [key] })).toMatchObject({
      origin: 'go.example/log',
      size: 7,
    })
    expect(codeOf(() => openCheckpoint(note, { keys: [LOG_KEY] }))).toBe('ERR_NOTE_INVALID')
  })
})
