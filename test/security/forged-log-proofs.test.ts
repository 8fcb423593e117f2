/**
 * An attacker with a signature that the log does not have, or with a proof of another one, writes or changes proof
 * files: none of them makes a signature count as logged.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { leafHash, nodeHash } from '../../src/crypto/merkle.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { serializeCheckpoint } from '../../src/formats/checkpoint.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import { serializeSignatureLeaf } from '../../src/formats/signature-leaf.ts'
import { serializeSignedNote } from '../../src/formats/signed-note.ts'
import {
  MAX_TLOG_PROOF_BYTES,
  parseTlogProof,
  serializeTlogProof,
  type TlogProof,
} from '../../src/formats/tlog-proof.ts'
import { signatureFacts } from '../../src/verification/log-entries.ts'
import { changeBehind } from '../support/changed-text.ts'
import type { CliResult } from '../support/cli.ts'
import { type ProofScene, startProofScene } from '../support/proof-scene.ts'
import { testTreeSigner, TRANSPARENCY_KEY } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'

const TRUST = '--key @eddsa.pub --trusted-root @root.json'

interface ProvenScene extends ProofScene {
  /** The proof of the signature of `eddsa`. */
  readonly proof: string
}

async function startProven(): Promise<ProvenScene> {
  const scene = await startProofScene()
  const { folder, server } = scene
  await folder.run(`log proof @eddsa.sigstore.json --proof @proof --server ${server} ${TRUST}`)
  return { ...scene, proof: readFileSync(folder.path('proof'), 'utf8') }
}

const codeOf = ({ stderr }: CliResult): string => /\[(ERR_\w+)\]/.exec(stderr)?.[1] ?? 'accepted'

/** How both commands that read a proof end. */
async function codesOf({ folder }: ProofScene, proof: string): Promise<readonly string[]> {
  folder.write('proof', proof)
  const verified = await folder.run(`verify @eddsa ${TRUST} --log-proof @proof`)
  const checked = await folder.run(`log proof @eddsa.sigstore.json --proof @proof --check ${TRUST}`)
  return [codeOf(verified), codeOf(checked)]
}

const ACCEPTED = ['accepted', 'accepted']
const INVALID = ['ERR_LOG_PROOF_INVALID', 'ERR_LOG_PROOF_INVALID']
/** Where the checkpoint is not the log's. */
const UNSIGNED = ['ERR_LOG_PROOF_INVALID', 'ERR_NOTE_INVALID']

function rewrite(proof: string, change: (parsed: TlogProof) => Partial<TlogProof>): string {
  const parsed = parseTlogProof(Buffer.from(proof))
  return serializeTlogProof({ ...parsed, ...change(parsed) })
}

/** The leaf of the signature of `eddsa`. */
function leafOf({ folder }: ProofScene): Uint8Array {
  const { key } = testSigner('EdDSA', 'eddsa')
  const { content } = parseBundle(readFileSync(folder.path('eddsa.sigstore.json')))
  return serializeSignatureLeaf(key, signatureFacts(content, key))
}

test('the real proof is accepted, also with foreign signature lines', async () => {
  const scene = await startProven()
  const line = Buffer.alloc(76, 1).toString('base64')

  expect(await codesOf(scene, scene.proof)).toStrictEqual(ACCEPTED)
  expect(await codesOf(scene, `${scene.proof}— witness.example ${line}\n`)).toStrictEqual(ACCEPTED)
})

test.each<[string, (proof: string) => string]>([
  ['another hash', (proof) => changeBehind(proof, /index 7\n/)],
  ['another index', (proof) => proof.replace('index 7', 'index 6')],
  ['an index beyond the tree', (proof) => proof.replace('index 7', 'index 309')],
  ['no hashes', (proof) => rewrite(proof, () => ({ hashes: [] }))],
  ['a hash less', (proof) => rewrite(proof, ({ hashes }) => ({ hashes: hashes.slice(1) }))],
  [
    'a hash more',
    (proof) => rewrite(proof, ({ hashes }) => ({ hashes: [...hashes, Buffer.alloc(32)] })),
  ],
  [
    'its hashes in another order',
    (proof) => rewrite(proof, ({ hashes }) => ({ hashes: hashes.toReversed() })),
  ],
  ['a line that the format does not have', (proof) => proof.replace('index', 'note hi\nindex')],
])('a proof with %s proves nothing', async (_what, change) => {
  const scene = await startProven()

  expect(await codesOf(scene, change(scene.proof))).toStrictEqual(INVALID)
})

test.each<[string, (proof: string) => string]>([
  ['another root', (proof) => changeBehind(proof, /\n309\n/)],
  ['the size of a later tree', (proof) => proof.replace('\n309\n', '\n310\n')],
  ['the name of another log', (proof) => proof.replace('\nlog.example\n', '\nlog.other\n')],
  ['a line more', (proof) => proof.replace('\n\n— ', '\nmore\n\n— ')],
  ['another signature', (proof) => changeBehind(proof, /\n— log\.example .{20}/)],
])('a checkpoint with %s proves nothing', async (_what, change) => {
  const scene = await startProven()

  expect(await codesOf(scene, change(scene.proof))).toStrictEqual(UNSIGNED)
})

test('the proof of another signature proves nothing', async () => {
  const scene = await startProven()
  const { folder, server } = scene
  const trust = '--key @es384.pub --trusted-root @root.json'
  await folder.run(`log proof @es384.sigstore.json --proof @other --server ${server} ${trust}`)

  expect(await codesOf(scene, readFileSync(folder.path('other'), 'utf8'))).toStrictEqual(INVALID)
})

test('a leaf in a tree of the attacker is not in the tree that the log signed', async () => {
  const scene = await startProven()
  const fork = rewrite(scene.proof, () => ({ index: 0, hashes: [] }))

  expect(await codesOf(scene, fork)).toStrictEqual(INVALID)
})

test('a tree signed by another key proves nothing, whatever its name and id', async () => {
  const scene = await startProven()
  const thief = testSigner('EdDSA', 'thief')
  const root = leafHash(leafOf(scene))
  const text = serializeCheckpoint({ origin: 'log.example', size: 1, root, extensions: [] })
  const signature = await thief.sign(Buffer.from(text))
  const own = logVerifierKey('log.example', thief.key)
  const forge = (id: Uint8Array): string => {
    const signatures = [{ name: 'log.example', id, signature }]
    const checkpoint = serializeSignedNote({ text, signatures })
    return serializeTlogProof({ extra: undefined, index: 0, hashes: [], checkpoint })
  }

  expect(await codesOf(scene, forge(own.id))).toStrictEqual(UNSIGNED)
  expect(await codesOf(scene, forge(TRANSPARENCY_KEY.id))).toStrictEqual(UNSIGNED)
})

test('another log of the same key is not the trusted log', async () => {
  const scene = await startProven()
  const root = leafHash(leafOf(scene))
  const { note: checkpoint } = await testTreeSigner('log.other').sign({ size: 1, root })
  const forged = serializeTlogProof({ extra: undefined, index: 0, hashes: [], checkpoint })

  expect(await codesOf(scene, forged)).toStrictEqual(UNSIGNED)
})

test('a node of the tree never passes as a leaf', async () => {
  const scene = await startProven()
  const leaf = leafHash(leafOf(scene))
  const root = nodeHash(leaf, leaf)
  const { note: checkpoint } = await testTreeSigner('log.example').sign({ size: 1, root })
  const forged = serializeTlogProof({ extra: undefined, index: 0, hashes: [], checkpoint })

  expect(await codesOf(scene, forged)).toStrictEqual(INVALID)
})

test('proofs of one log count once, also beside the entry of a bundle', async () => {
  const scene = await startProven()
  const { folder, server } = scene
  const trust = '--key @es256.pub --trusted-root @root.json'
  const prove = `log proof @es256.sigstore.json --server ${server} ${trust}`
  await folder.run(`${prove} --proof @one`)
  await folder.run(`${prove} --renew`)
  const verify = (more: string): Promise<CliResult> =>
    folder.run(`verify @es256 ${trust} --log-proof @one ${more}`)

  expect(codeOf(await verify('--require-log 1'))).toBe('accepted')
  expect(codeOf(await verify('--require-log 2'))).toBe('ERR_LOG_PROOF_INVALID')
  expect(codeOf(await verify('--log-proof @one --require-log 2'))).toBe('ERR_LOG_PROOF_INVALID')
})

test('the proof of a released signature does not cover one by a stolen key', async () => {
  const scene = await startProven()
  const { folder } = scene
  folder.key('thief')
  await folder.run('sign @es256 --key @thief.pem --bundle @thief.sigstore.json')
  const line = 'verify @es256 --bundle @thief.sigstore.json --key @thief.pub'

  const result = await folder.run(`${line} --trusted-root @root.json --log-proof @proof`)

  expect(codeOf(result)).toBe('ERR_LOG_PROOF_INVALID')
})

test('a proof over the maximum length is not read', async () => {
  const scene = await startProven()
  const long = `${scene.proof}${'— a QUFBQUFB\n'.repeat(MAX_TLOG_PROOF_BYTES / 10)}`

  expect(await codesOf(scene, long)).toStrictEqual(['ERR_INPUT_TOO_LARGE', 'ERR_INPUT_TOO_LARGE'])
})

test('without a trusted log, a proof proves nothing', async () => {
  const { folder } = await startProven()
  const line = 'verify @eddsa --key @eddsa.pub --log-proof @proof'

  expect(codeOf(await folder.run(line))).toBe('ERR_LOG_PROOF_INVALID')
})
