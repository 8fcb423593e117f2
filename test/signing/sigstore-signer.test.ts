import { bundleToJSON } from '@sigstore/bundle'
import { DSSEBundleBuilder, MessageSignatureBundleBuilder, type Signer } from '@sigstore/sign'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { expect, test } from 'vitest'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import {
  createSubject,
  serializeStatement,
  STATEMENT_PAYLOAD_TYPE,
} from '../../src/formats/statement.ts'
import { toSigstoreSigner } from '../../src/signing/sigstore-signer.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey } from '../../src/verification/trust.ts'
import { verifyBundle } from '../../src/verification/verify-bundle.ts'
import { codeOfAsync } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const CONTENT = Buffer.from('a release file\n')
const TYPE = 'https://example.com/tests/v1'

const root = TrustedRoot.fromJSON({
  mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
})
const NO_EVIDENCE = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 }

/** What the stock library says to a bundle of a key it is given. */
function stockVerifier(signer: ReturnType<typeof testSigner>): Verifier {
  const { keyObject: publicKey } = signer.key
  const material = toTrustMaterial(root, () => ({ publicKey, validFor: () => true }))
  return new Verifier(material, NO_EVIDENCE)
}

async function verifyOurs(
  bundle: unknown,
  signer: ReturnType<typeof testSigner>,
  policy = {},
): Promise<string> {
  const bytes = Buffer.from(JSON.stringify(bundle))
  const artifact = digestArtifact('file', [digestOf(CONTENT)])
  const demanded = { ...SIGNATURE_POLICY, ...policy }
  const context = { trust: { keys: [pinKey(signer.key)] }, policy: demanded, now: new Date() }
  const { signer: found } = await verifyBundle(bytes, artifact, context)
  return found.kind === 'key' ? found.trusted.key.kid : 'a certificate'
}

test.each<AlgorithmName>(['ES256', 'RS256'])(
  'DSSEBundleBuilder with an %s key of ours makes bundles that both verify',
  async (algorithm) => {
    const key = testSigner(algorithm)
    const signer: Signer = toSigstoreSigner(key)
    const data = serializeStatement({
      subjects: [createSubject(digestOf(CONTENT), { name: 'file' })],
      predicateType: TYPE,
      predicate: { passed: true },
    })
    const builder = new DSSEBundleBuilder({ signer, witnesses: [] })

    const bundle = await builder.create({ data: Buffer.from(data), type: STATEMENT_PAYLOAD_TYPE })

    expect(() => stockVerifier(key).verify(toSignedEntity(bundle))).not.toThrow()
    expect(await verifyOurs(bundleToJSON(bundle), key, { predicateTypes: [TYPE] })).toBe(
      key.key.kid,
    )
    const other = testSigner(algorithm, 'other')
    expect(await codeOfAsync(() => verifyOurs(bundleToJSON(bundle), other))).toMatch(/^ERR_/)
  },
)

test('MessageSignatureBundleBuilder makes bundles that both verify', async () => {
  const key = testSigner('ES256')
  const builder = new MessageSignatureBundleBuilder({
    signer: toSigstoreSigner(key),
    witnesses: [],
  })

  const bundle = await builder.create({ data: CONTENT })

  expect(() => stockVerifier(key).verify(toSignedEntity(bundle, CONTENT))).not.toThrow()
  expect(await verifyOurs(bundleToJSON(bundle), key)).toBe(key.key.kid)
})

test('what is not a signer is the mistake of the caller', () => {
  expect(() => toSigstoreSigner({} as never)).toThrow(TypeError)
  expect(() => toSigstoreSigner(undefined as never)).toThrow(TypeError)
})
