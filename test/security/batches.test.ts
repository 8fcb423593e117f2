/** Attacks on members of signed batches: nothing but what was in the batch verifies or takes the root for an artifact. */
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { type Digest, digestOf } from '../../src/crypto/digest.ts'
import { BATCH_MEMBER_MEDIA_TYPE, createBatchStatement } from '../../src/formats/batch.ts'
import { leafHash } from '../../src/crypto/merkle.ts'
import { MerkleTree } from '../../src/crypto/merkle-tree.ts'
import { serializeStatement } from '../../src/formats/statement.ts'
import {
  artifactStatement,
  signAnyStatement,
  signArtifact,
} from '../../src/signing/sign-artifact.ts'
import { type SignedBatch, signBatch } from '../../src/signing/sign-batch.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { codeOfAsync } from '../support/errors.ts'
import { CREDENTIALS, startService } from '../support/service.ts'
import { testSigner } from '../support/signers.ts'

interface MemberJson {
  mediaType: string
  statement: string
  index: number
  hashes: string[]
  bundle: unknown
}

const SIZE = 11
const digests = Array.from({ length: SIZE }, (_, index): Digest => digestOf(Buffer.of(index)))
const statements = digests.map((digest) => artifactStatement({ digest }))
const evil = digestOf(Buffer.from('evil'))
const evilStatement = artifactStatement({ digest: evil })

let batch: SignedBatch
beforeAll(async () => {
  batch = await signBatch(testSigner(), statements)
})

function memberJson(index: number): MemberJson {
  return JSON.parse(Buffer.from(batch.member(index).bundle).toString()) as MemberJson
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function verdict(member: unknown, digest: Digest): Promise<string> {
  const trust = { keys: [pinKey(testSigner().key)] }
  const context = { trust, policy: { ...SIGNATURE_POLICY, predicateTypes: 'any' as const } }
  const bytes = Buffer.from(JSON.stringify(member))
  const artifact = digestArtifact('artifact', [digest])
  return codeOfAsync(() => verifyBundle(bytes, artifact, { ...context, now: new Date() }))
}

test('a statement that is not in the batch is refused at any index and with any of its proofs', async () => {
  for (const index of digests.keys()) {
    const forged = { ...memberJson(index), statement: base64(serializeStatement(evilStatement)) }

    expect(await verdict(forged, evil)).toBe('ERR_SIGNATURE_INVALID')
  }
})

test('the bundle of the batch signs no artifact by itself, that of its root neither', async () => {
  const { bundle } = memberJson(0)
  const tree = new MerkleTree(statements.map((one) => leafHash(serializeStatement(one))))
  const root: Digest = `sha256:${Buffer.from(tree.root).toString('hex')}`

  expect(await verdict(bundle, digests[0] ?? evil)).toBe('ERR_SUBJECT_MISMATCH')
  expect(await verdict(bundle, root)).toBe('ERR_SUBJECT_MISMATCH')
})

test('an ordinary statement is no batch, whatever leaf is claimed of it', async () => {
  const { parsed } = await signArtifact(testSigner(), { digest: evil })
  const member = { ...memberJson(0), bundle: parsed.json, hashes: [], index: 0 }

  expect(await verdict(member, digests[0] ?? evil)).toBe('ERR_BUNDLE_INVALID')
})

test('a batch of an untrusted key is refused', async () => {
  const other = await signBatch(testSigner('ES256', 'other'), [evilStatement])
  const member = JSON.parse(Buffer.from(other.member(0).bundle).toString()) as unknown

  expect(await verdict(member, evil)).toBe('ERR_KEY_NOT_TRUSTED')
})

test('an inner node of the tree is never taken for a statement', async () => {
  const tree = new MerkleTree(statements.map((one) => leafHash(serializeStatement(one))))
  const [beside, ...above] = tree.proofOf(0)
  const node = Buffer.concat([leafHash(serializeStatement(evilStatement)), beside ?? tree.root])
  const member = {
    ...memberJson(0),
    statement: base64(node),
    index: 0,
    hashes: above.map(base64),
  }

  expect(await verdict(member, evil)).toBe('ERR_SIGNATURE_INVALID')
})

test.each<[string, object]>([
  [
    'of another root',
    { subjects: [{ name: 'batch', digest: { merkleRootSha256: 'f'.repeat(63) } }] },
  ],
  ['about a file', { subjects: [{ name: 'batch', digest: { sha256: '0'.repeat(64) } }] }],
  ['without a size', { predicate: {} }],
  ['of no statement', { predicate: { size: 0 } }],
  ['with more to say', { predicate: { size: 1, more: true } }],
  ['of over 2^24 statements', { predicate: { size: 2 ** 24 + 1 } }],
])('a signed batch %s is malformed', async (_what, change) => {
  const tree = new MerkleTree([leafHash(serializeStatement(evilStatement))])
  const statement = { ...createBatchStatement(tree), ...change }
  const { parsed } = await signAnyStatement(testSigner(), statement, {})
  const member = {
    mediaType: BATCH_MEMBER_MEDIA_TYPE,
    statement: base64(serializeStatement(evilStatement)),
    index: 0,
    hashes: [],
    bundle: parsed.json,
  }

  expect(await verdict(member, evil)).toBe('ERR_BUNDLE_INVALID')
})

test('a member with any change of index or proof is refused', async () => {
  const change = fc.oneof(
    fc.record({ index: fc.integer({ min: -1, max: SIZE + 3 }) }),
    fc.record({ index: fc.constantFrom(0.5, '3', null, 2 ** 53) }),
    fc.record({ hashes: fc.array(fc.constant(base64(Buffer.alloc(32))), { maxLength: 30 }) }),
    fc.record({ hashes: fc.constantFrom('', [7], ['AA=='], undefined) }),
    fc.record({ statement: fc.constantFrom('', 7, '!', undefined) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(SIZE - 1), change, async (index, changed) => {
      const member = memberJson(index)
      const forged = { ...member, ...changed }
      fc.pre(JSON.stringify(forged) !== JSON.stringify(member))

      expect(await verdict(forged, digests[index] ?? evil)).toMatch(
        /^ERR_(?:SIGNATURE|BUNDLE|STATEMENT|JSON)_INVALID$/,
      )
    }),
  )
})

test('a caller who may attest anything cannot have a root of his own attested', async () => {
  const { app, log } = await startService()
  const predicateType = 'https://countersign.dev/merkle-batch/v1'
  const payload = { subjects: [{ digest: evil }], predicateType, predicate: { size: 1 } }

  const answer = await app.inject({
    method: 'POST',
    url: '/v1/keys/release/attestations',
    headers: CREDENTIALS,
    payload,
  })

  expect(answer.json()).toMatchObject({ code: 'ERR_PREDICATE_INVALID' })
  expect((await log()).filter(({ type }) => type === 'attestation')).toEqual([])
})
