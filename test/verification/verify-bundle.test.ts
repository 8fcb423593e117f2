import { Readable } from 'node:stream'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ALGORITHM_NAMES } from '../../src/crypto/algorithms.ts'
import { type Digest, digestOf } from '../../src/crypto/digest.ts'
import { resolvePredicateType } from '../../src/formats/predicates/types.ts'
import { createSubject } from '../../src/formats/statement.ts'
import { signStatement, signFileDigest, signArtifact } from '../../src/signing/sign-artifact.ts'
import { type Artifact, contentArtifact, digestArtifact } from '../../src/verification/artifact.ts'
import { type Policy, SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey, type TrustedKey } from '../../src/verification/trust.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import { verifyBundle, type VerifiedSignature } from '../../src/verification/verify-bundle.ts'
import { codeOfAsync } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { createTimestampAuthority } from '../support/timestamp-authority.ts'

const NOW = new Date()
const content = Buffer.from('a release, byte for byte')
const image = digestOf(content)
const byDigest = (digest: Digest): Artifact => digestArtifact('artifact', [digest])
const file = (bytes: Uint8Array): Artifact =>
  contentArtifact('release.tgz', () => Readable.from([bytes.subarray(0, 5), bytes.subarray(5)]))

interface Options {
  readonly keys?: readonly TrustedKey[]
  readonly policy?: Partial<Policy>
  readonly root?: Uint8Array
  readonly now?: Date
}

async function check(
  bundle: Uint8Array,
  artifact: Artifact,
  options: Options = {},
): Promise<VerifiedSignature> {
  const keys = options.keys ?? [pinKey(testSigner().key)]
  const trustedRoot = options.root === undefined ? undefined : await parseTrustedRoot(options.root)
  const policy = { ...SIGNATURE_POLICY, ...options.policy }
  return verifyBundle(bundle, artifact, {
    trust: { keys, trustedRoot },
    policy,
    now: options.now ?? NOW,
  })
}

const code = (bundle: Uint8Array, artifact: Artifact, options: Options = {}): Promise<string> =>
  codeOfAsync(() => check(bundle, artifact, options))

test.each(ALGORITHM_NAMES)('%s: an image signature verifies with its key', async (name) => {
  const signer = testSigner(name)
  const { bundle } = await signArtifact(signer, { digest: image })
  const verified = await check(bundle, byDigest(image), { keys: [pinKey(signer.key)] })
  expect(verified.predicateType).toBe('https://sigstore.dev/cosign/sign/v1')
  expect(verified.checks.every(({ ok }) => ok)).toBe(true)
})

test.each(['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512'] as const)(
  '%s: a file signature verifies over its content and over its digest',
  async (name) => {
    const signer = testSigner(name)
    const hash = signer.key.algorithm.hash ?? 'sha256'
    const digest = digestOf(content, hash)
    const { bundle } = await signFileDigest(signer, digest)
    const keys = [pinKey(signer.key)]
    expect(await code(bundle, file(content), { keys })).toBe('accepted')
    expect(await code(bundle, byDigest(digest), { keys })).toBe('accepted')
    expect(await code(bundle, file(Buffer.from('another')), { keys })).toBe('ERR_DIGEST_MISMATCH')
    const other = digestOf(content, hash === 'sha256' ? 'sha512' : 'sha256')
    expect(await code(bundle, byDigest(other), { keys })).toBe('ERR_DIGEST_MISMATCH')
  },
)

test.each(['PS256', 'EdDSA'] as const)(
  '%s: a file key can’t sign a digest, and says what can',
  async (name) => {
    const { key } = testSigner(name)
    const digest = digestOf(content, key.algorithm.hash ?? 'sha256')
    expect(await codeOfAsync(() => signFileDigest(testSigner(name), digest))).toBe(
      'ERR_OPERATION_UNSUPPORTED',
    )
  },
)

test('a digest of another hash than the algorithm’s is never signed', async () => {
  const call = (): Promise<unknown> =>
    signFileDigest(testSigner('ES256'), digestOf(content, 'sha512'))
  expect(await codeOfAsync(call)).toBe('ERR_ALGORITHM_UNSUPPORTED')
})

test('any single flipped byte fails verification or is outside the signed data', async () => {
  const { bundle } = await signArtifact(testSigner(), { digest: image })
  const message = await signFileDigest(testSigner(), image)
  const artifact = byDigest(image)
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(bundle, message.bundle),
      fc.nat(2000),
      fc.integer({ min: 1, max: 255 }),
      async (bytes, at, flip) => {
        const spoiled = Buffer.from(bytes)
        const index = at % spoiled.length
        spoiled[index] = (spoiled[index] ?? 0) ^ flip
        const verdict = await code(spoiled, artifact)
        expect(verdict).not.toBe('ERR_INTERNAL')
        if (verdict === 'accepted') expect(isUnsigned(bytes, index)).toBe(true)
      },
    ),
    { numRuns: 1500 },
  )
})

/** Only the hint, which orders the search, and names the format defines as equal are not signed. */
function isUnsigned(bundle: Uint8Array, index: number): boolean {
  const text = Buffer.from(bundle).toString()
  const hint = text.indexOf('"hint":"') + '"hint":"'.length
  const version = text.indexOf('bundle.v0.3')
  return (index >= hint - 8 && index < hint + 44) || (index >= version && index < version + 11)
}

test('a bundle about another image fails', async () => {
  const { bundle } = await signArtifact(testSigner(), { digest: image })
  expect(await code(bundle, byDigest(digestOf(Buffer.from('x'))))).toBe('ERR_SUBJECT_MISMATCH')
  expect(await code(bundle, byDigest(digestOf(content, 'sha512')))).toBe('ERR_SUBJECT_MISMATCH')
})

test('an untrusted key and a broken signature are distinguished', async () => {
  const { bundle } = await signArtifact(testSigner('ES256', 'other'), { digest: image })
  expect(await code(bundle, byDigest(image))).toBe('ERR_KEY_NOT_TRUSTED')
  const own = await signArtifact(testSigner(), { digest: image })
  const spliced = JSON.parse(Buffer.from(own.bundle).toString()) as Record<string, unknown>
  spliced['dsseEnvelope'] = (JSON.parse(Buffer.from(bundle).toString()) as typeof spliced)[
    'dsseEnvelope'
  ]
  expect(await code(Buffer.from(JSON.stringify(spliced)), byDigest(image))).toBe(
    'ERR_SIGNATURE_INVALID',
  )
  expect(await code(bundle, byDigest(image), { keys: [] })).toBe('ERR_KEY_NOT_TRUSTED')
})

test('a bundle whose hint another tool wrote verifies with any trusted key that fits', async () => {
  const { bundle } = await signArtifact(testSigner(), { digest: image })
  const foreign = Buffer.from(
    Buffer.from(bundle).toString().replace(testSigner().key.hint, 'SHA256:x'),
  )
  const keys = [pinKey(testSigner('RS256').key), pinKey(testSigner().key)]
  expect(await code(foreign, byDigest(image), { keys })).toBe('accepted')
})

test('an RSA signature never verifies with another algorithm of the same key', async () => {
  const { bundle } = await signArtifact(testSigner('RS256'), { digest: image })
  expect(await code(bundle, byDigest(image), { keys: [pinKey(testSigner('PS256').key)] })).toBe(
    'ERR_SIGNATURE_INVALID',
  )
  expect(await code(bundle, byDigest(image), { keys: [pinKey(testSigner('RS512').key)] })).toBe(
    'ERR_SIGNATURE_INVALID',
  )
})

test('an attestation is not a signature, and a signature is not an attestation', async () => {
  const predicateType = resolvePredicateType('cyclonedx')
  const subjects = [createSubject(image)]
  const sbom = await signStatement(testSigner(), {
    subjects,
    predicateType,
    predicate: { bomFormat: 'CycloneDX' },
  })
  const signature = await signArtifact(testSigner(), { digest: image })
  const wanted = { policy: { predicateTypes: [predicateType] } }
  expect(await code(sbom.bundle, byDigest(image))).toBe('ERR_PREDICATE_TYPE_MISMATCH')
  expect(await code(sbom.bundle, byDigest(image), wanted)).toBe('accepted')
  expect(await code(signature.bundle, byDigest(image), wanted)).toBe('ERR_PREDICATE_TYPE_MISMATCH')
})

test('one statement speaks for each of its subjects', async () => {
  const other = digestOf(Buffer.from('second'), 'sha512')
  const subjects = [createSubject(image, { name: 'a' }), createSubject(other, { name: 'b' })]
  const { bundle } = await signStatement(testSigner(), {
    subjects,
    predicateType: 'x:y',
    predicate: {},
  })
  const policy = { predicateTypes: ['x:y'] }
  expect(await code(bundle, byDigest(image), { policy })).toBe('accepted')
  expect(await code(bundle, byDigest(other), { policy })).toBe('accepted')
})

test('a subject of which one digest differs is not the artifact', async () => {
  const digest = { sha256: image.slice(7), sha512: '00'.repeat(64) }
  const { bundle } = await signStatement(testSigner(), {
    subjects: [{ digest }],
    predicateType: 'x:y',
    predicate: {},
  })
  const policy = { predicateTypes: ['x:y'] }
  expect(await code(bundle, file(content), { policy })).toBe('ERR_SUBJECT_MISMATCH')
})

test('annotations are compared by exact value', async () => {
  const { bundle } = await signArtifact(testSigner(), {
    digest: image,
    annotations: { env: 'prod' },
  })
  expect(await code(bundle, byDigest(image), { policy: { annotations: { env: 'prod' } } })).toBe(
    'accepted',
  )
  expect(await code(bundle, byDigest(image), { policy: { annotations: { env: 'test' } } })).toBe(
    'ERR_ANNOTATION_MISMATCH',
  )
  expect(await code(bundle, byDigest(image), { policy: { annotations: { toString: 'x' } } })).toBe(
    'ERR_ANNOTATION_MISMATCH',
  )
})

const authority = createTimestampAuthority()
const untrusted = createTimestampAuthority()
afterAll(() => {
  authority.close()
  untrusted.close()
})

const hours = (n: number): Date => new Date(NOW.getTime() + n * 3_600_000)
const retired = (start: number, end: number): TrustedKey => ({
  key: testSigner().key,
  state: 'retired',
  version: { key: 'release', number: 1 },
  validFor: { start: hours(start), end: hours(end) },
})

test('a retired version verifies years later, when a time stamp shows it signed within its window', async () => {
  const { bundle } = await signArtifact(
    testSigner(),
    { digest: image },
    { timestamp: authority.timestamp },
  )
  const years = { keys: [retired(-1, 1)], now: hours(40_000) }
  expect(await code(bundle, byDigest(image), { ...years, root: authority.trustedRoot })).toBe(
    'accepted',
  )
  expect(await code(bundle, byDigest(image), years)).toBe('ERR_KEY_OUTSIDE_VALIDITY')
  const early = { ...years, keys: [retired(-3, -2)], root: authority.trustedRoot }
  expect(await code(bundle, byDigest(image), early)).toBe('ERR_KEY_OUTSIDE_VALIDITY')
})

test('a revoked version verifies only for what was signed before its compromise', async () => {
  const { bundle } = await signArtifact(
    testSigner(),
    { digest: image },
    { timestamp: authority.timestamp },
  )
  const revoked = (since: number): Options => ({
    keys: [{ ...retired(-2, 2), state: 'revoked', compromisedSince: hours(since) }],
    root: authority.trustedRoot,
  })
  expect(await code(bundle, byDigest(image), revoked(1))).toBe('accepted')
  expect(await code(bundle, byDigest(image), revoked(-1))).toBe('ERR_KEY_REVOKED')
})

test('a time stamp of an authority that is not trusted fails the bundle', async () => {
  const { bundle } = await signArtifact(
    testSigner(),
    { digest: image },
    { timestamp: untrusted.timestamp },
  )
  const options = { keys: [retired(-1, 1)], root: authority.trustedRoot }
  expect(await code(bundle, byDigest(image), options)).toBe('ERR_TIMESTAMP_INVALID')
})

test('a time stamp over another signature fails the bundle', async () => {
  const timestamp = (): Promise<Uint8Array> => authority.timestamp(Buffer.from('another signature'))
  const { bundle } = await signArtifact(testSigner(), { digest: image }, { timestamp })
  expect(await code(bundle, byDigest(image), { root: authority.trustedRoot })).toBe(
    'ERR_TIMESTAMP_INVALID',
  )
})

test('a file signature carries a time as well', async () => {
  const { bundle } = await signFileDigest(testSigner(), image, { timestamp: authority.timestamp })
  const options = { keys: [retired(-1, 1)], root: authority.trustedRoot }
  const verified = await check(bundle, file(content), options)
  expect(verified.times).toHaveLength(1)
  expect(verified.times[0]?.source).toBe('timestamp-authority')
})

test('required evidence that is missing fails', async () => {
  const { bundle } = await signArtifact(testSigner(), { digest: image })
  const root = authority.trustedRoot
  const times = { policy: { evidence: { logEntries: 0, times: 1 } }, root }
  expect(await code(bundle, byDigest(image), times)).toBe('ERR_TIMESTAMP_INVALID')
  const logs = { policy: { evidence: { logEntries: 1, times: 0 } }, root }
  expect(await code(bundle, byDigest(image), logs)).toBe('ERR_LOG_PROOF_INVALID')
})
