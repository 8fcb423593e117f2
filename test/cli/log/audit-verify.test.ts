/** The audit log of a service, held against its transparency log. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../../src/crypto/digest.ts'
import type { Leaf } from '../../../src/log/append-leaves.ts'
import type { LogEntry } from '../../../src/log/entry.ts'
import type { LogReader } from '../../../src/log/log-records.ts'
import { type CliResult, countersign, documentOf } from '../../support/cli.ts'
import { signatureLeaf, stateLeafOf } from '../../../src/log/public-leaf.ts'
import { signatureEntry, stateEntry } from '../../support/log-entries.ts'
import { MemoryLog } from '../../support/memory-log.ts'
import {
  appendPaired,
  appendPairs,
  createPairedLogs,
  LEAF_KEY,
  serveLogs,
} from '../../support/paired-logs.ts'
import {
  LOG_KEY,
  signatureEntries,
  signStored,
  signTransparency,
  TRANSPARENCY_KEY,
} from '../../support/signed-log.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const env = { COUNTERSIGN_TOKEN: 'let-me-in' }
const KEYS = ['--key', LOG_KEY.vkey, '--log-key', TRANSPARENCY_KEY.vkey]

function verify(server: string, ...more: readonly string[]): Promise<CliResult> {
  return countersign(['audit', 'verify', '--server', server, ...KEYS, ...more], { env })
}

const denial: LogEntry = {
  type: 'denial',
  time: signatureEntry(2).time,
  requestId: 'request-2',
  caller: undefined,
  action: 'sign',
  resource: 'release',
  code: 'ERR_NOT_ALLOWED',
  reason: 'no policy permits it',
}
const change = stateEntry(0, { to: 'active', action: 'activate', sequence: 1 })
const [first, second, third] = [signatureEntry(1), signatureEntry(3), signatureEntry(4)]
const ENTRIES = [change, first, denial, second, third]

test('every signature and change is in the transparency log, and nothing more', async () => {
  const server = await serveLogs(await createPairedLogs(ENTRIES))

  const result = await verify(server)

  expect(result.exitCode).toBe(0)
  expect(result.stderr).toContain(
    '  pairs  every signature and change in it is in the transparency log',
  )
  expect(result.stdout).toMatch(
    /^ {2}pairs {4}all 4 are in the transparency log, which has no others$/m,
  )
})

test('a log verifies over HTTP against an earlier checkpoint, with its keys in files', async () => {
  const folder = createTempFolder()
  const logs = await createPairedLogs(signatureEntries(100))
  const checkpoint = join(folder, 'checkpoint')
  writeFileSync(checkpoint, (await logs.log.checkpoint())?.note ?? '')
  writeFileSync(join(folder, 'audit.vkey'), `${LOG_KEY.vkey}\n`)
  writeFileSync(join(folder, 'log.vkey'), `${TRANSPARENCY_KEY.vkey}\n`)
  await appendPaired(logs, signatureEntries(200, 100))
  await signStored(logs)
  await signTransparency(logs)
  const keys = ['--key', join(folder, 'audit.vkey'), '--log-key', join(folder, 'log.vkey')]
  const args = ['--server', await serveLogs(logs), ...keys, '--checkpoint', checkpoint, '--json']

  const result = await countersign(['audit', 'verify', ...args], { env })

  expect(documentOf(result)).toMatchObject({
    schema: 'https://countersign.dev/schemas/audit-verification/v1',
    ok: true,
    origin: 'log.example/countersign',
    size: 300,
    entries: { signature: 300 },
    paired: { entries: 300, unproven: 0 },
    first: '2026-11-22T10:00:00.000Z',
    since: 100,
  })
})

const other = signatureEntry(9)

test.each<[string, readonly LogEntry[], string]>([
  [
    'another leaf',
    [change, first, denial, other, third],
    'entry 3 must not be there: leaf 2 of the transparency log is another one',
  ],
  [
    'no leaf about a signature',
    [change, first, denial, third, other],
    'entry 3 must not be there: leaf 2 of the transparency log is another one',
  ],
  [
    'one leaf more in between',
    [change, other, first, denial, second, third],
    'entry 1 must not be there: leaf 1 of the transparency log is another one',
  ],
  [
    'one leaf more at its end',
    [...ENTRIES, other],
    'the audit log has no entry about leaf 4 of the transparency log',
  ],
])('a transparency log with %s ends with 3', async (_what, published, why) => {
  const { log } = await createPairedLogs(ENTRIES)
  const { transparencyLog } = await createPairedLogs(published)

  const result = await verify(await serveLogs({ log, transparencyLog }))

  expect(result).toMatchObject({ exitCode: 3, stdout: '' })
  expect(result.stderr).toContain(`error: ${why} [ERR_LOG_PROOF_INVALID]`)
})

test('tiles that the checkpoint does not cover prove nothing', async () => {
  const { log, transparencyLog } = await createPairedLogs(ENTRIES)
  const signed = await createPairedLogs([change, first, denial, other, third])
  const served: LogReader = {
    ...transparencyLog,
    checkpoint: () => signed.transparencyLog.checkpoint(),
  }

  const result = await verify(await serveLogs({ log, transparencyLog: served }))

  expect(result).toMatchObject({ exitCode: 3, stdout: '' })
  expect(result.stderr).toContain(
    'the checkpoint of the transparency log is not about its first 4 leaves',
  )
})

test.each([
  ['the audit log', signTransparency],
  ['the transparency log', signStored],
])('entries newer than the checkpoint of %s are reported, not proven', async (_which, sign) => {
  const logs = await createPairedLogs(ENTRIES)
  await appendPaired(logs, [signatureEntry(5), signatureEntry(6)])
  await sign(logs)
  const server = await serveLogs(logs)

  const result = await verify(server, '--json')

  expect(documentOf(result)).toMatchObject({ ok: true, paired: { entries: 6, unproven: 2 } })
  expect((await verify(server)).stdout).toContain(
    '  not proven  2 of them are newer than a checkpoint\n',
  )
})

test('a service that is not pinned needs the keys of both logs', async () => {
  const server = await serveLogs(await createPairedLogs(ENTRIES))
  const args = ['audit', 'verify', '--server', server]

  const neither = await countersign(args, { env })
  const one = await countersign([...args, '--key', LOG_KEY.vkey], { env })

  expect(neither).toMatchObject({ exitCode: 2 })
  expect(neither.stderr).toMatch(/no key of the audit log given.*--key NAME\+ID\+KEY/s)
  expect(one).toMatchObject({ exitCode: 2 })
  expect(one.stderr).toMatch(/no key of the transparency log given.*--log-key NAME\+ID\+KEY/s)
})

const leaf = (content: string): Leaf => {
  const digest = digestOf(Buffer.from(content))
  return signatureLeaf(LEAF_KEY, { content: 'file', digest, signature: Buffer.from('signature') })
}
const signed: LogEntry = {
  ...first,
  key: { ...first.key, kid: LEAF_KEY.kid },
  digests: [digestOf(Buffer.from('a file'))],
}

test.each<[string, LogEntry, Leaf | undefined, string]>([
  ['another key version', first, leaf('a file'), 'is about another key version'],
  ['another file', signed, leaf('another file'), 'is about another file'],
  ['a change, of a signature,', signed, stateLeafOf(change), 'is about another key version'],
  ['another change', change, leaf('a file'), 'records another change'],
  [
    'another state of the version',
    change,
    stateLeafOf({ ...change, to: 'revoked', action: 'revoke' }),
    'records another change',
  ],
])('a leaf about %s than its entry ends with 3', async (_what, entry, named, why) => {
  const logs = new MemoryLog()
  await appendPairs(logs, [[entry, named]])
  await signStored(logs)
  await signTransparency(logs)

  const result = await verify(await serveLogs(logs))

  expect(result).toMatchObject({ exitCode: 3, stdout: '' })
  expect(result.stderr).toContain(`entry 0 must not be there: the leaf that it names ${why}`)
})

test('an entry and its leaf that record the same file and version are paired', async () => {
  const logs = new MemoryLog()
  await appendPairs(logs, [[signed, leaf('a file')]])
  await signStored(logs)
  await signTransparency(logs)

  expect(await verify(await serveLogs(logs))).toMatchObject({ exitCode: 0 })
})
