import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createWitnessClient } from '../../../src/client/witness-client.ts'
import { exportLog } from '../../../src/log/export-log.ts'
import { openStoredLog } from '../../../src/log/source.ts'
import { WitnessFeed } from '../../../src/log/witness-feed.ts'
import { countersign } from '../../support/cli.ts'
import { createPairedLogs } from '../../support/paired-logs.ts'
import { signatureEntries, TRANSPARENCY_KEY } from '../../support/signed-log.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { startTestWitness } from '../../support/witness.ts'

const runtime = { fetch, deadline: (milliseconds: number) => AbortSignal.timeout(milliseconds) }

/** A folder with a log that one witness cosigned, and a file with its key. */
async function createCosigned() {
  const folder = createTempFolder()
  const logs = await createPairedLogs(signatureEntries(5))
  const { key, url } = await startTestWitness({ logs: [TRANSPARENCY_KEY] })
  const feed = new WitnessFeed({
    log: logs.transparencyLog,
    witnesses: [createWitnessClient({ key, url: new URL(url), runtime })],
    quorum: 1,
    keep: (checkpoint, isWitnessed) =>
      logs.transaction((records) => records.transparencyLog.putCosigned(checkpoint, isWitnessed)),
    onError: (error) => {
      throw error
    },
  })
  feed.published((await logs.transparencyLog.checkpoint()) ?? { size: 0 })
  await feed.round()
  await exportLog(openStoredLog(logs.transparencyLog), join(folder, 'log'))
  const keyFile = join(folder, 'witnesses.txt')
  writeFileSync(keyFile, `# whom we trust\n${key.vkey}\n`)
  return { log: join(folder, 'log'), vkey: key.vkey, keyFile }
}

const verifyLog = (log: string, ...more: readonly string[]) =>
  countersign(['log', 'verify', log, '--key', TRANSPARENCY_KEY.vkey, ...more])

test('log verify demands cosignatures of the witnesses that are named', async () => {
  const { log, vkey, keyFile } = await createCosigned()
  const unknown = await startTestWitness({ name: 'unknown.example', logs: [] })
  const require1 = ['--require-witness', '1']

  for (const key of [vkey, keyFile]) {
    const verified = await verifyLog(log, ...require1, '--witness-key', key)
    expect(verified.exitCode).toBe(0)
    expect(verified.stderr).toContain('  witness  at least 1 of witness.example/1\n')
  }
  const other = await verifyLog(log, ...require1, '--witness-key', unknown.key.vkey)
  expect(other.exitCode).toBe(4)
  expect(other.stderr).toContain('ERR_WITNESS_MISSING')
})

test('more witnesses than are trusted, and keys that nothing demands, are refused', async () => {
  const { log, vkey } = await createCosigned()

  for (const more of [
    ['--require-witness', '1'],
    ['--require-witness', '2', '--witness-key', vkey],
    ['--witness-key', vkey],
  ]) {
    const refused = await verifyLog(log, ...more)
    expect(refused.exitCode).toBe(2)
    expect(refused.stderr).toContain('ERR_USAGE')
  }
})

test('verify accepts no bundle without the cosignatures that are demanded', async () => {
  const { vkey } = await createCosigned()
  const folder = createTempFolder()
  const file = join(folder, 'app.txt')
  const key = join(folder, 'release.pem')
  writeFileSync(file, 'an app\n')
  await countersign(['key', 'create', key, '--no-passphrase'])
  await countersign(['sign', file, '--key', key])
  const demand = ['--require-witness', '1', '--witness-key', vkey]
  const verified = await countersign(['verify', file, '--key', key, ...demand])

  expect(verified.exitCode).toBe(4)
  expect(verified.stderr).toContain('ERR_WITNESS_MISSING')
})

test('a witness takes no key that others may use', async () => {
  const folder = createTempFolder()
  const key = join(folder, 'witness.pem')
  await countersign(['key', 'create', key, '--no-passphrase', '--algorithm', 'EdDSA'])
  chmodSync(key, 0o644)
  const options = ['--name', 'w.example', '--log', TRANSPARENCY_KEY.vkey, '--state', folder]
  const refused = await countersign(['log', 'witness', '--key', `file:${key}`, ...options])

  expect(refused.stderr).toContain('ERR_NOT_ALLOWED')
})
