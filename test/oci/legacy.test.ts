import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { OCI_INDEX, parseImageManifest, serializeIndex } from '../../src/formats/oci-manifest.ts'
import {
  addLegacyAttestation,
  addLegacySignature,
  readLegacySignatures,
} from '../../src/oci/legacy.ts'
import { createImage } from '../support/oci-content.ts'
import { refuse } from '../support/registry/faults.ts'
import { createRegistryDouble } from '../support/registry/registry-double.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { openRegistry } from './open-registry.ts'

const subject = createImage().descriptor.digest
const payload = Buffer.from('{"critical":{}}')
const runtime = createTestRuntime()

const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString()

test('a signature is laid out byte for byte as cosign 2 lays it out', async () => {
  const double = await createRegistryDouble()
  const store = openRegistry(double.host)

  await addLegacySignature(store, { subject, payload, signature: Buffer.from('sig') }, runtime)

  const { bytes, mediaType } = (await store.readTag(`${subject.replace(':', '-')}.sig`)) ?? {}
  const digest = digestOf(payload)
  const config =
    '{"architecture":"","created":"0001-01-01T00:00:00Z",' +
    '"history":[{"created":"0001-01-01T00:00:00Z"}],"os":"",' +
    `"rootfs":{"type":"layers","diff_ids":["${digest}"]},"config":{}}`
  expect(config).toHaveLength(233)
  expect(mediaType).toBe('application/vnd.oci.image.manifest.v1+json')
  expect(text(bytes)).toBe(
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
      '"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":233,' +
      `"digest":"${digestOf(Buffer.from(config))}"},` +
      '"layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json",' +
      `"size":15,"digest":"${digest}",` +
      '"annotations":{"dev.cosignproject.cosign/signature":"c2ln"}}]}',
  )
  expect(text(double.repository('app').blobs.get(digestOf(Buffer.from(config))))).toBe(config)
})

test('an attestation is a layer with an empty signature and its predicate type', async () => {
  const double = await createRegistryDouble()
  const store = openRegistry(double.host)
  const attestation = { subject, envelope: Buffer.from('{}'), predicateType: 'https://p/1' }

  await addLegacyAttestation(store, attestation, runtime)

  const { bytes } = (await store.readTag(`${subject.replace(':', '-')}.att`)) ?? {}
  const [layer] = parseImageManifest(bytes ?? new Uint8Array()).layers
  expect(layer).toMatchObject({
    mediaType: 'application/vnd.dsse.envelope.v1+json',
    annotations: { 'dev.cosignproject.cosign/signature': '', predicateType: 'https://p/1' },
  })
})

test('signatures are added in order, each once, and layers of others are kept as they are', async () => {
  const double = await createRegistryDouble()
  const store = openRegistry(double.host)
  const tag = `${subject.replace(':', '-')}.sig`
  const add = (signature: string): Promise<void> =>
    addLegacySignature(store, { subject, payload, signature: Buffer.from(signature) }, runtime)
  await add('one')
  const before = await store.readTag(tag)
  const layer = {
    mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json',
    digest: digestOf(payload),
    size: payload.length,
    urls: ['https://example.com'],
    annotations: { 'dev.cosignproject.cosign/signature': '%', 'dev.sigstore.cosign/bundle': '{}' },
  }
  const document: unknown = JSON.parse(text(before?.bytes))
  const bytes = Buffer.from(JSON.stringify({ ...Object(document), layers: [layer] }))
  await store.writeTag(tag, { mediaType: before?.mediaType ?? '', bytes }, { expected: before })

  await add('two')
  await add('two')

  const after = await store.readTag(tag)
  expect(JSON.parse(text(after?.bytes))).toMatchObject({ layers: [layer, { size: 15 }] })
  const read = await readLegacySignatures(store, { subject })
  // What is not base64 reads as a signature that no key verifies.
  expect(read.map(({ signature }) => text(signature))).toEqual(['', 'two'])
  // One payload for all, read once.
  const blobReads = double.seen(new RegExp(`^GET .*blobs/${digestOf(payload)}`))
  expect(blobReads).toHaveLength(1)
})

test('a tag that never keeps a signature is a conflict', async () => {
  const double = await createRegistryDouble()
  double.switches.faults.push({ on: /^GET .*\.sig/, answer: refuse(404) })
  const added = { subject, payload, signature: Buffer.from('sig') }

  await expect(
    addLegacySignature(openRegistry(double.host), added, createTestRuntime()),
  ).rejects.toMatchObject({ code: 'ERR_REFERRERS_CONFLICT', details: { tries: 30 } })
})

test('an index at the tag of signatures is left alone', async () => {
  const double = await createRegistryDouble()
  const store = openRegistry(double.host)
  const tag = `${subject.replace(':', '-')}.sig`
  const index = { bytes: serializeIndex([]), mediaType: OCI_INDEX }
  await store.writeTag(tag, index, { expected: undefined })
  const added = { subject, payload, signature: Buffer.from('sig') }

  await expect(addLegacySignature(store, added, runtime)).rejects.toMatchObject({
    code: 'ERR_MANIFEST_INVALID',
    message: expect.stringContaining('not signatures') as string,
  })
  expect(double.repository('app').tagNow(tag)).toBe(digestOf(index.bytes))
})

test('a subject with a SHA-512 digest has no place in the older layout', async () => {
  const double = await createRegistryDouble()
  const long = { subject: `sha512:${'a'.repeat(128)}` as const }

  await expect(readLegacySignatures(openRegistry(double.host), long)).rejects.toMatchObject({
    code: 'ERR_OPERATION_UNSUPPORTED',
  })
})
