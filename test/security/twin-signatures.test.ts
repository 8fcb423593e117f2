/**
 * An ECDSA signature (r, s) has a twin (r, n - s) that verifies too and needs no key to derive. It must
 * not pass for a second signature, nor for one that the log does not know.
 */
import { p256, p384, p521 } from '@noble/curves/nist.js'
import fc from 'fast-check'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { derToP1363, p1363ToDer } from '../../src/crypto/der.ts'
import { digestHex, digestOf } from '../../src/crypto/digest.ts'
import { ALGORITHMS } from '../../src/crypto/algorithms.ts'
import { toCanonicalSignature } from '../../src/crypto/low-s.ts'
import { verifyMessage, verifyX509Message } from '../../src/crypto/verify.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { addLegacySignature, readLegacySignatures } from '../../src/oci/legacy.ts'
import { signFileDigest, signArtifact, signImageLegacy } from '../../src/signing/sign-artifact.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { type Attached, verifyArtifact } from '../../src/verification/verify-artifact.ts'
import { exportLog } from '../../src/log/export-log.ts'
import { openStoredLog } from '../../src/log/source.ts'
import { openRegistry } from '../oci/open-registry.ts'
import { countersign, documentOf } from '../support/cli.ts'
import { signatureEntry } from '../support/log-entries.ts'
import { createImage } from '../support/oci-content.ts'
import { createRegistryDouble } from '../support/registry/registry-double.ts'
import { createSignedLog } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const CURVES = { ES256: p256, ES384: p384, ES512: p521 } as const
type EcdsaName = keyof typeof CURVES
const NAMES = ['ES256', 'ES384', 'ES512'] as const

/** The other of the two signatures, P1363. */
function twinOf(name: EcdsaName, signature: Uint8Array): Uint8Array {
  const half = signature.length / 2
  const s = BigInt(`0x${Buffer.from(signature.subarray(half)).toString('hex')}`)
  const other = (CURVES[name].Point.Fn.ORDER - s).toString(16).padStart(2 * half, '0')
  return Buffer.concat([signature.subarray(0, half), Buffer.from(other, 'hex')])
}

function twinOfDer(der: Uint8Array): Uint8Array {
  const algorithm = ALGORITHMS.ES256
  if (algorithm.family !== 'ecdsa') throw new TypeError('ES256 is not ECDSA')
  return p1363ToDer(twinOf('ES256', derToP1363(der, algorithm.curve)), algorithm.curve)
}

/** A copy of a bundle with the twin of its signature, written with blank space. */
function twinBundle(bytes: Uint8Array): Uint8Array {
  const { content } = parseBundle(bytes)
  const signature =
    content.kind === 'message' ? content.signature : content.envelope.signatures[0]?.sig
  const [old, twin] = [signature ?? new Uint8Array(), twinOfDer(signature ?? new Uint8Array())].map(
    (one) => Buffer.from(one).toString('base64'),
  )
  const text = Buffer.from(bytes)
    .toString()
    .replace(old ?? '', twin ?? '')
  return Buffer.from(JSON.stringify(JSON.parse(text), undefined, 2))
}

test.each(NAMES)('%s signatures are released with the smaller s, in one form', async (name) => {
  const signer = testSigner(name)
  for (let round = 0; round < 12; round += 1) {
    const message = Buffer.from(`message ${round}`)
    const signature = await signer.sign(message)
    const twin = twinOf(name, signature)

    expect(Buffer.compare(signature, twin)).toBe(-1)
    expect(verifyMessage(signer.key, message, twin)).toBe(true)
  }
})

test.each(NAMES)(
  '%s: a signature and its twin have one canonical form, which verifies',
  async (name) => {
    const { algorithm } = testSigner(name).key
    if (algorithm.family !== 'ecdsa') throw new TypeError(`${name} is not ECDSA`)
    const { curve } = algorithm
    const order = CURVES[name].Point.Fn.ORDER
    const number = fc.bigInt({ min: 2n ** BigInt(8 * curve.coordinateBytes - 16), max: order - 1n })
    fc.assert(
      fc.property(number, number, (r, s) => {
        const hex = [r, s].map((one) => one.toString(16).padStart(2 * curve.coordinateBytes, '0'))
        const signature = Buffer.from(hex.join(''), 'hex')
        const [one, other] = [signature, twinOf(name, signature)].map((form) =>
          Buffer.from(toCanonicalSignature(p1363ToDer(form, curve))).toString('hex'),
        )
        expect(one).toBe(other)
      }),
    )
    const { key } = testSigner(name)
    const message = Buffer.from('message')
    const twin = p1363ToDer(twinOf(name, await testSigner(name).sign(message)), curve)
    expect(verifyX509Message(key, message, toCanonicalSignature(twin))).toBe(true)
  },
)

test('any other bytes are their own canonical form', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      fc.pre(bytes[0] !== 0x30)
      expect(toCanonicalSignature(bytes)).toBe(bytes)
    }),
  )
})

const digest = digestOf(Buffer.from('image'))

test('a bundle and its twin count as one signature, and fail a threshold of two', async () => {
  const signer = testSigner()
  const { bundle } = await signArtifact(signer, { digest })
  const attached: readonly Attached[] = [bundle, twinBundle(bundle), bundle].map(
    (bytes, index) => ({
      kind: 'bundle',
      source: `bundle ${index}`,
      bytes,
    }),
  )
  const context = { trust: { keys: [pinKey(signer.key)] }, now: new Date('2026-11-22T00:00:00Z') }
  const image = digestArtifact('app', [digest])

  const verdict = await verifyArtifact(image, attached, { ...context, policy: SIGNATURE_POLICY })
  const demanding = await verifyArtifact(image, attached, {
    ...context,
    policy: { ...SIGNATURE_POLICY, threshold: 2 },
  })

  expect(verdict.examined.map(({ outcome }) => outcome.ok)).toEqual([true, true, true])
  expect(verdict.ok && verdict.signatures.length).toBe(1)
  expect(demanding.ok ? 'accepted' : demanding.error.code).toBe('ERR_THRESHOLD_NOT_MET')
})

test('the twin of a legacy signature is not attached beside it', async () => {
  const { host } = await createRegistryDouble()
  const store = openRegistry(host)
  const runtime = createTestRuntime()
  const subject = createImage().descriptor.digest
  const made = await signImageLegacy(testSigner(), { digest: subject, dockerReference: 'app' })

  await addLegacySignature(store, { subject, ...made }, runtime)
  const twin = { ...made, signature: twinOfDer(made.signature) }
  await addLegacySignature(store, { subject, ...twin }, runtime)

  expect(await readLegacySignatures(store, { subject })).toHaveLength(1)
})

test.each([
  ['an image', () => signArtifact(testSigner(), { digest })],
  ['a file', () => signFileDigest(testSigner(), digest)],
])(
  'the log finds the entry of the signature of %s by any copy of its bundle',
  async (_what, make) => {
    const { bundle } = await make()
    const entry = { ...signatureEntry(1), bundleSha256: digestHex(digestOf(bundle)) }
    const log = await createSignedLog([signatureEntry(0), entry])
    const folder = createTempFolder()
    await exportLog(openStoredLog(log.log), folder)
    const indices: number[][] = []
    for (const bytes of [bundle, twinBundle(bundle)]) {
      const path = join(folder, 'copy.json')
      writeFileSync(path, bytes)
      const result = await countersign(['audit', 'show', folder, '--bundle', path, '--json'])
      const { entries } = documentOf<{ entries: { index: number }[] }>(result)
      indices.push(entries.map(({ index }) => index))
    }

    expect(indices).toEqual([[1], [1]])
  },
)
