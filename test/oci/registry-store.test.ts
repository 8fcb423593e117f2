import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { serializeDescriptor } from '../../src/formats/oci-descriptor.ts'
import { OCI_INDEX, OCI_MANIFEST, serializeIndex } from '../../src/formats/oci-manifest.ts'
import { readAttachment } from '../../src/oci/attachment.ts'
import { BUNDLE, createArtifact, createImage } from '../support/oci-content.ts'
import { refuse } from '../support/registry/faults.ts'
import { createRegistryDouble, type RegistryDouble } from '../support/registry/registry-double.ts'
import type { Switches } from '../support/registry/switches.ts'
import { openRegistry, pushImage } from './open-registry.ts'

const image = createImage()
const subject = image.descriptor.digest

async function createStocked(switches: Partial<Switches> = {}): Promise<RegistryDouble> {
  const double = await createRegistryDouble()
  await pushImage(double.host, image, { tag: 'v1' })
  Object.assign(double.switches, switches)
  double.requests.length = 0
  return double
}

test('a registry is opened without asking it anything', async () => {
  const double = await createStocked()

  openRegistry(double.host)

  expect(double.requests).toEqual([])
})

test('a HEAD without digest or length is followed by a GET of the manifest', async () => {
  const double = await createStocked({ isHeadTelling: false })

  expect(await openRegistry(double.host).resolve({ tag: 'v1' })).toEqual(image.descriptor)
  expect(double.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET'])
})

test('resolving needs a tag or a digest', async () => {
  await expect(openRegistry('localhost:1').resolve({})).rejects.toMatchObject({
    code: 'ERR_REFERENCE_INVALID',
  })
})

test('other content than the digest names is refused', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  const attached = await store.attach(createArtifact(image.descriptor))
  const [referrer] = await store.referrers(subject)
  double.switches.tamper = (_path, bytes) => Buffer.concat([bytes.subarray(1), Buffer.from(' ')])
  const mismatch = { code: 'ERR_DIGEST_MISMATCH' }

  await expect(store.readManifest(subject)).rejects.toMatchObject(mismatch)
  await expect(store.readTag('v1')).rejects.toMatchObject(mismatch)
  expect(referrer?.digest).toBe(attached.digest)
  if (referrer === undefined) return
  await expect(readAttachment(store, { subject, referrer })).rejects.toMatchObject(mismatch)
  const content = Buffer.from('{"name":"bundle"}')
  const blob = { mediaType: BUNDLE, digest: digestOf(content), size: content.length }
  await expect(store.readBlob(blob)).rejects.toMatchObject(mismatch)
})

test('a blob of another size than its descriptor says is refused, longer or shorter', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  const [config] = image.blobs
  const digest = digestOf(config ?? new Uint8Array())
  const size = config?.length ?? 0

  await expect(store.readBlob({ mediaType: 'a/b', digest, size: size + 1 })).rejects.toMatchObject({
    code: 'ERR_DIGEST_MISMATCH',
  })
  await expect(store.readBlob({ mediaType: 'a/b', digest, size: size - 1 })).rejects.toMatchObject({
    code: 'ERR_INPUT_TOO_LARGE',
  })
})

test('a blob that is too large is not asked for', async () => {
  const double = await createStocked()
  const huge = { mediaType: 'a/b', digest: subject, size: 2 ** 40 }

  await expect(openRegistry(double.host).readBlob(huge)).rejects.toMatchObject({
    code: 'ERR_INPUT_TOO_LARGE',
  })
  expect(double.requests).toEqual([])
})

test('a digest resolved to another is refused', async () => {
  const double = await createStocked()
  const other = `sha256:${'0'.repeat(64)}`
  double.switches.faults.push({
    on: /^HEAD/,
    answer: refuse(200, {
      'content-type': OCI_MANIFEST,
      'docker-content-digest': other,
      'content-length': '3',
    }),
  })

  await expect(openRegistry(double.host).resolve({ digest: subject })).rejects.toMatchObject({
    code: 'ERR_DIGEST_MISMATCH',
  })
})

test('a manifest that is not an image is not resolved to one', async () => {
  const double = await createStocked()
  double.switches.faults.push({
    on: /manifests/,
    answer: refuse(200, { 'content-type': 'text/html' }),
  })

  await expect(openRegistry(double.host).resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_MANIFEST_INVALID',
    message: expect.stringContaining('"text/html", not an image') as string,
  })
})

test('a changed tag is not overwritten if the registry honours conditions', async () => {
  const double = await createStocked({ honoursConditions: true })
  const store = openRegistry(double.host)
  const first = { bytes: serializeIndex([]), mediaType: OCI_INDEX }
  const second = {
    bytes: serializeIndex([serializeDescriptor(image.descriptor)]),
    mediaType: OCI_INDEX,
  }

  expect(await store.writeTag('list', first, { expected: undefined })).toBe('unproven')
  expect(await store.writeTag('list', second, { expected: undefined })).toBe('beaten')
  const seen = await store.readTag('list')
  expect(await store.writeTag('list', second, { expected: seen })).toBe('unproven')
  expect(await store.writeTag('list', first, { expected: seen })).toBe('beaten')
})

test('existing blobs are not sent again', async () => {
  const double = await createStocked()
  await openRegistry(double.host).attach(createArtifact(image.descriptor))
  double.requests.length = 0

  await openRegistry(double.host).attach(createArtifact(image.descriptor))

  expect(double.seen(/uploads/)).toEqual([])
})

test('an upload whose answer was lost counts once the blob is there', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  const content = Buffer.from('content')
  double.switches.faults.push({
    on: /^PUT .*uploads/,
    times: 1,
    answer: (response) => {
      double.repository('app').blobs.set(digestOf(content), content)
      double.repository('app').uploads.clear()
      response.destroy()
    },
  })

  expect((await store.writeBlob(content, 'a/b')).digest).toBe(digestOf(content))
})

test.each([
  ['without an address', refuse(202)],
  ['out of loopback in the clear', refuse(202, { location: 'http://example.com/upload' })],
  ['with another status', refuse(404)],
])('an upload started %s is an error', async (_what, answer) => {
  const double = await createStocked()
  double.switches.faults.push({ on: /^POST .*uploads/, answer })

  await expect(
    openRegistry(double.host).writeBlob(Buffer.from('content'), 'a/b'),
  ).rejects.toMatchObject({ code: expect.stringMatching(/PROTOCOL|NOT_FOUND/) as string })
})

test('a refused upload is an error', async () => {
  const double = await createStocked()
  double.switches.faults.push({ on: /^PUT .*uploads/, answer: refuse(413) })

  await expect(
    openRegistry(double.host).writeBlob(Buffer.from('content'), 'a/b'),
  ).rejects.toMatchObject({ code: 'ERR_REGISTRY_PROTOCOL', details: { status: 413 } })
})

test.each(['DIGEST_INVALID', 'MANIFEST_BLOB_UNKNOWN'])(
  'a manifest refused with %s, as a busy registry does, is sent again',
  async (code) => {
    const double = await createStocked()
    const answer = refuse(400, {}, { errors: [{ code }] })
    double.switches.faults.push({ on: /^PUT .*manifests/, times: 2, answer })

    expect(
      (await openRegistry(double.host).attach(createArtifact(image.descriptor))).listedBy,
    ).toBe('api')
    expect(double.seen(/^PUT .*manifests/)).toHaveLength(3)
  },
)
