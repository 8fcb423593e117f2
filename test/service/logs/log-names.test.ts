import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { PublicKeyInfo } from '../../../src/crypto/public-key.ts'
import { logVerifierKey } from '../../../src/formats/note-key.ts'
import { parseSignedNote } from '../../../src/formats/signed-note.ts'
import { parseKeyHistory } from '../../../src/keys/key-history.ts'
import { logNamesOf } from '../../../src/service/logs/log-names.ts'
import { codeOfAsync } from '../../support/errors.ts'
import {
  runServer,
  type ServerFolder,
  serverFolder,
  type TestServer,
} from '../../support/server.ts'

const named = (folder: ServerFolder, origin: string): ServerFolder => ({
  ...folder,
  env: { ...folder.env, COUNTERSIGN_LOG_ORIGIN: origin },
})

/** The first line of its checkpoint, once there is one. */
async function nameOf(server: TestServer): Promise<string | undefined> {
  return (await checkpointWhere(server, () => true)).split('\n')[0]
}

/** The text of its checkpoint, once there is one that is looked for. */
async function checkpointWhere(
  { address }: TestServer,
  isMeant: (note: Uint8Array) => boolean,
): Promise<string> {
  for (let look = 0; look < 100; look += 1) {
    const answer = await fetch(`${address}/log/checkpoint`)
    const note = Buffer.from(await answer.arrayBuffer())
    if (answer.ok && isMeant(note)) return note.toString()
    await delay(50)
  }
  throw new Error('there is no such checkpoint')
}

test.each([
  ['https://sign.example.com', {}, 'sign.example.com', 'sign.example.com/audit'],
  [
    'https://sign.example.com:8443/team/',
    {},
    'sign.example.com',
    'sign.example.com:8443/team/audit',
  ],
  ['https://[2001:db8::1]:8443', {}, '2001:db8::1', '[2001:db8::1]:8443/audit'],
  [
    'https://sign.example.com',
    { origin: 'log.example.com' },
    'log.example.com',
    'sign.example.com/audit',
  ],
  ['https://sign.example.com', { auditOrigin: 'a.example/1' }, 'sign.example.com', 'a.example/1'],
])('the logs of %s with %o are %s and %s', (issuer, log, transparency, audit) => {
  expect(logNamesOf({ log }, issuer)).toEqual({ transparency, audit })
})

test('the audit log does not go on under another name either', async () => {
  const folder = serverFolder()
  const first = await runServer(folder)
  await first[Symbol.asyncDispose]()
  const renamed = { ...folder, env: { ...folder.env, COUNTERSIGN_LOG_AUDIT_ORIGIN: 'other/audit' } }

  expect(await codeOfAsync(() => runServer(renamed))).toBe('ERR_CONFIG_INVALID')
  const renewed = await runServer(renamed, { newLog: true })
  expect(renewed.logNames).toEqual({ transparency: 'sign.example.com', audit: 'other/audit' })
})

test('the two logs have two names', async () => {
  const folder = serverFolder()
  const env = { ...folder.env, COUNTERSIGN_LOG_AUDIT_ORIGIN: 'sign.example.com' }

  expect(await codeOfAsync(() => runServer({ ...folder, env }))).toBe('ERR_CONFIG_INVALID')
})

test('a log does not continue under another name unless it is restarted', async () => {
  const folder = serverFolder()
  const first = await runServer(folder)
  const before = await nameOf(first)
  await first[Symbol.asyncDispose]()
  const renamed = named(folder, 'log-2026.example.com')

  expect(before).toBe('sign.example.com')
  expect(await codeOfAsync(() => runServer(renamed))).toBe('ERR_CONFIG_INVALID')
  const renewed = await runServer(renamed, { newLog: true })
  expect(await nameOf(renewed)).toBe('log-2026.example.com')
  await renewed[Symbol.asyncDispose]()

  const next = await runServer(renamed)
  expect(await nameOf(next)).toBe('log-2026.example.com')
  await next[Symbol.asyncDispose]()
  expect(await codeOfAsync(() => runServer(folder))).toBe('ERR_CONFIG_INVALID')
})

test('renamed keys of the service sign from then on, and the log continues', async () => {
  const folder = serverFolder()
  const first = await runServer(folder)
  await nameOf(first)
  await first[Symbol.asyncDispose]()
  const yaml = readFileSync(folder.config, 'utf8')
  const renamed = `keys:
  zlog: { use: log, algorithm: EdDSA, provider: file:keys/ }
  ztrust: { use: trust, provider: file:keys/ }
`
  writeFileSync(folder.config, yaml.replace('keys:\n', renamed))

  const next = await runServer(folder)

  const keyIn = (name: string): PublicKeyInfo | undefined =>
    next.versions.find(({ key, state }) => key === name && state === 'active')?.publicKey
  const [log, trust] = [keyIn('zlog'), keyIn('ztrust')]
  if (log === undefined || trust === undefined) throw new Error('they have no version')
  const { id } = logVerifierKey(next.logNames.transparency, log)
  const history = new Uint8Array(
    await (await fetch(`${next.address}/trust/keys.json`)).arrayBuffer(),
  )
  const isByLog = (note: Uint8Array): boolean =>
    parseSignedNote(note).signatures.some((signature) => Buffer.from(signature.id).equals(id))
  expect(await checkpointWhere(next, isByLog)).toContain('sign.example.com')
  expect(parseKeyHistory(history, trust).versions).not.toEqual([])
  expect(next.lines.join('')).not.toContain('"level":50')
})

test('restarting a log that has the right name changes nothing', async () => {
  const folder = serverFolder()
  const first = await runServer(folder)
  const before = await nameOf(first)
  await first[Symbol.asyncDispose]()

  const again = await runServer(folder, { newLog: true })

  expect(await nameOf(again)).toBe(before)
  expect(again.lines.join('')).not.toContain('"level":50')
})
