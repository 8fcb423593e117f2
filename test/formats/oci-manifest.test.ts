import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { CountersignError } from '../../src/errors.ts'
import { parseJson } from '../../src/formats/json.ts'
import { parseDescriptor, serializeDescriptor } from '../../src/formats/oci-descriptor.ts'
import {
  describeManifest,
  indexEntries,
  OCI_INDEX,
  OCI_MANIFEST,
  parseImageIndex,
  parseImageManifest,
  serializeIndex,
} from '../../src/formats/oci-manifest.ts'
import {
  bundleAnnotations,
  createReferrerManifest,
  EMPTY_CONFIG_DESCRIPTOR,
} from '../../src/formats/oci-referrer.ts'

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const subject = { mediaType: OCI_MANIFEST, digest: `sha256:${'1'.repeat(64)}`, size: 401 }
const layer = { mediaType: BUNDLE, digest: `sha256:${'2'.repeat(64)}`, size: 635 }
const annotations = bundleAnnotations({
  content: 'dsse-envelope',
  predicateType: 'https://sigstore.dev/cosign/sign/v1',
  created: new Date('2026-11-22T00:00:00.789Z'),
})

test('createReferrerManifest writes byte for byte what cosign 3 reads', () => {
  const bytes = createReferrerManifest({ subject, artifactType: BUNDLE, layer, annotations })

  expect(Buffer.from(bytes).toString()).toBe(
    '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",' +
      '"config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,' +
      '"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},' +
      `"layers":[{"mediaType":"${BUNDLE}","size":635,"digest":"sha256:${'2'.repeat(64)}"}],` +
      '"annotations":{"dev.sigstore.bundle.content":"dsse-envelope",' +
      '"dev.sigstore.bundle.predicateType":"https://sigstore.dev/cosign/sign/v1",' +
      '"org.opencontainers.image.created":"2026-11-22T00:00:00Z"},' +
      '"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":401,' +
      `"digest":"sha256:${'1'.repeat(64)}"},"artifactType":"${BUNDLE}"}`,
  )
})

test('a referrer states only type, digest and size of its subject', () => {
  const noisy = { ...subject, annotations: { a: 'b' }, platform: { os: 'o', architecture: 'a' } }
  const write = (of: typeof subject): Uint8Array =>
    createReferrerManifest({ subject: of, artifactType: BUNDLE, layer, annotations })

  expect(write(noisy)).toStrictEqual(write(subject))
})

test('bundleAnnotations names no predicate for a message signature', () => {
  const created = new Date('2026-11-22T00:00:00Z')
  expect(bundleAnnotations({ content: 'message-signature', created })).toStrictEqual({
    'dev.sigstore.bundle.content': 'message-signature',
    'org.opencontainers.image.created': '2026-11-22T00:00:00Z',
  })
})

test('describeManifest lists a manifest with its annotations and artifact type', () => {
  const bytes = createReferrerManifest({ subject, artifactType: BUNDLE, layer, annotations })

  expect(describeManifest(bytes, OCI_MANIFEST)).toStrictEqual({
    mediaType: OCI_MANIFEST,
    size: bytes.length,
    digest: digestOf(bytes),
    artifactType: BUNDLE,
    annotations,
  })
})

const manifest = { schemaVersion: 2, config: EMPTY_CONFIG_DESCRIPTOR, layers: [layer] }
const bytesOf = (json: unknown): Uint8Array => Buffer.from(JSON.stringify(json))

test('describeManifest takes the type of the configuration where a manifest has no type', () => {
  expect(describeManifest(bytesOf(manifest), OCI_MANIFEST)).toMatchObject({
    artifactType: 'application/vnd.oci.empty.v1+json',
    annotations: undefined,
  })
})

test('describeManifest lists an index that is a referrer', () => {
  const index = { schemaVersion: 2, artifactType: 'a/b', subject, manifests: [] }
  expect(describeManifest(bytesOf(index), OCI_INDEX)).toMatchObject({ artifactType: 'a/b' })
})

test.each([
  ['a manifest that is also an index', { ...manifest, manifests: [] }],
  ['a manifest of the type of an index', { ...manifest, mediaType: OCI_INDEX }],
  ['a manifest without layers', { ...manifest, layers: [] }],
  ['a manifest of schema 1', { ...manifest, schemaVersion: 1 }],
  ['a manifest whose subject is a text', { ...manifest, subject: 'nope' }],
  ['annotations that are not texts', { ...manifest, annotations: { a: 1 } }],
  ['a negative size', { ...manifest, layers: [{ ...layer, size: -1 }] }],
  ['a fraction of a byte', { ...manifest, layers: [{ ...layer, size: 0.5 }] }],
  ['content that is not base64', { ...manifest, layers: [{ ...layer, data: '%' }] }],
  ['an address that is not a text', { ...manifest, layers: [{ ...layer, urls: [1] }] }],
  ['a digest without end', { ...manifest, layers: [{ ...layer, digest: `a:${'b'.repeat(512)}` }] }],
])('parseImageManifest refuses %s', (_what, json) => {
  expect(() => parseImageManifest(bytesOf(json))).toThrow(
    expect.objectContaining({ code: 'ERR_MANIFEST_INVALID' }),
  )
})

test.each([
  ['an index that is also a manifest', { layers: [] }],
  ['an index with a configuration', { config: EMPTY_CONFIG_DESCRIPTOR }],
  ['an index of the type of a manifest', { mediaType: OCI_MANIFEST }],
])('parseImageIndex refuses %s', (_what, more) => {
  expect(() => parseImageIndex(bytesOf({ schemaVersion: 2, manifests: [], ...more }))).toThrow(
    expect.objectContaining({ code: 'ERR_MANIFEST_INVALID' }),
  )
})

test('an index whose list is null, as Go writes an empty one, is empty', () => {
  const index = parseImageIndex(bytesOf({ schemaVersion: 2, manifests: null }))

  expect(index.manifests).toEqual([])
  expect(indexEntries(index)).toEqual([])
})

test('an index without a list is refused', () => {
  expect(() => parseImageIndex(bytesOf({ schemaVersion: 2 }))).toThrow(
    expect.objectContaining({ code: 'ERR_MANIFEST_INVALID' }),
  )
})

test('a changed index keeps the members this project does not know', () => {
  const entry = { mediaType: 'a/b', digest: 'sha256:00', size: 1, 'x-unknown': { deep: [1] } }
  const index = parseImageIndex(bytesOf({ schemaVersion: 2, manifests: [entry], 'x-other': true }))

  const added = serializeDescriptor(layer)
  const written = serializeIndex([...indexEntries(index), added], index.json)

  expect(parseJson(written)).toEqual({
    schemaVersion: 2,
    manifests: [entry, added],
    'x-other': true,
  })
})

const texts = fc.string({ maxLength: 12 })
const descriptors = fc.record({
  mediaType: fc.constantFrom('a/b', BUNDLE),
  digest: fc.constantFrom(`sha256:${'3'.repeat(64)}`, 'sha256+b64:abc='),
  size: fc.maxSafeNat(),
  artifactType: fc.option(fc.constant('x/y'), { nil: undefined }),
  annotations: fc.option(fc.dictionary(texts, texts), { nil: undefined }),
  platform: fc.option(fc.record({ os: texts, architecture: texts, variant: texts }), {
    nil: undefined,
  }),
})

test('parseDescriptor reads back what serializeDescriptor writes', () => {
  fc.assert(
    fc.property(descriptors, (descriptor) => {
      const text = JSON.stringify(serializeDescriptor(descriptor))
      expect(parseDescriptor(parseJson(text))).toEqual(descriptor)
    }),
  )
})

test('the parsers of documents never throw anything but a CountersignError', () => {
  const documents = fc.oneof(
    fc.jsonValue().map((json) => JSON.stringify(json)),
    fc
      .tuple(fc.constantFrom('config', 'layers', 'manifests', 'annotations'), fc.jsonValue())
      .map(([name, json]) => JSON.stringify({ ...manifest, [name]: json })),
  )
  fc.assert(
    fc.property(documents, fc.constantFrom(parseImageManifest, parseImageIndex), (text, parse) => {
      try {
        parse(Buffer.from(text))
      } catch (error) {
        expect(CountersignError.is(error)).toBe(true)
      }
    }),
    { numRuns: 1000 },
  )
})
