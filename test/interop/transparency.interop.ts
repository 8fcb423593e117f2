/**
 * What a service releases, verified by cosign, stock \@sigstore/verify and sigstore-go as it is: with the key, the
 * trusted root that the service publishes, and no flag that turns a check off.
 *
 * @packageDocumentation
 */
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createPublicKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BUNDLE_MEDIA_TYPE } from '../../src/formats/bundle.ts'
import { bundleAnnotations } from '../../src/formats/oci-referrer.ts'
import { COSIGN, SIGSTORE_GO } from '../../tools/interop/peers.ts'
import { openRegistry, pushImage } from '../oci/open-registry.ts'
import { createImage } from '../support/oci-content.ts'
import { STAMP_TIME } from '../support/time-stamps.ts'
import {
  type Bundle,
  type Change,
  CHANGED_BODY,
  CHANGED_CONTENT,
  CHANGES,
  type Material,
  type Root,
} from './support/changed-proofs.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { describeEach, describeWith, folderOf } from './support/needs.ts'
import type { RunningServer } from './support/program.ts'
import {
  digestOf,
  FILE_KEYS,
  IMAGE_KEYS,
  type KeyName,
  PROVENANCE_TYPE,
  type ProvingService,
  startProvingService,
} from './support/proving-service.ts'
import { REGISTRIES } from './support/registries.ts'
import { type Ended, run } from './support/run.ts'

const CONTENT = Buffer.from('a release file\n')

let service: ProvingService
beforeAll(async () => void (service = await startProvingService()))
afterAll(() => service[Symbol.asyncDispose]())

const sign: ProvingService['sign'] = (...about) => service.sign(...about)
const attest: ProvingService['attest'] = (...about) => service.attest(...about)
const prepare: ProvingService['prepare'] = (...what) => service.prepare(...what)

describeWith('cosign', [COSIGN], () => {
  let cosign: Cosign

  beforeAll(() => {
    cosign = prepareCosign()
    for (const [name, pem] of service.publicKeys)
      writeFileSync(join(cosign.folder, `${name}.pub`), pem)
  })
  afterAll(() => {
    cosign.remove()
  })

  const write = (name: string, content: object | Uint8Array): string => {
    const path = join(cosign.folder, name)
    writeFileSync(path, content instanceof Uint8Array ? content : JSON.stringify(content))
    return path
  }
  /** The options of cosign: the key, the root, and that signatures carry a time stamp. */
  const trust = (key: KeyName, root: Root): readonly string[] => [
    ...['--key', join(cosign.folder, `${key}.pub`)],
    ...['--trusted-root', write('root.json', root), '--use-signed-timestamps'],
  ]

  describe.each(FILE_KEYS)('verify-blob, with %s', (key) => {
    let bundle: Bundle
    beforeAll(async () => void (bundle = await sign(key, digestOf(CONTENT), 'file')))

    const verify = (material: Material, content: Uint8Array = CONTENT): Promise<Ended> => {
      const files = ['--bundle', write('bundle.json', material.bundle), write('app', content)]
      return cosign.attempt('verify-blob', ...trust(key, material.root), ...files)
    }

    test('verifies a file', async () => {
      expect(await verify(prepare(bundle))).toMatchObject({ status: 0 })
    })

    test('refuses another file', async () => {
      const { status } = await verify(prepare(bundle), Buffer.from('another file\n'))
      expect(status).not.toBe(0)
    })

    test.each(CHANGES)('refuses it if $what is changed', async ({ change }) => {
      expect((await verify(prepare(bundle, change))).status).not.toBe(0)
    })
  })

  describe.each(IMAGE_KEYS)('verify-blob-attestation, with %s', (key) => {
    test('verifies provenance of a file, and not of another', async () => {
      const { bundle, root } = prepare(await attest(key, digestOf(CONTENT)))
      const flags = [...trust(key, root), '--bundle', write('bundle.json', bundle)]
      const verify = (content: Uint8Array): Promise<Ended> => {
        const what = ['--type', 'slsaprovenance1', write('app', content)]
        return cosign.attempt('verify-blob-attestation', ...flags, ...what)
      }

      expect(await verify(CONTENT)).toMatchObject({ status: 0 })
      expect((await verify(Buffer.from('another file\n'))).status).not.toBe(0)
    })
  })

  describeEach(REGISTRIES, ({ start }) => {
    let registry: RunningServer
    let images = 0
    beforeAll(async () => void (registry = await start()))
    afterAll(() => registry.stop())

    /** Attaches a bundle about a new image to it; answers how cosign ends. */
    async function attach(
      make: (digest: string) => Promise<Bundle>,
      predicateType: string,
      change?: Change,
    ): Promise<{ readonly image: string; readonly root: Root }> {
      images += 1
      const image = createImage(`transparency ${images}`)
      const { digest } = image.descriptor
      await pushImage(registry.host, image)
      const { bundle, root } = prepare(await make(digest), change)
      const about = { content: 'dsse-envelope', created: STAMP_TIME, predicateType } as const
      await openRegistry(registry.host).attach({
        subject: image.descriptor,
        artifactType: BUNDLE_MEDIA_TYPE,
        content: Buffer.from(JSON.stringify(bundle)),
        annotations: bundleAnnotations(about),
      })
      return { image: `${registry.host}/app@${digest}`, root }
    }

    const verifySigned = async (key: KeyName, change?: Change): Promise<Ended> => {
      const make = (digest: string): Promise<Bundle> => sign(key, digest, 'image')
      const { image, root } = await attach(make, 'https://sigstore.dev/cosign/sign/v1', change)
      return cosign.attempt('verify', ...trust(key, root), '--allow-http-registry', image)
    }

    const verifyAttested = async (key: KeyName, change?: Change): Promise<Ended> => {
      const { image, root } = await attach((digest) => attest(key, digest), PROVENANCE_TYPE, change)
      const what = ['--allow-http-registry', '--type', 'slsaprovenance1', image]
      return cosign.attempt('verify-attestation', ...trust(key, root), ...what)
    }

    test.each(IMAGE_KEYS)('verify verifies an image signed with %s', async (key) => {
      expect(await verifySigned(key)).toMatchObject({ status: 0 })
    })

    test.each(IMAGE_KEYS)('verify-attestation verifies provenance by %s', async (key) => {
      expect(await verifyAttested(key)).toMatchObject({ status: 0 })
    })

    test.each(CHANGES)('both refuse an image if $what is changed', async ({ change }) => {
      expect((await verifySigned('release', change)).status).not.toBe(0)
      expect((await verifyAttested('release', change)).status).not.toBe(0)
    })

    test('both refuse a statement about another image', async () => {
      const other = digestOf(CONTENT)
      const signed = await attach(() => sign('release', other, 'image'), PROVENANCE_TYPE)
      const attested = await attach(() => attest('release', other), PROVENANCE_TYPE)
      const flags = [...trust('release', service.trustedRoot), '--allow-http-registry']

      expect((await cosign.attempt('verify', ...flags, signed.image)).status).not.toBe(0)
      const what = ['--type', 'slsaprovenance1', attested.image]
      expect((await cosign.attempt('verify-attestation', ...flags, ...what)).status).not.toBe(0)
    })
  })
})

describe('stock @sigstore/verify', () => {
  const verify = (key: KeyName, { bundle, root }: Material, content?: Uint8Array): void => {
    const publicKey = createPublicKey(service.publicKeys.get(key) ?? '')
    const trusted = TrustedRoot.fromJSON(root)
    const material = toTrustMaterial(trusted, () => ({ publicKey, validFor: () => true }))
    const least = { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: 1 }
    const entity = toSignedEntity(bundleFromJSON(bundle), content && Buffer.from(content))
    new Verifier(material, least).verify(entity)
  }
  describe.each(FILE_KEYS)('with %s', (key) => {
    let bundle: Bundle
    beforeAll(async () => void (bundle = await sign(key, digestOf(CONTENT), 'file')))

    test('verifies a file, and not another', () => {
      verify(key, prepare(bundle), CONTENT)

      expect(() => {
        verify(key, prepare(bundle), Buffer.from('another file\n'))
      }).toThrow()
    })

    test.each([...CHANGES, CHANGED_BODY])('refuses it if $what is changed', ({ change }) => {
      expect(() => {
        verify(key, prepare(bundle, change), CONTENT)
      }).toThrow()
    })
  })

  describe.each(IMAGE_KEYS)('with %s', (key) => {
    test.each([
      { what: 'a signature', make: (digest: string) => sign(key, digest, 'image') },
      { what: 'an attestation', make: (digest: string) => attest(key, digest) },
    ])('verifies $what of an image, unless anything is changed', async ({ make }) => {
      const bundle = await make(digestOf(CONTENT))

      verify(key, prepare(bundle))

      for (const { change, what } of [...CHANGES, CHANGED_BODY]) {
        expect(() => {
          verify(key, prepare(bundle, change))
        }, what).toThrow()
      }
    })
  })
})

describeWith('sigstore-go', [SIGSTORE_GO], () => {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-interop-'))
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  const write = (name: string, content: string): string => {
    const path = join(folder, name)
    writeFileSync(path, content)
    return path
  }
  const verify = (key: KeyName, { bundle, root }: Material, content = CONTENT): Promise<Ended> =>
    run(join(folderOf(SIGSTORE_GO), 'verify'), [
      write('bundle.json', JSON.stringify(bundle)),
      write('root.json', JSON.stringify(root)),
      write('key.pem', service.publicKeys.get(key) ?? ''),
      digestOf(content),
    ])
  const CASES = [
    ...FILE_KEYS.map((key) => ({ key, what: 'a file', make: sign, kind: 'file' as const })),
    ...IMAGE_KEYS.map((key) => ({ key, what: 'an image', make: sign, kind: 'image' as const })),
    ...IMAGE_KEYS.map((key) => ({ key, what: 'provenance', make: attest, kind: 'image' as const })),
  ]

  describe.each(CASES)('$what, with $key', ({ key, make, kind }) => {
    let bundle: Bundle
    beforeAll(async () => void (bundle = await make(key, digestOf(CONTENT), kind)))

    test('is verified, with its entry and its time', async () => {
      expect(await verify(key, prepare(bundle))).toMatchObject({ status: 0, stdout: 'verified\n' })
    })

    test('is not verified for another artifact, nor with another key', async () => {
      const other = key === 'files' ? 'release' : 'files'
      const results = [
        await verify(key, prepare(bundle), Buffer.from('another file\n')),
        await verify(other, prepare(bundle)),
      ]

      expect(results.map(({ status }) => status)).toStrictEqual([1, 1])
    })

    // Of the leaf that an entry shows it reads nothing: it builds the leaf again from key, signature and digest.
    test.each([...CHANGES, CHANGED_CONTENT])('is refused if $what is changed', async (changed) => {
      expect(await verify(key, prepare(bundle, changed.change))).toMatchObject({ status: 1 })
    })
  })
})
