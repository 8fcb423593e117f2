/**
 * What a repository must do over any registry: the same cases for Debian's docker-registry, the double
 * and, in the interop suite, others.
 *
 * @packageDocumentation
 */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import type { OciStore } from '../../src/oci/artifact-store.ts'
import { readAttachment } from '../../src/oci/attachment.ts'
import { anonymous, type RegistryCredentialSource } from '../../src/oci/credentials.ts'
import { listImages } from '../../src/oci/index-walk.ts'
import {
  addLegacyAttestation,
  addLegacySignature,
  readLegacyAttestations,
  readLegacySignatures,
} from '../../src/oci/legacy.ts'
import type { ReferrersMode } from '../../src/oci/registry-store.ts'
import { BUNDLE, createArtifact, createImage, createIndex } from '../support/oci-content.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { VirtualTime } from '../support/virtual-time.ts'
import { openRegistry, pushImage } from './open-registry.ts'

/** A running registry. */
export interface RunningRegistry {
  /** `host[:port]`. */
  readonly host: string
  readonly credentials?: RegistryCredentialSource
  stop(): Promise<void>
}

/** A registry the contract is held against. */
export interface RegistryUnderTest {
  readonly name: string
  readonly hasReferrersApi: boolean
  readonly start: () => Promise<RunningRegistry>
}

const WRITERS = 10

/** Holds the contract against a registry, which is started once for all cases. */
export function describeRegistry({ name, hasReferrersApi, start }: RegistryUnderTest): void {
  describe(name, () => {
    let registry: RunningRegistry | undefined

    beforeAll(async () => {
      registry = await start()
    })

    afterAll(() => registry?.stop())

    const running = (): RunningRegistry => {
      if (registry === undefined) throw new Error('the registry is not running')
      return registry
    }

    defineCases(running, hasReferrersApi)
  })
}

function defineCases(running: () => RunningRegistry, hasReferrersApi: boolean): void {
  /** A repository of its own, and ways to open it. */
  const fresh = (): {
    open: (options?: { mode?: ReferrersMode; time?: VirtualTime }) => OciStore
    push: (image: ReturnType<typeof createImage>, tag?: string) => Promise<void>
  } => {
    const { host, credentials = anonymous } = running()
    const repository = `contract/${randomUUID()}`
    return {
      open: ({ mode, time } = {}) => {
        const pause = time && ((milliseconds: number): Promise<void> => time.pause(milliseconds))
        const runtime = createTestRuntime(pause === undefined ? {} : { pause })
        const referrersMode = mode ?? 'auto'
        return openRegistry(host, { repository, credentials, runtime, referrersMode })
      },
      push: async (image, tag) => {
        const tagged = tag === undefined ? {} : { tag }
        await pushImage(host, image, { repository, credentials, ...tagged })
      },
    }
  }

  test('a tag and a digest resolve to the same image', async () => {
    const { open, push } = fresh()
    const image = createImage()
    await push(image, 'v1')

    expect(await open().resolve({ tag: 'v1' })).toEqual(image.descriptor)
    expect(await open().resolve({ digest: image.descriptor.digest })).toEqual(image.descriptor)
  })

  test('a missing manifest is not found', async () => {
    const { open, push } = fresh()
    await push(createImage(), 'v1')
    const missing: unknown = expect.objectContaining({ code: 'ERR_ARTIFACT_NOT_FOUND' })

    await expect(open().resolve({ tag: 'v2' })).rejects.toEqual(missing)
    await expect(open().readManifest(digestOf(Buffer.from('none')))).rejects.toEqual(missing)
    const blob = { mediaType: 'a/b', digest: digestOf(Buffer.from('none')), size: 4 }
    await expect(open().readBlob(blob)).rejects.toEqual(missing)
  })

  test('an attached artifact is listed and read back whole', async () => {
    const { open, push } = fresh()
    const image = createImage()
    await push(image)
    const artifact = createArtifact(image.descriptor)

    const attached = await open().attach(artifact)
    const [referrer, ...others] = await open().referrers(image.descriptor.digest)

    expect(attached.listedBy).toBe(hasReferrersApi ? 'api' : 'tag')
    expect(others).toEqual([])
    expect(referrer).toMatchObject({
      digest: attached.digest,
      artifactType: BUNDLE,
      annotations: artifact.annotations,
    })
    if (referrer === undefined) return
    const subject = image.descriptor.digest
    expect(await readAttachment(open(), { subject, referrer })).toEqual({
      artifactType: BUNDLE,
      mediaType: BUNDLE,
      annotations: artifact.annotations,
      content: artifact.content,
    })
  })

  test('an image without referrers has none of any type', async () => {
    const { open, push } = fresh()
    const image = createImage()
    await push(image)

    expect(await open().referrers(image.descriptor.digest)).toEqual([])
    expect(await open().referrers(image.descriptor.digest, { artifactType: BUNDLE })).toEqual([])
  })

  test('referrers are filtered by type', async () => {
    const { open, push } = fresh()
    const { descriptor, ...image } = createImage()
    await push({ descriptor, ...image })
    await open().attach(createArtifact(descriptor))
    const other = await open().attach({ ...createArtifact(descriptor), artifactType: 'x/y' })

    const found = await open().referrers(descriptor.digest, { artifactType: 'x/y' })

    expect(found.map(({ digest }) => digest)).toEqual([other.digest])
  })

  test('attaching the same artifact twice lists it once', async () => {
    const { open, push } = fresh()
    const image = createImage()
    await push(image)

    const first = await open().attach(createArtifact(image.descriptor))
    const second = await open().attach(createArtifact(image.descriptor))

    expect(second).toEqual(first)
    expect(await open().referrers(image.descriptor.digest)).toHaveLength(1)
  })

  // Without the API, "auto" is the tag.
  test.each(hasReferrersApi ? (['auto', 'tag'] as const) : (['auto'] as const))(
    'ten that attach at once lose nothing (%s)',
    async (mode) => {
      const { open, push } = fresh()
      const image = createImage()
      await push(image)
      const time = new VirtualTime(WRITERS)

      const attached = await Promise.all(
        Array.from({ length: WRITERS }, (_, n) =>
          time.run(() =>
            open({ mode, time }).attach(createArtifact(image.descriptor, `bundle ${n}`)),
          ),
        ),
      )

      const listed = await open({ mode }).referrers(image.descriptor.digest)
      const digests = (of: readonly { digest: string }[]): string[] =>
        of.map(({ digest }) => digest).toSorted()
      expect(digests(listed)).toEqual(digests(attached))
    },
  )

  test('ten that sign at once in the older layout lose nothing', async () => {
    const { open, push } = fresh()
    const image = createImage()
    await push(image)
    const subject = image.descriptor.digest
    const payload = Buffer.from('{"critical":{}}')
    const time = new VirtualTime(WRITERS)
    const signatures = Array.from({ length: WRITERS }, (_, n) => Buffer.from(`signature ${n}`))

    await Promise.all(
      signatures.map((signature) =>
        time.run(() => {
          const pause = (milliseconds: number): Promise<void> => time.pause(milliseconds)
          const added = { subject, payload, signature }
          return addLegacySignature(open({ time }), added, createTestRuntime({ pause }))
        }),
      ),
    )

    const read = await readLegacySignatures(open(), { subject })
    const texts = (of: readonly Uint8Array[]): string[] => of.map((one) => String(one)).toSorted()
    expect(texts(read.map(({ signature }) => signature))).toEqual(texts(signatures))
    expect(read.every((one) => Buffer.compare(one.payload, payload) === 0)).toBe(true)
  })

  test('an attestation of the older layout is read back, and added once', async () => {
    const { open, push } = fresh()
    const image = createImage()
    await push(image)
    const subject = image.descriptor.digest
    const attestation = { envelope: Buffer.from('{"payload":""}'), predicateType: 'https://p/1' }

    for (let times = 0; times < 2; times += 1) {
      await addLegacyAttestation(open(), { subject, ...attestation }, createTestRuntime())
    }

    expect(await readLegacyAttestations(open(), { subject })).toEqual([attestation])
    expect(await readLegacySignatures(open(), { subject })).toEqual([])
  })

  test('an index leads to all images inside it', async () => {
    const { open, push } = fresh()
    const [one, two] = [createImage('one'), createImage('two')]
    const inner = createIndex(two)
    const outer = createIndex(one, inner, one)
    for (const image of [one, two, inner]) await push(image)
    await push(outer, 'all')

    const images = await listImages(open(), await open().resolve({ tag: 'all' }))

    const digests = [outer, one, inner, two].map(({ descriptor }) => descriptor.digest)
    expect(images.map(({ digest }) => digest)).toEqual(digests)
  })
}
