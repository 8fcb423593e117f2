import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { CountersignError } from '../../src/errors.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { serializeEnvelope } from '../../src/formats/dsse.ts'
import { createSubject } from '../../src/formats/statement.ts'
import { signStatement, signArtifact, signImageLegacy } from '../../src/signing/sign-artifact.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { type Policy, SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import {
  RESULT_SCHEMA,
  toArtifactDocument,
  toResultDocument,
} from '../../src/verification/result.ts'
import { pinKey, type TrustedKey } from '../../src/verification/trust.ts'
import {
  type Attached,
  type Verdict,
  verifyArtifact,
} from '../../src/verification/verify-artifact.ts'
import { testSigner } from '../support/signers.ts'

const NOW = new Date('2026-11-22T00:00:00Z')
const digest = digestOf(Buffer.from('image'))
const image = digestArtifact('app', [digest])

const all = (...keys: readonly TrustedKey[]): readonly TrustedKey[] =>
  keys.length > 0 ? keys : [pinKey(testSigner().key), pinKey(testSigner('RS256').key)]

const verify = (
  attached: readonly Attached[],
  policy: Partial<Policy> = {},
  keys = all(),
): Promise<Verdict> =>
  verifyArtifact(image, attached, {
    trust: { keys },
    policy: { ...SIGNATURE_POLICY, ...policy },
    now: NOW,
  })

const signed = async (algorithm: 'ES256' | 'RS256', name = 'default'): Promise<Attached> => {
  const { bundle } = await signArtifact(testSigner(algorithm, name), { digest })
  return { kind: 'bundle', source: `by ${algorithm}`, bytes: bundle }
}
const attested = async (predicateType: string): Promise<Attached> => {
  const request = { subjects: [createSubject(digest)], predicateType, predicate: {} }
  const { bundle } = await signStatement(testSigner(), request)
  return { kind: 'bundle', source: predicateType, bytes: bundle }
}

const bytesOf = (attached: Attached): Buffer =>
  Buffer.from(attached.kind === 'legacy-signature' ? [] : attached.bytes)

const codeOfVerdict = (verdict: Verdict): string => (verdict.ok ? 'accepted' : verdict.error.code)

test('an artifact without attachments is not verified', async () => {
  expect(codeOfVerdict(await verify([]))).toBe('ERR_SIGNATURE_NOT_FOUND')
})

test('no verdict is a success without a verified signature of every required type', async () => {
  const pool = await Promise.all([
    signed('ES256'),
    signed('RS256'),
    signed('ES256', 'other'),
    attested('x:y'),
    attested('x:z'),
  ])
  const broken: Attached = { kind: 'bundle', source: 'broken', bytes: Buffer.from('{}') }
  const types = fc.oneof(
    fc.constant('any' as const),
    fc.subarray([SIGNATURE_POLICY.predicateTypes[0] ?? '', 'x:y', 'x:w'], { minLength: 1 }),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.subarray([...pool, broken]),
      types,
      fc.integer({ min: 1, max: 3 }),
      async (attached, predicateTypes, threshold) => {
        const verdict = await verify(attached, { predicateTypes, threshold })
        if (!verdict.ok) return
        const held = verdict.examined.flatMap(({ outcome }) =>
          outcome.ok ? [outcome.signature] : [],
        )
        expect(held).toStrictEqual(verdict.signatures)
        for (const type of predicateTypes === 'any' ? [undefined] : predicateTypes) {
          const of = held.filter(
            ({ predicateType }) => type === undefined || predicateType === type,
          )
          const kids = of.map(({ signer }) => (signer.kind === 'key' ? signer.trusted.key.kid : ''))
          expect(new Set(kids).size).toBeGreaterThanOrEqual(threshold)
        }
      },
    ),
  )
})

test('two signatures of one key count once', async () => {
  const twice = [await signed('ES256'), await signed('ES256')]
  expect(codeOfVerdict(await verify(twice, { threshold: 2 }))).toBe('ERR_THRESHOLD_NOT_MET')
  const two = [await signed('ES256'), await signed('RS256')]
  expect(codeOfVerdict(await verify(two, { threshold: 2 }))).toBe('accepted')
})

test('the error reported is that of the signature that came furthest', async () => {
  const other = await signed('ES256', 'other')
  const broken: Attached = { kind: 'bundle', source: 'broken', bytes: Buffer.from('{') }
  expect(codeOfVerdict(await verify([broken, other]))).toBe('ERR_KEY_NOT_TRUSTED')
  expect(codeOfVerdict(await verify([await attested('x:y')]))).toBe('ERR_PREDICATE_TYPE_MISMATCH')
})

test('the reason of a failure is that of what a trusted key signed, whatever others attach', async () => {
  const ours = await attested('x:y')
  const forged: Attached = {
    ...ours,
    kind: 'bundle',
    source: 'forged',
    bytes: Buffer.from(bytesOf(ours).toString().replace('"sig":"M', '"sig":"N')),
  }
  const others = [await signed('ES256', 'other'), forged]
  const legacy = await signImageLegacy(testSigner('RS256', 'other'), {
    digest,
    dockerReference: 'registry.example.com/app',
  })
  others.push({ kind: 'legacy-signature', source: '.sig', legacy })

  for (const attached of [
    [ours, ...others],
    [...others, ours],
  ]) {
    expect(codeOfVerdict(await verify(attached))).toBe('ERR_PREDICATE_TYPE_MISMATCH')
  }
  const disabled: TrustedKey = {
    key: testSigner().key,
    state: 'retired',
    validFor: { start: new Date(0), end: NOW },
  }
  const judged = await verify([...others, await signed('ES256'), ours], {}, [disabled])
  expect(codeOfVerdict(judged)).toBe('ERR_KEY_OUTSIDE_VALIDITY')
})

test('an image signature in the older layout verifies, and only for its image and annotations', async () => {
  const legacy = await signImageLegacy(testSigner('RS256'), {
    digest,
    dockerReference: 'registry.example.com/app',
    annotations: { env: 'prod' },
  })
  const attached: Attached = { kind: 'legacy-signature', source: '.sig', legacy }
  expect(codeOfVerdict(await verify([attached], { annotations: { env: 'prod' } }))).toBe('accepted')
  expect(codeOfVerdict(await verify([attached], { annotations: { env: 'test' } }))).toBe(
    'ERR_ANNOTATION_MISMATCH',
  )
  expect(codeOfVerdict(await verify([attached], { predicateTypes: ['x:y'] }))).toBe(
    'ERR_PREDICATE_TYPE_MISMATCH',
  )
  expect(codeOfVerdict(await verify([attached], {}, [pinKey(testSigner().key)]))).toBe(
    'ERR_KEY_NOT_TRUSTED',
  )
  const other = digestArtifact('other', [digestOf(Buffer.from('other'))])
  const context = { trust: { keys: all() }, policy: SIGNATURE_POLICY, now: NOW }
  expect(codeOfVerdict(await verifyArtifact(other, [attached], context))).toBe(
    'ERR_SUBJECT_MISMATCH',
  )
})

test('an older signature by a version that is no longer active is refused: it has no time', async () => {
  const legacy = await signImageLegacy(testSigner(), { digest, dockerReference: 'app' })
  const retired: TrustedKey = {
    key: testSigner().key,
    state: 'retired',
    validFor: { start: new Date(0), end: NOW },
  }
  const attached: Attached = { kind: 'legacy-signature', source: '.sig', legacy }
  expect(codeOfVerdict(await verify([attached], {}, [retired]))).toBe('ERR_KEY_OUTSIDE_VALIDITY')
})

test('an attestation in the older layout verifies as its envelope does', async () => {
  const { bytes } = (await attested('x:y')) as { bytes: Uint8Array }
  const { content } = parseBundle(bytes)
  if (content.kind !== 'dsse') throw new Error('no envelope')
  const envelope = serializeEnvelope(content.envelope)
  const attached: Attached = { kind: 'legacy-attestation', source: '.att', bytes: envelope }
  expect(codeOfVerdict(await verify([attached], { predicateTypes: ['x:y'] }))).toBe('accepted')
  expect(codeOfVerdict(await verify([attached]))).toBe('ERR_PREDICATE_TYPE_MISMATCH')
  const [signature] = content.envelope.signatures
  if (signature === undefined) throw new Error('no signature')
  const two = serializeEnvelope({ ...content.envelope, signatures: [signature, signature] })
  const doubled: Attached = { kind: 'legacy-attestation', source: '.att', bytes: two }
  expect(codeOfVerdict(await verify([doubled], { predicateTypes: ['x:y'] }))).toBe(
    'ERR_ENVELOPE_INVALID',
  )
})

test('the result document names the signer, and every check with expected and actual values', async () => {
  const verdict = await verify([await signed('ES256'), await signed('ES256', 'other')])
  const document = toResultDocument([toArtifactDocument('app', digest, verdict)], [])
  expect(document).toMatchObject({ schema: RESULT_SCHEMA, ok: true, exitCode: 0 })
  const [good, bad] = document.artifacts[0]?.attestations ?? []
  expect(good).toMatchObject({
    ok: true,
    key: { kid: testSigner().key.kid, algorithm: 'ES256', state: 'pinned', validAtSigning: true },
  })
  expect(good?.checks.map(({ id }) => id)).toStrictEqual([
    'bundle',
    'trusted-time',
    'signature',
    'key',
    'subject',
    'predicate-type',
  ])
  expect(bad).toMatchObject({ ok: false, error: { code: 'ERR_KEY_NOT_TRUSTED' } })
  expect(bad?.checks.at(-1)).toMatchObject({ id: 'signature', ok: false })
})

test('a document without artifacts is a failure, and the worst failure sets the exit status', () => {
  expect(toResultDocument([], [])).toMatchObject({ ok: false, exitCode: 5 })
  const failures = [
    new CountersignError('ERR_SIGNATURE_NOT_FOUND', 'a'),
    new CountersignError('ERR_SIGNATURE_INVALID', 'b'),
  ]
  const artifact = { name: 'a', ok: false, attestations: [] }
  expect(toResultDocument([artifact, artifact], failures)).toMatchObject({ ok: false, exitCode: 3 })
})
