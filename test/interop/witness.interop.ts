/** Our logs cosigned by a witness of the Go world, and cosignatures of our witness verified by its library. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { LITEWITNESS, TORCHWOOD } from '../../tools/interop/peers.ts'
import { createWitnessClient } from '../../src/client/witness-client.ts'
import { parsePublicKeySpki } from '../../src/crypto/public-key.ts'
import { type NoteKey, witnessVerifierKey } from '../../src/formats/note-key.ts'
import { parseSignedNote } from '../../src/formats/signed-note.ts'
import { readCosignatures } from '../../src/formats/witnesses.ts'
import { WitnessFeed } from '../../src/log/witness-feed.ts'
import type { MemoryLog } from '../support/memory-log.ts'
import {
  appendSigned,
  createSignedLog,
  LOG_KEY,
  LOG_ORIGIN,
  signatureEntries,
} from '../support/signed-log.ts'
import { startTestWitness } from '../support/witness.ts'
import { describeWith, folderOf } from './support/needs.ts'
import { type RunningServer, startOnFreePort, startProgram } from './support/program.ts'
import { mustRun } from './support/run.ts'

const NAME = 'go.example/witness'
const runtime = { fetch, deadline: (milliseconds: number) => AbortSignal.timeout(milliseconds) }

function feedOf(log: MemoryLog, key: NoteKey, url: string, errors: Error[]): WitnessFeed {
  return new WitnessFeed({
    log: log.log,
    witnesses: [createWitnessClient({ key, url: new URL(url), runtime })],
    quorum: 1,
    keep: (checkpoint, isWitnessed) =>
      log.transaction(({ log: records }) => records.putCosigned(checkpoint, isWitnessed)),
    onError: (error) => errors.push(error),
  })
}

async function offer(log: MemoryLog, feed: WitnessFeed): Promise<void> {
  feed.published((await log.log.checkpoint()) ?? { size: 0 })
  await feed.round()
}

describeWith('litewitness', [LITEWITNESS], () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-interop-'))
  const socket = join(folder, 'agent.sock')
  const file = join(folder, 'witness')
  let agent: RunningServer | undefined
  let witness: RunningServer | undefined
  let key: NoteKey

  beforeAll(async () => {
    await mustRun('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
    agent = startProgram({ command: 'ssh-agent', args: ['-D', '-a', socket] })
    await vi.waitUntil(() => addKey(socket, file) === 0, { timeout: 30_000 })
    const fingerprint = await mustRun('ssh-keygen', ['-l', '-f', `${file}.pub`])
    const [, hash = ''] = fingerprint.split(' ')
    const database = join(folder, 'litewitness.db')
    witness = await startOnFreePort((port) => {
      const where = ['-listen', `127.0.0.1:${port}`, '-db', database, '-ssh-agent', socket]
      return {
        command: join(folderOf(LITEWITNESS), 'litewitness'),
        args: ['-name', NAME, '-key', hash, ...where],
      }
    }, '/')
    key = witnessVerifierKey(NAME, readSshKey(readFileSync(`${file}.pub`, 'utf8')))
    addLog(database)
  })
  afterAll(async () => {
    await witness?.stop()
    await agent?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('cosigns our checkpoints as the log grows, and none of a fork', async () => {
    const url = `http://${witness?.host ?? ''}`
    const errors: Error[] = []
    const log = await createSignedLog(signatureEntries(5))
    const feed = feedOf(log, key, url, errors)
    for (const size of [5, 305]) {
      if (size > 5) await appendSigned(log, signatureEntries(size - 5, 5))
      await offer(log, feed)
      const kept = await log.log.witnessed()
      const note = parseSignedNote(Buffer.from(kept?.note ?? ''))

      expect(kept?.size).toBe(size)
      expect(readCosignatures(note, [key])).toHaveLength(1)
    }

    // It states what it cosigned to a log that does not know, and cosigns that again.
    await offer(log, feedOf(log, key, url, errors))
    expect(errors).toEqual([])

    const fork = await createSignedLog(signatureEntries(400, 1000))
    await offer(fork, feedOf(fork, key, url, errors))
    expect(errors).toMatchObject([{ code: 'ERR_WITNESS_MISSING' }])
    expect(await fork.log.witnessed()).toBeUndefined()
  })
})

describeWith('torchwood', [TORCHWOOD], () => {
  const verify = (note: string, vkey: string) =>
    spawnSync(join(folderOf(TORCHWOOD), 'witness'), [LOG_KEY.vkey, vkey], {
      input: note,
      encoding: 'utf8',
    })

  test('verifies the cosignature of our witness, and no other text under it', async () => {
    const log = await createSignedLog(signatureEntries(5))
    const { key, url } = await startTestWitness({ logs: [LOG_KEY] })
    await offer(log, feedOf(log, key, url, []))
    const { note = '' } = (await log.log.witnessed()) ?? {}
    const { stdout, stderr } = verify(note, key.vkey)

    expect(stderr).toBe('')
    expect(stdout).toBe(`${LOG_ORIGIN} 5\n${LOG_ORIGIN}\n${key.name}\n`)
    expect(verify(note.replace('\n5\n', '\n6\n'), key.vkey).status).toBe(1)
  })
})

function addKey(socket: string, file: string): number | null {
  const env = { ...process.env, SSH_AUTH_SOCK: socket }
  return spawnSync('ssh-add', ['-q', file], { env }).status
}

/** The key of a line `ssh-ed25519 BASE64 …`: its last 32 bytes. */
function readSshKey(line: string) {
  const bytes = Buffer.from(line.split(' ')[1] ?? '', 'base64')
  const head = Buffer.from('302a300506032b6570032100', 'hex')
  return parsePublicKeySpki(Buffer.concat([head, bytes.subarray(-32)]), 'EdDSA')
}

/** As its witnessctl does, which is not built here: it needs a module that is not to be had. */
function addLog(database: string): void {
  const root = Buffer.alloc(32).toString('base64')
  const db = new DatabaseSync(database)
  db.prepare('insert into log (origin, tree_size, tree_hash) values (?, 0, ?)').run(
    LOG_ORIGIN,
    root,
  )
  db.prepare('insert into key (origin, key) values (?, ?)').run(LOG_ORIGIN, LOG_KEY.vkey)
  db.close()
}
