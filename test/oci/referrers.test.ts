import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { serializeDescriptor } from '../../src/formats/oci-descriptor.ts'
import { OCI_INDEX, OCI_MANIFEST, serializeIndex } from '../../src/formats/oci-manifest.ts'
import { readAttachment } from '../../src/oci/attachment.ts'
import { referrersTag } from '../../src/oci/fallback-tag.ts'
import { createArtifact, createImage } from '../support/oci-content.ts'
import { flood, refuse } from '../support/registry/faults.ts'
import { createRegistryDouble, type RegistryDouble } from '../support/registry/registry-double.ts'
import type { Switches } from '../support/registry/switches.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { openRegistry, pushImage } from './open-registry.ts'

const image = createImage()
const subject = image.descriptor.digest
const tag = referrersTag(subject)

async function createStocked(switches: Partial<Switches> = {}): Promise<RegistryDouble> {
  const double = await createRegistryDouble()
  await pushImage(double.host, image, { tag: 'v1' })
  Object.assign(double.switches, switches)
  double.requests.length = 0
  return double
}

const digests = (of: readonly { digest: string }[]): string[] => of.map(({ digest }) => digest)

test('referrersTag shortens SHA-512 to what fits a tag', () => {
  expect(tag).toBe(subject.replace(':', '-'))
  expect(referrersTag(`sha512:${'a'.repeat(128)}`)).toBe(`sha512-${'a'.repeat(64)}`)
  expect(referrersTag(`sha384:${'a'.repeat(96)}`)).toBe(`sha384-${'a'.repeat(64)}`)
})

test.each([
  [403, 'ERR_NOT_ALLOWED'],
  [410, 'ERR_REGISTRY_PROTOCOL'],
  [429, 'ERR_THROTTLED'],
  [500, 'ERR_REGISTRY_UNAVAILABLE'],
  [503, 'ERR_REGISTRY_UNAVAILABLE'],
])('a %i to the list of referrers is never an empty list', async (status, code) => {
  for (const on of [/referrers/, /manifests\/sha256-/]) {
    const double = await createStocked({ referrersApi: 'empty' })
    double.switches.faults.push({ on, answer: refuse(status) })

    await expect(openRegistry(double.host).referrers(subject)).rejects.toMatchObject({
      code,
      details: { status, registryCode: 'UNKNOWN' },
    })
  }
})

test('a list of referrers without end is refused, not cut', async () => {
  const double = await createStocked()
  const index = Buffer.from(serializeIndex([serializeDescriptor(image.descriptor)]))
  let page = 0
  double.switches.faults.push({
    on: /referrers/,
    answer: (response) => {
      page += 1
      const link = `</v2/app/referrers/x?n=${page}>; rel="next"`
      response.writeHead(200, { 'content-type': OCI_INDEX, link })
      response.end(index)
    },
  })

  await expect(openRegistry(double.host).referrers(subject)).rejects.toMatchObject({
    code: 'ERR_REGISTRY_PROTOCOL',
    message: expect.stringContaining('more than 100 pages') as string,
  })
})

test('the next page is asked of the same registry, whatever host its link names', async () => {
  const double = await createStocked()
  const answer = refuse(
    200,
    { 'content-type': OCI_INDEX, link: '<http://evil.example//v2/next?a=%2F>; rel=next' },
    Buffer.from(serializeIndex([])).toString(),
  )
  double.switches.faults.push({ on: /referrers/, times: 1, answer })
  double.switches.faults.push({
    on: /next/,
    answer: refuse(
      200,
      { 'content-type': OCI_INDEX },
      Buffer.from(serializeIndex([serializeDescriptor(image.descriptor)])).toString(),
    ),
  })

  expect(await openRegistry(double.host).referrers(subject)).toHaveLength(1)
  expect(double.seen(/next/).map(({ path }) => path)).toEqual(['//v2/next?a=%2F'])
})

test.each([
  ['without end', flood, 'ERR_INPUT_TOO_LARGE'],
  ['that is not JSON', refuse(200, { 'content-type': OCI_INDEX }, '{'), 'ERR_JSON_INVALID'],
  [
    'that is not an index',
    refuse(200, { 'content-type': OCI_INDEX }, '{}'),
    'ERR_MANIFEST_INVALID',
  ],
])('an answer %s is refused', async (_what, answer, code) => {
  const double = await createStocked()
  double.switches.faults.push({ on: /referrers/, answer })

  await expect(openRegistry(double.host).referrers(subject)).rejects.toMatchObject({ code })
})

test('a referrer that is listed twice counts once', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const entry = serializeDescriptor(image.descriptor)
  const index = { bytes: serializeIndex([entry, entry]), mediaType: OCI_INDEX }
  await openRegistry(double.host).writeTag(tag, index, { expected: undefined })

  expect(await openRegistry(double.host).referrers(subject)).toHaveLength(1)
})

test('a list of more than ten thousand is refused', async () => {
  const double = await createStocked()
  const page = serializeIndex(
    Array.from({ length: 5001 }, () => serializeDescriptor(image.descriptor)),
  )
  const headers = { 'content-type': OCI_INDEX, link: '</v2/app/referrers/x>; rel="next"' }
  double.switches.faults.push({
    on: /referrers/,
    answer: refuse(200, headers, Buffer.from(page).toString()),
  })

  await expect(openRegistry(double.host).referrers(subject)).rejects.toMatchObject({
    code: 'ERR_REGISTRY_PROTOCOL',
  })
  expect(double.requests).toHaveLength(2)
})

test('a referrer whose digest cannot be checked is left out', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const entry = { ...serializeDescriptor(image.descriptor), digest: 'blake3:abc' }
  const index = { bytes: serializeIndex([entry]), mediaType: OCI_INDEX }
  await openRegistry(double.host).writeTag(tag, index, { expected: undefined })

  expect(await openRegistry(double.host).referrers(subject)).toEqual([])
})

test('a filter the registry claims but does not apply is applied here', async () => {
  const double = await createStocked({ filters: 'claimed' })
  const store = openRegistry(double.host)
  await store.attach(createArtifact(image.descriptor))
  const other = await store.attach({ ...createArtifact(image.descriptor), artifactType: 'x/y' })

  expect(digests(await store.referrers(subject, { artifactType: 'x/y' }))).toEqual([other.digest])
})

test('an entry that does not say its type passes every filter', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const { mediaType, digest, size } = image.descriptor
  const index = { bytes: serializeIndex([{ mediaType, digest, size }]), mediaType: OCI_INDEX }
  await openRegistry(double.host).writeTag(tag, index, { expected: undefined })

  expect(await openRegistry(double.host).referrers(subject, { artifactType: 'x/y' })).toHaveLength(
    1,
  )
})

test('a list of both kinds is asked for only where the API knows none', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host)
  const { digest } = await store.attach(createArtifact(image.descriptor))

  double.switches.referrersApi = 'empty'
  expect(digests(await store.referrers(subject))).toEqual([digest])

  double.switches.referrersApi = 'on'
  double.requests.length = 0
  expect(digests(await store.referrers(subject))).toEqual([digest])
  expect(double.requests).toHaveLength(1)
})

test.each(['html', 'off', 'empty'] as const)(
  'OCI-Subject from a registry whose API is "%s" is not trusted',
  async (referrersApi) => {
    const double = await createStocked({ referrersApi, ociSubject: 'always' })
    const store = openRegistry(double.host)

    const attached = await store.attach(createArtifact(image.descriptor))

    expect(attached.listedBy).toBe('tag')
    expect(digests(await store.referrers(subject))).toEqual([attached.digest])
  },
)

test('a registry that lists its new referrers is trusted without OCI-Subject', async () => {
  const double = await createStocked({ ociSubject: 'never' })

  const { listedBy } = await openRegistry(double.host).attach(createArtifact(image.descriptor))

  expect(listedBy).toBe('api')
  expect(double.seen(/sha256-/)).toEqual([])
})

test('a registry that lists late is asked again', async () => {
  const double = await createStocked({ staleReads: 2 })
  const runtime = createTestRuntime()
  const store = openRegistry(double.host, { runtime })

  expect((await store.attach(createArtifact(image.descriptor))).listedBy).toBe('api')
  expect(runtime.pauses).toHaveLength(2)
})

test('a registry that lists others but never this one is an error, for no reader would find it', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  await store.attach(createArtifact(image.descriptor, 'first'))
  double.switches.referrersApi = 'blind'
  await store.attach(createArtifact(image.descriptor, 'second')).catch(() => undefined)

  const attaching = store.attach(createArtifact(image.descriptor, 'third'))

  await expect(attaching).rejects.toMatchObject({
    code: 'ERR_REFERRERS_CONFLICT',
    details: { digest: expect.stringMatching(/^sha256:/) as string },
  })
  expect(double.repository('app').tagNow(tag)).toBeUndefined()
})

test('readings that lag behind lose no entry of the fallback tag', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host)
  const first = await store.attach(createArtifact(image.descriptor, 'first'))
  double.switches.staleReads = 3
  const second = await store.attach(createArtifact(image.descriptor, 'second'))
  double.switches.staleReads = 0

  for (let reads = 0; reads < 4; reads += 1) await store.referrers(subject)
  expect(digests(await store.referrers(subject))).toEqual([first.digest, second.digest])
})

test('a tag that never keeps an entry is a conflict that names what was pushed', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  double.switches.faults.push({ on: /^GET .*manifests\/sha256-/, answer: refuse(404) })

  await expect(
    openRegistry(double.host).attach(createArtifact(image.descriptor)),
  ).rejects.toMatchObject({
    code: 'ERR_REFERRERS_CONFLICT',
    retryable: true,
    details: { tag, tries: 30, digest: expect.stringMatching(/^sha256:/) as string },
  })
})

test('an image at the fallback tag is left alone', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const other = createImage('other')
  await pushImage(double.host, other, { tag })
  const store = openRegistry(double.host)
  const foreign = {
    code: 'ERR_MANIFEST_INVALID',
    message: expect.stringContaining('not a list of referrers') as string,
  }

  await expect(store.referrers(subject)).rejects.toMatchObject(foreign)
  await expect(store.attach(createArtifact(image.descriptor))).rejects.toMatchObject(foreign)
  expect(double.repository('app').tagNow(tag)).toBe(other.descriptor.digest)
})

test('immutable tags are an error that says how to go on', async () => {
  const double = await createStocked({ referrersApi: 'off', areTagsImmutable: true })
  const store = openRegistry(double.host)
  await store.attach(createArtifact(image.descriptor, 'first'))

  await expect(store.attach(createArtifact(image.descriptor, 'second'))).rejects.toMatchObject({
    code: 'ERR_NOT_ALLOWED',
    message: expect.stringContaining('the tag is immutable') as string,
    reason: 'referrers-tag-refused',
  })
})

test('mode "api" reports a missing API, for reading and writing', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host, { referrersMode: 'api' })
  const unsupported = { code: 'ERR_OPERATION_UNSUPPORTED' }

  await expect(store.referrers(subject)).rejects.toMatchObject(unsupported)
  await expect(store.attach(createArtifact(image.descriptor))).rejects.toMatchObject(unsupported)
})

test('mode "api" never touches a tag', async () => {
  const double = await createStocked({ referrersApi: 'empty' })
  const store = openRegistry(double.host, { referrersMode: 'api' })

  expect(await store.referrers(subject)).toEqual([])
  await expect(store.attach(createArtifact(image.descriptor))).rejects.toMatchObject({
    code: 'ERR_REFERRERS_CONFLICT',
  })
  expect(double.seen(/sha256-/)).toEqual([])
})

test('mode "tag" never asks the API', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host, { referrersMode: 'tag' })

  const { digest, listedBy } = await store.attach(createArtifact(image.descriptor))

  expect(listedBy).toBe('tag')
  expect(digests(await store.referrers(subject))).toEqual([digest])
  expect(double.seen(/referrers/)).toEqual([])
})

test('mode "none" pushes and lists nowhere', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host, { referrersMode: 'none' })

  const { digest, listedBy } = await store.attach(createArtifact(image.descriptor))

  expect(listedBy).toBe('none')
  expect(await store.referrers(subject)).toEqual([])
  expect((await store.readManifest(digest)).mediaType).toBe(OCI_MANIFEST)
})

test('a referrer of another subject is not read as one of this', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host)
  const other = createImage('other').descriptor
  await store.attach(createArtifact(other))
  const [referrer] = await store.referrers(other.digest)
  if (referrer === undefined) throw new Error('nothing was attached')

  await expect(readAttachment(store, { subject, referrer })).rejects.toMatchObject({
    code: 'ERR_SUBJECT_MISMATCH',
  })
})

test('an artifact of several layers is not read as one of one', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  const layer = serializeDescriptor(image.descriptor)
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: layer,
    layers: [layer, layer],
  }
  const bytes = Buffer.from(JSON.stringify(manifest))
  const referrer = { mediaType: OCI_MANIFEST, digest: digestOf(bytes), size: bytes.length }
  await pushImage(double.host, { descriptor: referrer, bytes, blobs: [] })

  await expect(readAttachment(store, { subject, referrer })).rejects.toMatchObject({
    code: 'ERR_MANIFEST_INVALID',
  })
})
