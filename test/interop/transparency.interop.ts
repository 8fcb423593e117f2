/**
 * What a service releases, verified by cosign and stock \@sigstore/verify as it is: with the key, the trusted root
 * that the service publishes, and no flag that turns a check off.
 *
 * @packageDocumentation
 */
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify'
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BUNDLE_MEDIA_TYPE } from '../../src/formats/bundle.ts'
import { bundleAnnotations } from '../../src/formats/oci-referrer.ts'
import { COSIGN } from '../../tools/interop/peers.ts'
import { openRegistry, pushImage } from '../oci/open-registry.ts'
import { createImage } from '../support/oci-content.ts'
import { STAMP_TIME } from '../support/time-stamps.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { describeEach, describeWith } from './support/needs.ts'
import type { RunningServer } from './support/program.ts'
import { PROVENANCE } from './support/provenance.ts'
import { REGISTRIES } from './support/registries.ts'
import type { Ended } from './support/run.ts'

const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1'
const CONTENT = Buffer.from('a release file\n')

/** Of a bundle with an entry, what tests change. */
interface Bundle {
  verificationMaterial: {
    tlogEntries: [Entry]
    timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: string }] }
  }
}

interface Entry {
  canonicalizedBody: string
  inclusionProof: { hashes: [string, ...string[]]; checkpoint: { envelope: string } }
}

/** Of a trusted root, likewise. */
interface Root {
  tlogs: { publicKey: { rawBytes: string } }[]
}

/** What is verified, and with what. */
interface Material {
  readonly bundle: Bundle
  readonly root: Root
}

/** Changes a copy of what is verified. */
type Change = (material: Material) => void

/** With another last byte: of a signature, of a hash. */
const flipped = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64')
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  return bytes.toString('base64')
}

/** With another time, a second off: the first GeneralizedTime of a stamp is its own. */
const restamped = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64')
  const second = bytes.indexOf(Buffer.from([0x18, 0x0f])) + 15
  bytes.writeUInt8(bytes.readUInt8(second) ^ 1, second)
  return bytes.toString('base64')
}

const stampsOf = ({ verificationMaterial }: Bundle): [{ signedTimestamp: string }] =>
  verificationMaterial.timestampVerificationData.rfc3161Timestamps

const CHANGES: readonly { readonly what: string; readonly change: Change }[] = [
  {
    what: 'the proof',
    change: ({ bundle }) => {
      const { hashes } = entryOf(bundle).inclusionProof
      hashes[0] = flipped(hashes[0])
    },
  },
  {
    what: 'the checkpoint',
    change: ({ bundle }) => {
      const { checkpoint } = entryOf(bundle).inclusionProof
      checkpoint.envelope = checkpoint.envelope.replace(/^(\S+\n)(\d+)/, '$11$2')
    },
  },
  {
    what: 'the signature of the checkpoint',
    change: ({ bundle }) => {
      const { checkpoint } = entryOf(bundle).inclusionProof
      checkpoint.envelope = checkpoint.envelope.replace(
        /\S+\n$/,
        (base64) => `${flipped(base64)}\n`,
      )
    },
  },
  {
    what: 'the key of the log',
    change: ({ root }) => {
      const { publicKey } = generateKeyPairSync('ed25519')
      const rawBytes = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
      for (const log of root.tlogs) log.publicKey.rawBytes = rawBytes
    },
  },
  { what: 'the root, which has no log,', change: ({ root }) => void root.tlogs.splice(0) },
  {
    what: 'the bundle, which has no entry,',
    change: ({ bundle }) => void (bundle.verificationMaterial.tlogEntries as Entry[]).splice(0),
  },
  {
    what: 'the signature of the time stamp',
    change: ({ bundle }) => {
      const [stamp] = stampsOf(bundle)
      stamp.signedTimestamp = flipped(stamp.signedTimestamp)
    },
  },
  {
    what: 'the time in the time stamp',
    change: ({ bundle }) => {
      const [stamp] = stampsOf(bundle)
      stamp.signedTimestamp = restamped(stamp.signedTimestamp)
    },
  },
  {
    what: 'the bundle, which has no time stamp,',
    change: ({ bundle }) => void (stampsOf(bundle) as object[]).splice(0),
  },
]

const entryOf = ({ verificationMaterial }: Bundle): Entry => verificationMaterial.tlogEntries[0]

/** Keys whose entries every stock verifier reads; those of `digest` sign a file as it is. */
const KEYS = ['release', 'release-rsa', 'files', 'files-rsa'] as const
type KeyName = (typeof KEYS)[number]
const IMAGE_KEYS = ['release', 'release-rsa'] as const
const FILE_KEYS = ['files', 'files-rsa'] as const

const folder = mkdtempSync(join(tmpdir(), 'countersign-interop-'))
const configured = writeServiceFolder({
  folder,
  keys: {
    release: { use: 'artifact', timestamps: 'embedded' },
    'release-rsa': { use: 'artifact', algorithm: 'RS256', timestamps: 'embedded' },
    files: { use: 'digest', timestamps: 'embedded' },
    'files-rsa': { use: 'digest', algorithm: 'RS256', timestamps: 'embedded' },
  },
})
let service: ServiceProcess
let trustedRoot: Root
const publicKeys = new Map<KeyName, string>()

beforeAll(async () => {
  service = await startServiceProcess(configured, { deadlineMs: 110_000 })
  trustedRoot = (await (await fetch(`${service.url}/trust/trusted-root.json`)).json()) as Root
  for (const name of KEYS) {
    const { versions } = (await ask(`/v1/keys/${name}`)) as { versions: [{ kid: string }] }
    const pem = await fetch(`${service.url}/keys/${versions[0].kid}.pem`)
    publicKeys.set(name, await pem.text())
  }
})
afterAll(async () => {
  await service.kill()
  rmSync(folder, { recursive: true, force: true })
})

const digestOf = (content: Uint8Array): string =>
  `sha256:${createHash('sha256').update(content).digest('hex')}`

async function ask(path: string, body?: object): Promise<unknown> {
  const sent = { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(`${service.url}${path}`, {
    headers: { authorization: configured.authorization, 'content-type': 'application/json' },
    ...(body !== undefined && sent),
  })
  if (answer.ok) return answer.json()
  throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
}

async function sign(key: KeyName, digest: string, kind: 'file' | 'image'): Promise<Bundle> {
  const artifacts = [{ digest, kind, name: 'app' }]
  const answer = await ask(`/v1/keys/${key}/signatures`, { artifacts })
  return (answer as { results: [{ bundle: Bundle }] }).results[0].bundle
}

async function attest(key: KeyName, digest: string): Promise<Bundle> {
  const what = { predicateType: PROVENANCE_TYPE, predicate: PROVENANCE }
  const subjects = [{ name: 'app', digest }]
  const answer = await ask(`/v1/keys/${key}/attestations`, { subjects, ...what })
  return (answer as { bundle: Bundle }).bundle
}

/** A bundle and the published root, after a change. */
function prepare(bundle: Bundle, change: Change = () => undefined): Material {
  const material = structuredClone({ bundle, root: trustedRoot })
  change(material)
  return material
}

describeWith('cosign', [COSIGN], () => {
  let cosign: Cosign

  beforeAll(() => {
    cosign = prepareCosign()
    for (const [name, pem] of publicKeys) writeFileSync(join(cosign.folder, `${name}.pub`), pem)
  })
  afterAll(() => {
    cosign.remove()
  })

  const write = (name: string, content: object | Uint8Array): string => {
    const path = join(cosign.folder, name)
    writeFileSync(path, content instanceof Uint8Array ? content : JSON.stringify(content))
    return path
  }
  /** Everything that cosign is told: the key, the root, and that signatures carry a time stamp. */
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

    test.each(CHANGES)('refuses it where $what is changed', async ({ change }) => {
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

    test.each(CHANGES)('both refuse an image where $what is changed', async ({ change }) => {
      expect((await verifySigned('release', change)).status).not.toBe(0)
      expect((await verifyAttested('release', change)).status).not.toBe(0)
    })

    test('both refuse what is said of another image', async () => {
      const other = digestOf(CONTENT)
      const signed = await attach(() => sign('release', other, 'image'), PROVENANCE_TYPE)
      const attested = await attach(() => attest('release', other), PROVENANCE_TYPE)
      const flags = [...trust('release', trustedRoot), '--allow-http-registry']

      expect((await cosign.attempt('verify', ...flags, signed.image)).status).not.toBe(0)
      const what = ['--type', 'slsaprovenance1', attested.image]
      expect((await cosign.attempt('verify-attestation', ...flags, ...what)).status).not.toBe(0)
    })
  })
})

describe('stock @sigstore/verify', () => {
  const verify = (key: KeyName, { bundle, root }: Material, content?: Uint8Array): void => {
    const publicKey = createPublicKey(publicKeys.get(key) ?? '')
    const trusted = TrustedRoot.fromJSON(root)
    const material = toTrustMaterial(trusted, () => ({ publicKey, validFor: () => true }))
    const least = { tlogThreshold: 1, ctlogThreshold: 0, timestampThreshold: 1 }
    const entity = toSignedEntity(bundleFromJSON(bundle), content && Buffer.from(content))
    new Verifier(material, least).verify(entity)
  }
  const BODY: (typeof CHANGES)[number] = {
    what: 'the digest in the entry',
    change: ({ bundle }) => {
      const entry = entryOf(bundle)
      const body = Buffer.from(entry.canonicalizedBody, 'base64').toString()
      const changed = body.replace(/(?<="digest":")[^"]+/, flipped)
      entry.canonicalizedBody = Buffer.from(changed).toString('base64')
    },
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

    test.each([...CHANGES, BODY])('refuses it where $what is changed', ({ change }) => {
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

      for (const { change, what } of [...CHANGES, BODY]) {
        expect(() => {
          verify(key, prepare(bundle, change))
        }, what).toThrow()
      }
    })
  })
})
