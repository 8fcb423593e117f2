/** `countersign log witness` as its operator runs it: a process that cosigns, stops by a signal, and remembers. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import type { WitnessEntry } from '../../../src/config/sections/serve.ts'
import { digestOf } from '../../../src/crypto/digest.ts'
import { serializeAddCheckpoint } from '../../../src/formats/add-checkpoint.ts'
import { type NoteKey, parseNoteKey } from '../../../src/formats/note-key.ts'
import { TreeSigner } from '../../../src/log/tree-signer.ts'
import { createFileProvider } from '../../../src/providers/file/provider.ts'
import { parseKeyUri } from '../../../src/providers/key-uri.ts'
import { CLI, COMPILE_CACHE } from '../../support/command-line.ts'
import { freePort } from '../../support/free-port.ts'
import { runServer, type TestServer } from '../../support/server.ts'
import { writeServiceFolder } from '../../support/service-folder.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { startTestWitness } from '../../support/witness.ts'
import {
  logKeysOf,
  provenSize,
  readTrust,
  releaseFile,
  verdictOn,
} from '../../support/witnessed-release.ts'

const DIGEST = digestOf(Buffer.from('an app'))
const KEYS = { release: { use: 'artifact' } } as const

interface WitnessProcess {
  readonly vkey: string
  /** Sends SIGTERM; answers the exit status. */
  readonly stop: () => Promise<number | null>
}

/** Starts the command, and waits until it listens. */
async function startProcess(args: readonly string[]): Promise<WitnessProcess> {
  const child = spawn(process.execPath, [CLI, 'log', 'witness', ...args], {
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const vkey = await listening(child)
  const stop = async (): Promise<number | null> => {
    child.kill('SIGTERM')
    await ended
    return child.exitCode
  }
  return { vkey, stop }
}

function listening(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const said: string[] = []
  child.once('close', () => {
    reject(new Error(`countersign log witness ended:\n${said.join('\n')}`))
  })
  if (child.stderr === null) throw new Error('a pipe was asked for')
  createInterface(child.stderr).on('line', (line) => {
    said.push(line)
    const vkey = said.map((text) => /^witness (\S+)$/.exec(text)?.[1]).find(Boolean)
    if (vkey !== undefined && line.startsWith('listening on ')) resolve(vkey)
  })
  return promise
}

/** Has a service wait for a witness from its next start on. */
function addWitness(config: string, witness: WitnessEntry): void {
  const written = JSON.parse(readFileSync(config, 'utf8')) as object
  const log = { waitForWitnesses: '20s', witnesses: [witness] }
  writeFileSync(config, JSON.stringify({ ...written, log }))
}

/** A request to cosign another tree of a size, signed by the stolen key of the log. */
async function forkAt(server: TestServer, size: number, oldSize: number): Promise<Uint8Array> {
  const version = server.versions.find(({ key, state }) => key === 'log' && state === 'active')
  const provider = createFileProvider({ readPassphrase: () => Promise.resolve(undefined) })
  const signer = await provider.open(parseKeyUri(version?.uri ?? ''))
  const origin = server.logNames.transparency
  const trees = new TreeSigner({ origin, openKeys: () => Promise.resolve({ signer }) })
  const { note } = await trees.sign({ size, root: new Uint8Array(32).fill(7) })
  return serializeAddCheckpoint({ oldSize, proof: [], note: Buffer.from(note) })
}

async function post(address: string, body: Uint8Array): Promise<number> {
  const url = `${address}/add-checkpoint`
  return (await fetch(url, { method: 'POST', body: Buffer.from(body) })).status
}

test('a witness process cosigns for a service, stops by SIGTERM, and refuses a fork after its restart', async () => {
  const user = createSigningFolder()
  const folder = writeServiceFolder({ folder: createTempFolder(), keys: KEYS })
  const first = await runServer(folder, { migrate: true })
  const [logKey] = logKeysOf(first) as [NoteKey]
  await first[Symbol.asyncDispose]()
  await user.run('key create @witness.pem --algorithm EdDSA --no-passphrase')
  const listen = `127.0.0.1:${await freePort()}`
  const args = [
    ...['--name', 'w.example', '--key', `file:${user.path('witness.pem')}`, '--listen', listen],
    ...['--log', logKey.vkey, '--state', user.path('state')],
  ]
  const witness = await startProcess(args)
  const demand = { keys: [parseNoteKey(witness.vkey)], count: 1 }
  addWitness(folder.config, { key: witness.vkey, url: `http://${listen}`, logs: ['transparency'] })
  const server = await runServer(folder)
  const trust = await readTrust(server.address)
  const caller = { address: server.address, authorization: folder.authorization }
  const { bundle = {} } = await releaseFile(caller, DIGEST)
  expect(await verdictOn(bundle, { trust, digest: DIGEST, witnesses: demand })).toBe('accepted')

  expect(await witness.stop()).toBe(0)

  const again = await startProcess(args)
  expect(again.vkey).toBe(witness.vkey)
  const size = provenSize(bundle)
  const fresh = await startTestWitness({ logs: [logKey] })
  const fork = await forkAt(server, size, 0)
  expect(await post(fresh.url, fork)).toBe(200)
  expect(await post(`http://${listen}`, fork)).toBe(409)
  expect(await post(`http://${listen}`, await forkAt(server, size, size))).toBe(409)
  const later = await releaseFile(caller, DIGEST)
  expect(await verdictOn(later.bundle ?? {}, { trust, digest: DIGEST, witnesses: demand })).toBe(
    'accepted',
  )
})
