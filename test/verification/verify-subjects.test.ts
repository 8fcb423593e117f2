import { expect, test } from 'vitest'
import { type Digest, digestOf } from '../../src/crypto/digest.ts'
import { createSubject } from '../../src/formats/statement.ts'
import { signStatement, signFileDigest, signArtifact } from '../../src/signing/sign-artifact.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { type Policy, SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { type ExaminedArtifact, examineForAll } from '../../src/verification/verify-subjects.ts'
import { testSigner } from '../support/signers.ts'

const TYPE = 'https://example.com/tests/v1'
const digests = ['one', 'two', 'three'].map((text) => digestOf(Buffer.from(text)))
const [one, two, three] = digests as [Digest, Digest, Digest]

async function examine(
  bundle: Uint8Array,
  [first, ...more]: readonly [Digest, ...Digest[]],
  policy: Partial<Policy> = { predicateTypes: [TYPE] },
): Promise<ExaminedArtifact> {
  const toArtifact = (digest: Digest) => digestArtifact(digest, [digest])
  return examineForAll(bundle, [toArtifact(first), ...more.map(toArtifact)], {
    trust: { keys: [pinKey(testSigner().key)] },
    policy: { ...SIGNATURE_POLICY, ...policy },
    now: new Date(),
  })
}

async function attestBoth(): Promise<Uint8Array> {
  const subjects = [one, two].map((digest) => createSubject(digest, { name: digest }))
  const statement = { subjects, predicateType: TYPE, predicate: { tests: 'passed' } }
  return (await signStatement(testSigner(), statement)).bundle
}

test('a statement verifies for all of its subjects', async () => {
  const bundle = await attestBoth()

  const { artifact, outcome } = await examine(bundle, [one, two])

  expect(artifact.name).toBe(two)
  expect(outcome).toMatchObject({ ok: true, signature: { predicateType: TYPE } })
})

test('the first artifact that a statement does not cover is reported', async () => {
  const bundle = await attestBoth()

  const { artifact, outcome } = await examine(bundle, [one, three, two])

  expect(artifact.name).toBe(three)
  expect(outcome).toMatchObject({ ok: false, error: { code: 'ERR_SUBJECT_MISMATCH' } })
})

test('an invalid signature verifies no artifact', async () => {
  const bundle = await attestBoth()

  const { artifact, outcome } = await examine(bundle, [one, two], { predicateTypes: ['other'] })

  expect(artifact.name).toBe(one)
  expect(outcome).toMatchObject({ ok: false, error: { code: 'ERR_PREDICATE_TYPE_MISMATCH' } })
})

test('a signature of one file verifies no other', async () => {
  const { bundle } = await signFileDigest(testSigner(), one)

  const { artifact, outcome } = await examine(bundle, [one, two], {})

  expect(artifact.name).toBe(two)
  expect(outcome).toMatchObject({ ok: false, error: { code: 'ERR_DIGEST_MISMATCH' } })
})

test('annotations are required of every artifact', async () => {
  const { bundle } = await signArtifact(testSigner(), { digest: one, annotations: { by: 'us' } })

  const { artifact, outcome } = await examine(bundle, [one, two], { annotations: { by: 'us' } })

  expect(artifact.name).toBe(two)
  expect(outcome).toMatchObject({ ok: false, error: { code: 'ERR_SUBJECT_MISMATCH' } })
})
