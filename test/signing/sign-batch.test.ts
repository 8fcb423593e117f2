import { expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { type Digest, digestOf } from '../../src/crypto/digest.ts'
import { BATCH_PREDICATE_TYPE } from '../../src/formats/batch.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { artifactStatement, signStatement } from '../../src/signing/sign-artifact.ts'
import { signBatch } from '../../src/signing/sign-batch.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { codeOfAsync } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const digests = Array.from({ length: 37 }, (_, index): Digest => digestOf(Buffer.of(index)))
const statements = digests.map((digest) => artifactStatement({ digest }))

test.each(ALGORITHM_NAMES)('%s: each member of a batch verifies for its artifact', async (name) => {
  const signer = testSigner(name)
  const { member } = await signBatch(signer, statements)
  const context = {
    trust: { keys: [pinKey(signer.key)] },
    policy: SIGNATURE_POLICY,
    now: new Date(),
  }

  for (const [index, digest] of digests.entries()) {
    const artifact = digestArtifact('artifact', [digest])
    const { checks } = await verifyBundle(member(index).bundle, artifact, context)

    expect(checks.find(({ id }) => id === 'batch')).toMatchObject({
      ok: true,
      actual: `statement ${index} of the batch`,
    })
  }
})

test('a batch of any size is one operation of the key', async () => {
  const { key, ...rest } = testSigner()
  let operations = 0
  const counted: Signer = {
    ...rest,
    key,
    sign: (message, options) => {
      operations += 1
      return testSigner().sign(message, options)
    },
  }
  const { member } = await signBatch(counted, statements)
  for (const index of digests.keys()) member(index)

  expect(operations).toBe(1)
})

test('a member is what parseBundle reads, and adds at most 1.5 KiB to the bundle of its batch', async () => {
  const { signed, member } = await signBatch(testSigner(), statements)
  const { bundle, parsed } = member(20)

  const read = parseBundle(bundle)
  expect(read.json).toEqual(parsed.json)
  expect(read.mediaType).toBe(parsed.mediaType)
  expect(read.member?.index).toBe(20)
  expect(read.member?.hashes.map((hash) => Buffer.from(hash))).toEqual(
    parsed.member?.hashes.map((hash) => Buffer.from(hash)),
  )
  expect(bundle.length - signed.bundle.length).toBeLessThan(1536)
})

test('a statement of the type of batches is never signed as an attestation', async () => {
  const [subject] = statements[0]?.subjects ?? []
  const request = { subjects: subject === undefined ? [] : [subject], predicate: { size: 1 } }
  const sign = (): Promise<unknown> =>
    signStatement(testSigner(), { ...request, predicateType: BATCH_PREDICATE_TYPE })

  expect(await codeOfAsync(sign)).toBe('ERR_PREDICATE_INVALID')
})
