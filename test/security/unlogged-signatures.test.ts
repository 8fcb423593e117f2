/**
 * A thief of a signing key signs past the service: nothing of it is in the transparency log, so verifiers that
 * know the service refuse it.
 */
import { expect, test } from 'vitest'
import { readEnvelope } from '../../src/formats/dsse.ts'
import { witnessVerifierKey } from '../../src/formats/note-key.ts'
import { serializeSimpleSigning } from '../../src/formats/simple-signing.ts'
import { toX509Signature } from '../../src/crypto/der.ts'
import type { EvidenceDemand } from '../../src/verification/evidence.ts'
import { testSigner } from '../support/signers.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../src/formats/json.ts'
import { serializeHashedRekord } from '../../src/formats/hashedrekord.ts'
import { withLogEntry } from '../../src/formats/log-entry.ts'
import { leafHash } from '../../src/crypto/merkle.ts'
import { parseKeyHistory } from '../../src/keys/key-history.ts'
import { parseKeyUri } from '../../src/providers/key-uri.ts'
import { createFileProvider } from '../../src/providers/file/provider.ts'
import { signArtifact } from '../../src/signing/sign-artifact.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { type Policy, SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey, type TrustMaterial } from '../../src/verification/trust.ts'
import { toTrustMaterial } from '../../src/verification/trusted-root.ts'
import { type BundleOutcome, verifyBundle } from '../../src/verification/verify-bundle.ts'
import {
  examineLegacyAttestation,
  examineLegacySignature,
} from '../../src/verification/verify-legacy.ts'
import { codeOfAsync } from '../support/errors.ts'
import { runServer, serverFolder, type TestServer, TOKEN } from '../support/server.ts'
import { testTreeSigner } from '../support/signed-log.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}` as const
const ARTIFACT = digestArtifact('app', [DIGEST])

interface Scene {
  readonly server: TestServer
  readonly thief: Signer
  readonly trust: TrustMaterial
}

/** A service, what it publishes, and a thief with its key file. */
async function startScene(): Promise<Scene> {
  const folder = serverFolder()
  const server = await runServer(folder)
  const published = await fetch(`${server.address}/trust/keys.json`)
  const { payload } = readEnvelope(parseJson(new Uint8Array(await published.arrayBuffer())))
  const trust = await toTrustMaterial(parseKeyHistory(payload))
  const active = server.versions.find(({ key, state }) => key === 'release' && state === 'active')
  const provider = createFileProvider({ readPassphrase: () => Promise.resolve(undefined) })
  const thief = await provider.open(parseKeyUri(active?.uri ?? ''))
  return { server, thief, trust }
}

async function releasedBundle({ server }: Scene): Promise<JsonObject> {
  const answer = await fetch(`${server.address}/v1/keys/release/signatures`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ artifacts: [{ digest: DIGEST, kind: 'file' }] }),
  })
  const { results } = (await answer.json()) as { results: { bundle: JsonObject }[] }
  return results[0]?.bundle ?? {}
}

function verify(
  bundle: Uint8Array | JsonObject,
  { trust }: Scene,
  policy: Policy,
): Promise<string> {
  const bytes = bundle instanceof Uint8Array ? bundle : Buffer.from(JSON.stringify(bundle))
  return codeOfAsync(() => verifyBundle(bytes, ARTIFACT, { trust, policy, now: new Date() }))
}

const LENIENT: Policy = { ...SIGNATURE_POLICY, evidence: { logEntries: 0, times: 0 } }

test('a signature made outside the service is refused, unless no log is required', async () => {
  const scene = await startScene()
  const { bundle } = await signArtifact(scene.thief, { digest: DIGEST })

  expect(await verify(await releasedBundle(scene), scene, SIGNATURE_POLICY)).toBe('accepted')
  expect(await verify(bundle, scene, SIGNATURE_POLICY)).toBe('ERR_LOG_PROOF_INVALID')
  expect(await verify(bundle, scene, LENIENT)).toBe('accepted')
})

test('a signature of the older layout has no proof and no time, so it fails a demand for one', async () => {
  const signer = testSigner('ES256', 'older layout')
  const payload = serializeSimpleSigning({
    dockerReference: 'registry.example/app',
    imageDigest: DIGEST,
    annotations: {},
  })
  const signature = toX509Signature(signer.key.algorithm, await signer.sign(payload))
  const examine = (evidence: EvidenceDemand): Promise<BundleOutcome> => {
    const trust = { keys: [pinKey(signer.key)] }
    const context = { trust, policy: { ...SIGNATURE_POLICY, evidence }, now: new Date() }
    return examineLegacySignature({ payload, signature }, ARTIFACT, context)
  }
  const codeOf = async (evidence: EvidenceDemand): Promise<string> => {
    const outcome = await examine(evidence)
    return outcome.ok ? 'accepted' : outcome.error.code
  }
  const witness = witnessVerifierKey('w.example', testSigner('EdDSA', 'witness').key)
  const witnesses = { keys: [witness], count: 1 }

  expect(await codeOf({ logEntries: undefined, times: 0 })).toBe('accepted')
  expect(await codeOf({ logEntries: 1, times: 0 })).toBe('ERR_LOG_PROOF_INVALID')
  expect(await codeOf({ logEntries: undefined, times: 1 })).toBe('ERR_TIMESTAMP_INVALID')
  expect(await codeOf({ logEntries: 0, times: 0, witnesses })).toBe('ERR_WITNESS_MISSING')
})

test('a thief who signs in the older layout, which carries no proof, is refused as well', async () => {
  const scene = await startScene()
  const { thief, trust } = scene
  const payload = serializeSimpleSigning({
    dockerReference: 'registry.example/app',
    imageDigest: DIGEST,
    annotations: {},
  })
  const signature = toX509Signature(thief.key.algorithm, await thief.sign(payload))
  const { dsseEnvelope } = await releasedBundle(scene)
  const envelope = Buffer.from(JSON.stringify(dsseEnvelope))
  const codesOf = async (logEntries?: number): Promise<readonly string[]> => {
    const policy = { ...SIGNATURE_POLICY, evidence: { logEntries, times: 0 } }
    const context = { trust, policy, now: new Date() }
    const outcomes = [
      await examineLegacySignature({ payload, signature }, ARTIFACT, context),
      await examineLegacyAttestation(envelope, ARTIFACT, context),
    ]
    return outcomes.map((outcome) => (outcome.ok ? 'accepted' : outcome.error.code))
  }
  const refused = ['ERR_LOG_PROOF_INVALID', 'ERR_LOG_PROOF_INVALID']

  expect(await codesOf()).toEqual(refused)
  expect(await codesOf(0)).toEqual(['accepted', 'accepted'])
  expect(await codesOf(1)).toEqual(refused)
})

test('a key whose bundles carry no proof either signs in the older layout as before', async () => {
  const signer = testSigner('EdDSA', 'without proofs')
  const { trust } = await startScene()
  const payload = serializeSimpleSigning({
    dockerReference: 'registry.example/app',
    imageDigest: DIGEST,
    annotations: {},
  })
  const signature = toX509Signature(signer.key.algorithm, await signer.sign(payload))
  const keys = [{ ...pinKey(signer.key), issuer: 'https://sign.example.com' }]
  const context = { trust: { ...trust, keys }, policy: SIGNATURE_POLICY, now: new Date() }

  const outcome = await examineLegacySignature({ payload, signature }, ARTIFACT, context)

  expect(outcome).toMatchObject({ ok: true })
})

test('the log entry of a released signature does not cover one made outside the service', async () => {
  const scene = await startScene()
  const released = await releasedBundle(scene)
  const { bundle } = await signArtifact(scene.thief, { digest: DIGEST })
  const stolen = parseJson(bundle)
  const { verificationMaterial: material } = released
  if (!isJsonObject(stolen) || !isJsonObject(material)) throw new TypeError('bundles are objects')
  const own = isJsonObject(stolen['verificationMaterial']) ? stolen['verificationMaterial'] : {}
  const pasted = {
    ...stolen,
    verificationMaterial: { ...own, tlogEntries: material['tlogEntries'] ?? [] },
  }

  expect(await verify(pasted, scene, SIGNATURE_POLICY)).toBe('ERR_LOG_PROOF_INVALID')
})

test('a proof of the attacker’s own log does not count', async () => {
  const scene = await startScene()
  const { bundle, facts } = await signArtifact(scene.thief, { digest: DIGEST })
  const leaf = serializeHashedRekord(scene.thief.key, facts) ?? new Uint8Array()
  const root = leafHash(leaf)
  const own = testTreeSigner('sign.example.com')
  const { note: checkpoint, keyId } = await own.sign({ size: 1, root })
  const stolen = parseJson(bundle)
  if (!isJsonObject(stolen)) throw new TypeError('a bundle is an object')
  const proof = { leaf, index: 0, size: 1, root, hashes: [], checkpoint, keyId }

  const forged = withLogEntry(stolen, proof)

  expect(await verify(forged, scene, SIGNATURE_POLICY)).toBe('ERR_LOG_PROOF_INVALID')
})

test.each([
  ['root', { rootHash: Buffer.alloc(32, 1).toString('base64') }],
  ['size', { treeSize: '1000000' }],
])('a proof that states another %s than its checkpoint is refused', async (_what, stated) => {
  const scene = await startScene()
  const bundle = await releasedBundle(scene)
  const material = bundle['verificationMaterial'] as JsonObject
  const [entry] = material['tlogEntries'] as JsonObject[]
  const inclusionProof = { ...(entry?.['inclusionProof'] as JsonObject), ...stated }
  const tlogEntries = [{ ...entry, inclusionProof }]
  const changed = { ...bundle, verificationMaterial: { ...material, tlogEntries } } as JsonObject

  expect(await verify(changed, scene, SIGNATURE_POLICY)).toBe('ERR_LOG_PROOF_INVALID')
})
