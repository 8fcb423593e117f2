/** What a thief of the keys of the logs can do, and by what it is found: a checkpoint that others kept. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { readEnvelope } from '../../src/formats/dsse.ts'
import { serializeHashedRekord } from '../../src/formats/hashedrekord.ts'
import { isJsonObject, parseJson } from '../../src/formats/json.ts'
import { withLogEntry } from '../../src/formats/log-entry.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { leafHash } from '../../src/crypto/merkle.ts'
import { TreeSigner } from '../../src/log/tree-signer.ts'
import { createFileProvider } from '../../src/providers/file/provider.ts'
import { parseKeyUri } from '../../src/providers/key-uri.ts'
import { signArtifact } from '../../src/signing/sign-artifact.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { toTrustMaterial } from '../../src/verification/trusted-root.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { type CliResult, countersign } from '../support/cli.ts'
import { codeOfAsync } from '../support/errors.ts'
import { anchorOf, backUp, clientOf, createFolder, live, putBack } from '../support/older-store.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { SOON } from '../support/soon.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const RELEASED = { status: 200, code: undefined }
const CONTRADICTED = {
  exitCode: 3,
  stderr: expect.stringMatching(
    /the first \d+ entries are not those .*ERR_LOG_PROOF_INVALID/,
  ) as string,
}
const DIGEST = digestOf(Buffer.from('a release file\n'))

function activeVersion({ versions }: TestServer, name: string) {
  const active = versions.find(({ key, state }) => key === name && state === 'active')
  if (active === undefined) throw new Error(`${name} has no active version`)
  return active
}

/** Opens the key file of the active version of a key, as its thief does. */
function steal(server: TestServer, name: string): Promise<Signer> {
  const provider = createFileProvider({ readPassphrase: () => Promise.resolve(undefined) })
  return provider.open(parseKeyUri(activeVersion(server, name).uri))
}

/** Compares the log that a service serves with a checkpoint. */
async function compare(server: TestServer, checkpoint: string): Promise<CliResult> {
  const path = join(createTempFolder(), 'checkpoint')
  writeFileSync(path, checkpoint)
  const { publicKey } = activeVersion(server, 'log')
  const { vkey } = logVerifierKey(server.logNames.transparency, publicKey)
  const log = ['--server', server.address, '--key', vkey]
  return countersign(['log', 'verify', ...log, '--checkpoint', path])
}

test('a proof forged with both stolen keys verifies, and its checkpoint contradicts the log', async () => {
  const folder = createFolder()
  const server = await runServer(folder)
  expect(await clientOf(server, folder).sign()).toEqual(RELEASED)
  const thief = await steal(server, 'release')
  const logThief = await steal(server, 'log')
  const { bundle, facts } = await signArtifact(thief, { digest: DIGEST })
  const leaf = serializeHashedRekord(thief.key, facts) ?? new Uint8Array()
  const root = leafHash(leaf)
  const second = new TreeSigner({
    origin: server.logNames.transparency,
    openKeys: () => Promise.resolve({ signer: logThief }),
  })
  const { keyId, note: checkpoint } = await second.sign({ size: 1, root })
  const stolen = parseJson(bundle)
  if (!isJsonObject(stolen)) throw new TypeError('a bundle is an object')
  const forged = withLogEntry(stolen, {
    ...{ leaf, index: 0, size: 1, root, hashes: [], checkpoint, keyId },
  })

  const published = await fetch(`${server.address}/trust/keys.json`)
  const { payload } = readEnvelope(parseJson(new Uint8Array(await published.arrayBuffer())))
  const trust = await toTrustMaterial(parseKeyHistory(payload))
  const bytes = Buffer.from(JSON.stringify(forged))
  const context = { trust, policy: SIGNATURE_POLICY, now: new Date() }
  const verifying = () => verifyBundle(bytes, digestArtifact('app', [DIGEST]), context)

  expect(await codeOfAsync(verifying)).toBe('accepted')
  await expect.poll(() => compare(server, checkpoint), SOON).toMatchObject(CONTRADICTED)
})

test('logs rewritten with both log keys contradict the checkpoint of every earlier bundle', async () => {
  const folder = createFolder()
  await live(folder, async () => Promise.resolve())
  backUp(folder)
  let kept = ''
  await live(folder, async (_, server) => {
    kept = await checkpointOfBundle(server, folder.authorization)
    // The served checkpoint follows within a second.
    await expect.poll(() => compare(server, kept), SOON).toMatchObject({ exitCode: 0 })
  })
  putBack(folder)
  rmSync(anchorOf(folder))
  await live(folder, async (client) => {
    for (let count = 0; count < 3; count += 1) expect(await client.sign()).toEqual(RELEASED)
  })

  const rewritten = await runServer(folder)

  await expect.poll(() => compare(rewritten, kept), SOON).toMatchObject(CONTRADICTED)
})

async function checkpointOfBundle({ address }: TestServer, authorization: string): Promise<string> {
  const answer = await fetch(`${address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: DIGEST, kind: 'file' }] }),
  })
  interface Entry {
    readonly inclusionProof: { readonly checkpoint: { readonly envelope: string } }
  }
  const { results } = (await answer.json()) as {
    results: { bundle: { verificationMaterial: { tlogEntries: Entry[] } } }[]
  }
  const [entry] = results[0]?.bundle.verificationMaterial.tlogEntries ?? []
  return entry?.inclusionProof.checkpoint.envelope ?? ''
}
