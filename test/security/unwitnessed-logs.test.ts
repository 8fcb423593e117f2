/**
 * A thief of the log key and of a signing key signs a second log of the same name: witnesses that saw the first do
 * not cosign it, so verifiers that demand them refuse it.
 */
import { expect, test } from 'vitest'
import { serializeHashedRekord } from '../../src/formats/hashedrekord.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../src/formats/json.ts'
import { withLogEntry } from '../../src/formats/log-entry.ts'
import { logVerifierKey, type NoteKey } from '../../src/formats/note-key.ts'
import type { WitnessDemand } from '../../src/formats/witnesses.ts'
import { leafHash } from '../../src/crypto/merkle.ts'
import { TreeSigner } from '../../src/log/tree-signer.ts'
import { parseKeyUri } from '../../src/providers/key-uri.ts'
import { createFileProvider } from '../../src/providers/file/provider.ts'
import { signArtifact } from '../../src/signing/sign-artifact.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { serializeAddCheckpoint } from '../../src/formats/add-checkpoint.ts'
import type { TrustMaterial } from '../../src/verification/trust.ts'
import { runServer, serverFolder, type TestServer, TOKEN } from '../support/server.ts'
import { readTrust, releaseFile, verdictOn } from '../support/witnessed-release.ts'
import { startTestWitness, type TestWitness } from '../support/witness.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}` as const

interface Scene {
  readonly server: TestServer
  readonly trust: TrustMaterial
  readonly witnesses: readonly TestWitness[]
}

/** A service that waits for two of two witnesses. */
async function startScene(): Promise<Scene> {
  // The log's key is made at the start of the service, so they hear of it then.
  const logs: NoteKey[] = []
  const witnesses = await Promise.all(
    ['w.example/1', 'w.example/2'].map((name) => startTestWitness({ name, logs })),
  )
  const entries = witnesses.map(
    ({ key, url }) => `    - { key: "${key.vkey}", url: "${url}", logs: [transparency] }`,
  )
  const section = ['log:', '  waitForWitnesses: 20s', '  witnesses:', ...entries, '']
  const server = await runServer(serverFolder(section.join('\n')))
  logs.push(logVerifierKey(server.logNames.transparency, activeKey(server, 'log').publicKey))
  return { server, trust: await readTrust(server.address), witnesses }
}

function activeKey({ keys, versions }: TestServer, use: string) {
  const names = keys.filter((key) => key.use === use).map(({ name }) => name)
  const active = versions.find(({ key, state }) => names.includes(key) && state === 'active')
  if (active === undefined) throw new Error(`no active version whose use is ${use}`)
  return active
}

function steal(server: TestServer, use: string): Promise<Signer> {
  const provider = createFileProvider({ readPassphrase: () => Promise.resolve(undefined) })
  return provider.open(parseKeyUri(activeKey(server, use).uri))
}

async function release({ server }: Scene): Promise<JsonObject> {
  const caller = { address: server.address, authorization: `Bearer ${TOKEN}` }
  const { bundle } = await releaseFile(caller, DIGEST)
  return bundle ?? {}
}

/** A signature past the service, with a proof in a log of the thief under the log's own name and key. */
async function forge({ server }: Scene): Promise<{ bundle: JsonObject; checkpoint: string }> {
  const thief = await steal(server, 'artifact')
  const { bundle: bytes, facts } = await signArtifact(thief, { digest: DIGEST })
  const bundle = parseJson(bytes)
  if (!isJsonObject(bundle)) throw new TypeError('a bundle is an object')
  const leaf = serializeHashedRekord(thief.key, facts) ?? new Uint8Array()
  const logSigner = await steal(server, 'log')
  const signer = new TreeSigner({
    origin: server.logNames.transparency,
    openKeys: () => Promise.resolve({ signer: logSigner }),
  })
  const head = { size: 1, root: leafHash(leaf) }
  const { keyId, note: checkpoint } = await signer.sign(head)
  const proven = { leaf, index: 0, ...head, hashes: [], checkpoint, keyId }
  return { bundle: withLogEntry(bundle, proven), checkpoint }
}

function verify(bundle: JsonObject, { trust }: Scene, witnesses?: WitnessDemand): Promise<string> {
  return verdictOn(bundle, { trust, digest: DIGEST, witnesses })
}

test('a second log under a stolen log key is refused where witnesses are demanded', async () => {
  const scene = await startScene()
  const keys = scene.witnesses.map(({ key }) => key)
  const released = await release(scene)
  const { bundle: forged, checkpoint } = await forge(scene)

  // Without witnesses nothing tells the two logs apart.
  expect(await verify(released, scene)).toBe('accepted')
  expect(await verify(forged, scene)).toBe('accepted')

  expect(await verify(released, scene, { keys, count: 2 })).toBe('accepted')
  expect(await verify(forged, scene, { keys, count: 1 })).toBe('ERR_WITNESS_MISSING')

  // Nor does the thief get a cosignature: the tree is not the one that the witness saw.
  for (const oldSize of [0, 1, 2]) {
    const body = serializeAddCheckpoint({ oldSize, proof: [], note: Buffer.from(checkpoint) })
    for (const { witness } of scene.witnesses) {
      expect([400, 409, 422]).toContain((await witness.addCheckpoint(body)).status)
    }
  }
})

test('cosignatures of another checkpoint or of other witnesses do not make a second log count', async () => {
  const scene = await startScene()
  const keys = scene.witnesses.map(({ key }) => key)
  const unknown = await startTestWitness({ name: 'unknown.example', logs: [] })
  const released = JSON.stringify(await release(scene))
  const { bundle } = await forge(scene)
  const [, envelope = ''] = /"envelope":"((?:[^"\\]|\\.)*)"/.exec(released) ?? []
  const lines = envelope.split('\\n').filter((line) => line.startsWith('— w.example'))
  const text = JSON.stringify(bundle)
  const [, own = ''] = /"envelope":"((?:[^"\\]|\\.)*)"/.exec(text) ?? []
  const grafted = parseJson(Buffer.from(text.replace(own, `${own}${lines.join('\\n')}\\n`)))

  expect(lines).toHaveLength(2)
  expect(isJsonObject(grafted) && (await verify(grafted, scene, { keys, count: 1 }))).toBe(
    'ERR_NOTE_INVALID',
  )
  const others = { keys: [unknown.key], count: 1 }
  const genuine = parseJson(Buffer.from(released))
  expect(isJsonObject(genuine) && (await verify(genuine, scene, others))).toBe(
    'ERR_WITNESS_MISSING',
  )
})

test('without its witnesses a service that waits for them releases nothing', async () => {
  const scene = await startScene()
  const [first] = scene.witnesses
  await first?.[Symbol.asyncDispose]()
  const caller = { address: scene.server.address, authorization: `Bearer ${TOKEN}` }

  expect(await releaseFile(caller, DIGEST)).toEqual({ code: 'ERR_LOG_UNAVAILABLE' })
  const ready = await fetch(`${scene.server.address}/readyz`)
  expect(ready.status).toBe(503)
})
