/** Time stamps of our authority on what we sign, as cosign and stock \@sigstore/verify see them. */
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createPublicKey } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { serializePublicKeyPem } from '../../src/crypto/public-key.ts'
import { BUNDLE_MEDIA_TYPE } from '../../src/formats/bundle.ts'
import { bundleAnnotations } from '../../src/formats/oci-referrer.ts'
import { type SignedBundle, signFileDigest, signArtifact } from '../../src/signing/sign-artifact.ts'
import { COSIGN } from '../../tools/interop/peers.ts'
import { openRegistry, pushImage } from '../oci/open-registry.ts'
import { createImage } from '../support/oci-content.ts'
import { testSigner } from '../support/signers.ts'
import { createTestAuthority, STAMP_TIME, testTrustedRoot } from '../support/time-stamps.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { describeEach, describeWith } from './support/needs.ts'
import type { RunningServer } from './support/program.ts'
import { REGISTRIES } from './support/registries.ts'

const CONTENT = Buffer.from('a release file\n')
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256'] as const

type Stamping = (signature: Uint8Array) => Promise<Uint8Array>

/** An authority that signs with an algorithm: its stamps, and a trusted root that names it and our log. */
function prepare(algorithm: (typeof ALGORITHMS)[number]): {
  readonly timestamp: Stamping
  readonly trustedRoot: Uint8Array
} {
  const made = createTestAuthority(algorithm)
  const timestamp: Stamping = async (signature) =>
    (await made.authority.stampSignature(signature)).response
  return { timestamp, trustedRoot: testTrustedRoot(made) }
}

const sign = (timestamp: Stamping): Promise<SignedBundle> =>
  signFileDigest(testSigner(), digestOf(CONTENT), { timestamp })

describeWith('cosign', [COSIGN], () => {
  let cosign: Cosign
  let flags: (trustedRoot: string) => readonly string[]

  beforeAll(() => {
    cosign = prepareCosign()
    writeFileSync(join(cosign.folder, 'key.pub'), serializePublicKeyPem(testSigner().key))
    writeFileSync(join(cosign.folder, 'release'), CONTENT)
    flags = (trustedRoot) => [
      ...['--key', join(cosign.folder, 'key.pub'), ...cosign.verifyFlags],
      ...['--use-signed-timestamps', '--trusted-root', trustedRoot],
    ]
  })
  afterAll(() => {
    cosign.remove()
  })

  const write = (name: string, bytes: Uint8Array): string => {
    const path = join(cosign.folder, name)
    writeFileSync(path, bytes)
    return path
  }

  test.each(ALGORITHMS)('verifies a file with a time stamp by %s', async (algorithm) => {
    const { timestamp, trustedRoot } = prepare(algorithm)
    const bundle = write(`${algorithm}.json`, (await sign(timestamp)).bundle)
    const root = write(`${algorithm}-root.json`, trustedRoot)

    const blob = ['--bundle', bundle, join(cosign.folder, 'release')]
    expect(await cosign.attempt('verify-blob', ...flags(root), ...blob)).toMatchObject({
      status: 0,
    })
  })

  test('refuses a time stamp of an unknown authority, and a missing one', async () => {
    const { timestamp, trustedRoot } = prepare('ES256')
    const other = write('other-root.json', prepare('ES256').trustedRoot)
    const root = write('root.json', trustedRoot)
    const release = join(cosign.folder, 'release')
    const stamped = write('stamped.json', (await sign(timestamp)).bundle)
    const bare = await signFileDigest(testSigner(), digestOf(CONTENT))
    const plain = write('plain.json', bare.bundle)

    for (const blob of [
      [...flags(other), '--bundle', stamped, release],
      [...flags(root), '--bundle', plain, release],
    ]) {
      expect((await cosign.attempt('verify-blob', ...blob)).status).not.toBe(0)
    }
  })

  describeEach(REGISTRIES, ({ start }) => {
    let registry: RunningServer
    beforeAll(async () => void (registry = await start()))
    afterAll(() => registry.stop())

    test('verifies an image with a time stamp', async () => {
      const { timestamp, trustedRoot } = prepare('ES256')
      const root = write('image-root.json', trustedRoot)
      const image = createImage('stamped')
      const { digest } = image.descriptor
      await pushImage(registry.host, image)
      const signed = await signArtifact(testSigner(), { digest }, { timestamp })
      const about = { content: 'dsse-envelope', created: STAMP_TIME } as const
      await openRegistry(registry.host).attach({
        subject: image.descriptor,
        artifactType: BUNDLE_MEDIA_TYPE,
        content: signed.bundle,
        annotations: bundleAnnotations({ ...about, predicateType: signed.predicateType }),
      })

      const where = ['--allow-http-registry', `${registry.host}/app@${digest}`]
      expect(await cosign.attempt('verify', ...flags(root), ...where)).toMatchObject({ status: 0 })
    })
  })
})

describe('stock @sigstore/verify', () => {
  const verify = (bundle: Uint8Array, trustedRoot: Uint8Array): void => {
    const publicKey = createPublicKey(serializePublicKeyPem(testSigner().key))
    const root = TrustedRoot.fromJSON(JSON.parse(Buffer.from(trustedRoot).toString()))
    const material = toTrustMaterial(root, () => ({ publicKey, validFor: () => true }))
    const least = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 1 }
    const entity = bundleFromJSON(JSON.parse(Buffer.from(bundle).toString()))
    new Verifier(material, least).verify(toSignedEntity(entity, CONTENT))
  }

  test.each(ALGORITHMS)('verifies a file with a time stamp by %s', async (algorithm) => {
    const { timestamp, trustedRoot } = prepare(algorithm)
    const { bundle } = await sign(timestamp)

    verify(bundle, trustedRoot)

    expect(() => {
      verify(bundle, prepare(algorithm).trustedRoot)
    }).toThrow()
  })
})
