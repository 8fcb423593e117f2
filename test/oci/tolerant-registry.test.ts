/** Registries that answer correctly what matters, and the rest in their own way. */
import { expect, test } from 'vitest'
import { serializeDescriptor } from '../../src/formats/oci-descriptor.ts'
import { OCI_INDEX, serializeIndex } from '../../src/formats/oci-manifest.ts'
import { createArtifact, createImage } from '../support/oci-content.ts'
import { refuse } from '../support/registry/faults.ts'
import { createRegistryDouble, type RegistryDouble } from '../support/registry/registry-double.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { openRegistry, pushImage } from './open-registry.ts'

const image = createImage()
const subject = image.descriptor.digest
const list = Buffer.from(serializeIndex([serializeDescriptor(image.descriptor)])).toString()

async function createStocked(): Promise<RegistryDouble> {
  const double = await createRegistryDouble()
  await pushImage(double.host, image, { tag: 'v1' })
  return double
}

test.each([400, 403, 404, 405, 501])(
  'a HEAD that is refused with %i is followed by GET',
  async (status) => {
    const double = await createStocked()
    double.switches.faults.push({ on: /^HEAD /, answer: refuse(status) })
    const store = openRegistry(double.host)

    expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
    await store.attach(createArtifact(image.descriptor))
    expect(await store.referrers(subject)).toHaveLength(1)
  },
)

test.each(['application/json', 'application/octet-stream', '', 'text/plain; charset=utf-8'])(
  'a manifest sent as %j is what it says it is',
  async (type) => {
    const double = await createStocked()
    const content = Buffer.from(image.bytes).toString()
    const headers = type === '' ? {} : { 'content-type': type }
    double.switches.faults.push({ on: /manifests/, answer: refuse(200, headers, content) })
    const store = openRegistry(double.host)

    expect(await store.resolve({ digest: subject })).toEqual(image.descriptor)
    expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
    expect(await store.readManifest(subject)).toMatchObject({
      mediaType: image.descriptor.mediaType,
    })
  },
)

test('a list of referrers sent as JSON is a list', async () => {
  const double = await createStocked()
  const headers = { 'content-type': 'application/json' }
  double.switches.faults.push({ on: /referrers/, answer: refuse(200, headers, list) })

  expect(await openRegistry(double.host).referrers(subject)).toHaveLength(1)
})

test.each([
  '/v2/app/next; rel=next',
  '<http://[>; rel=next',
  `</v2/app/referrers/${subject}>; rel=next`,
])('a list whose next page is %s is an error, not the end of the list', async (link) => {
  const double = await createStocked()
  const headers = { 'content-type': OCI_INDEX, link }
  double.switches.faults.push({ on: /referrers/, answer: refuse(200, headers, list) })

  await expect(openRegistry(double.host).referrers(subject)).rejects.toMatchObject({
    code: 'ERR_REGISTRY_PROTOCOL',
  })
})

test('a registry that asks to wait for hours is asked once, and the error says how long', async () => {
  const double = await createStocked()
  const answer = refuse(429, { 'retry-after': '21600' })
  double.switches.faults.push({ on: /manifests/, answer })
  double.requests.length = 0
  const runtime = createTestRuntime()

  await expect(openRegistry(double.host, { runtime }).resolve({ tag: 'v1' })).rejects.toMatchObject(
    {
      code: 'ERR_THROTTLED',
      retryable: true,
      message: expect.stringContaining('21600 s (6 h)') as string,
    },
  )
  expect(double.requests).toHaveLength(1)
})
