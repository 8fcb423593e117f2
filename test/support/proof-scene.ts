/** A service whose log has signatures of every kind, and a user with their bundles, keys and the trusted root. */
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { encodeBase64 } from '../../src/crypto/base64.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import { serializePublicKeyPem } from '../../src/crypto/public-key.ts'
import { logKeyId } from '../../src/formats/note-key.ts'
import { appendEncoded, encodeEntry } from '../../src/log/append.ts'
import type { Leaf } from '../../src/log/append-leaves.ts'
import { signatureLeaf } from '../../src/log/public-leaf.ts'
import { signArtifact, signFileDigest, signImageLegacy } from '../../src/signing/sign-artifact.ts'
import { signatureEntry } from './log-entries.ts'
import { MemoryLog } from './memory-log.ts'
import { serveLogs } from './paired-logs.ts'
import { signStored, signTransparency, TRANSPARENCY_ORIGIN } from './signed-log.ts'
import { testSigner } from './signers.ts'
import { createSigningFolder, type SigningFolder } from './signing-folder.ts'

/** What is signed. */
const CONTENT = 'a release file\n'

/** Name of the key that signs; its public half is `NAME.pub`, its bundle `NAME.sigstore.json`. */
export const SIGNED: Readonly<
  Record<string, { algorithm: AlgorithmName; form: 'envelope' | 'file' }>
> = {
  es256: { algorithm: 'ES256', form: 'envelope' },
  file: { algorithm: 'ES256', form: 'file' },
  es384: { algorithm: 'ES384', form: 'envelope' },
  ps256: { algorithm: 'PS256', form: 'envelope' },
  eddsa: { algorithm: 'EdDSA', form: 'envelope' },
}

/** The scene; `server` is the address of the service. */
export interface ProofScene {
  readonly folder: SigningFolder
  readonly logs: MemoryLog
  readonly server: string
}

/** Trusted root that lists a log by the key that signs the logs of these tests. */
function rootOfLog(origin: string = TRANSPARENCY_ORIGIN): string {
  const { key } = testSigner('EdDSA', 'log')
  const validFor = { start: '2026-01-01T00:00:00Z' }
  const publicKey = { rawBytes: encodeBase64(key.spki), keyDetails: 'PKIX_ED25519', validFor }
  const logId = { keyId: encodeBase64(logKeyId(origin, key)) }
  return JSON.stringify({
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [{ baseUrl: `https://${origin}`, hashAlgorithm: 'SHA2_256', publicKey, logId }],
  })
}

/** Appends leaves to the transparency log; nothing is signed. */
export function appendLeaves(logs: MemoryLog, leaves: readonly Leaf[]): Promise<unknown> {
  return logs.transaction(async (records) => {
    const encoded = leaves.map((leaf, index) => encodeEntry(signatureEntry(index), leaf))
    return appendEncoded(records, await records.log.lockHead(), encoded)
  })
}

/** Leaves of unrelated signatures. */
export function otherLeaves(count: number): readonly Leaf[] {
  const { key } = testSigner('ES256', 'other')
  return Array.from({ length: count }, (_, index) => {
    const digest = digestOf(Buffer.from(`other ${index}`))
    return signatureLeaf(key, { content: 'file', digest, signature: Buffer.from([index]) })
  })
}

/**
 * Signs with every key, and logs it between signatures of others, `more` of them behind; the checkpoint covers all
 * of it, or where it is not published the first three.
 */
export async function startProofScene({
  more = 300,
  isPublished = true,
}: { readonly more?: number; readonly isPublished?: boolean } = {}): Promise<ProofScene> {
  const folder = createSigningFolder()
  const logs = new MemoryLog()
  folder.write('root.json', rootOfLog())
  const leaves: Leaf[] = []
  for (const [name, { algorithm, form }] of Object.entries(SIGNED)) {
    const signer = testSigner(algorithm, name)
    const digest = digestOf(Buffer.from(CONTENT), signer.key.algorithm.hash)
    const make = form === 'file' ? signFileDigest(signer, digest) : signArtifact(signer, { digest })
    const { bundle, facts } = await make
    folder.write(name, CONTENT)
    folder.write(`${name}.pub`, serializePublicKeyPem(signer.key))
    folder.write(`${name}.sigstore.json`, bundle)
    leaves.push(signatureLeaf(signer.key, facts))
  }
  leaves.push(await signLegacy(folder))
  await appendLeaves(logs, otherLeaves(3))
  await signTransparency(logs)
  await appendLeaves(logs, [...leaves, ...otherLeaves(more)])
  await signStored(logs)
  if (isPublished) await signTransparency(logs)
  return { folder, logs, server: await serveLogs(logs) }
}

/** Writes a signature of the older layout as cosign prints it. */
async function signLegacy(folder: SigningFolder): Promise<Leaf> {
  const signer = testSigner('ES256', 'legacy')
  const image = { digest: digestOf(Buffer.from(CONTENT)), dockerReference: 'registry.example/app' }
  const { payload, signature, facts } = await signImageLegacy(signer, image)
  const printed = { Base64Signature: encodeBase64(signature), Payload: encodeBase64(payload) }
  folder.write('legacy.json', JSON.stringify(printed))
  folder.write('legacy.pub', serializePublicKeyPem(signer.key))
  return signatureLeaf(signer.key, facts)
}
