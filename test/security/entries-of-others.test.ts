/**
 * Attack: entries that others write into the lists of an image (referrers API, fallback tag, index.json,
 * cosign's tags) hide our signature, or stop signing.
 *
 * @packageDocumentation
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../src/formats/oci-manifest.ts'
import { EMPTY_CONFIG_DESCRIPTOR } from '../../src/formats/oci-referrer.ts'
import type { OciStore } from '../../src/oci/artifact-store.ts'
import { type FoundAttachments, readAttachments } from '../../src/oci/attachments.ts'
import { referrersTag } from '../../src/oci/fallback-tag.ts'
import { openImageLayout } from '../../src/oci/layout.ts'
import { addLegacySignature, readLegacySignatures } from '../../src/oci/legacy.ts'
import { openRegistry, pushImage } from '../oci/open-registry.ts'
import { createLayout } from '../support/image-layout.ts'
import { createImageScene, DIGEST } from '../support/image-scene.ts'
import { BUNDLE, createArtifact, createImage, createIndex } from '../support/oci-content.ts'
import { refuse } from '../support/registry/faults.ts'
import { createRegistryDouble, type RegistryDouble } from '../support/registry/registry-double.ts'
import type { Switches } from '../support/registry/switches.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const image = createImage()
const subject = image.descriptor.digest
const tag = referrersTag(subject)
const plain = {
  mediaType: OCI_MANIFEST,
  digest: digestOf(Buffer.from('of others')),
  size: 9,
  artifactType: 'application/vnd.example.sbom',
}

const STRANGE: readonly (readonly [string, unknown])[] = [
  ['that is null', null],
  ['that is a text', 'x'],
  ['without members', {}],
  ['without a digest', { ...plain, digest: undefined }],
  ['with a malformed digest', { ...plain, digest: 'SHA256:x' }],
  ['with an empty artifactType', { ...plain, artifactType: '' }],
  ['with one word as artifactType', { ...plain, artifactType: 'sbom' }],
  ['with a number as artifactType', { ...plain, artifactType: 1 }],
  ['with an empty platform', { ...plain, platform: {} }],
  ['with a platform of another type', { ...plain, platform: [] }],
  ['with annotations that are not texts', { ...plain, annotations: { a: 1, b: null } }],
  ['with a negative size', { ...plain, size: -1 }],
  ['with an empty mediaType', { ...plain, mediaType: '' }],
  ['with data that is not base64', { ...plain, data: '{}' }],
  ['that is an index', { ...plain, mediaType: OCI_INDEX }],
  ['that is not there', plain],
]

async function createStocked(switches: Partial<Switches> = {}): Promise<RegistryDouble> {
  const double = await createRegistryDouble(switches)
  await pushImage(double.host, image, { tag: 'v1' })
  return double
}

function find(store: OciStore, report?: (note: string) => void): Promise<FoundAttachments> {
  const { signal } = new AbortController()
  const request = { store, digest: subject, format: 'auto', predicateTypes: 'any' } as const
  return readAttachments({ ...request, report, signal })
}

const kindsOf = ({ attached }: FoundAttachments): string[] => attached.map(({ kind }) => kind)

function listOf(...manifests: unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }))
}

test.each(STRANGE)('an entry %s in the referrers API hides no bundle', async (_what, entry) => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  const { digest } = await store.attach(createArtifact(image.descriptor))
  const ours = { mediaType: OCI_MANIFEST, digest, size: 1, artifactType: BUNDLE }
  const body = listOf(entry, ours).toString()
  double.switches.faults.push({
    on: /referrers/,
    answer: refuse(200, { 'content-type': OCI_INDEX }, body),
  })

  expect(kindsOf(await find(store))).toEqual(['bundle'])
})

test.each(STRANGE)('an entry %s at the fallback tag stops no signing', async (_what, entry) => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host)
  const list = { mediaType: OCI_INDEX, bytes: listOf(entry) }
  await store.writeTag(tag, list, { expected: undefined })

  await store.attach(createArtifact(image.descriptor))

  expect(kindsOf(await find(store))).toEqual(['bundle'])
})

test.each(STRANGE)('an entry %s in index.json hides no bundle', async (_what, entry) => {
  const folder = createLayout({ image, tag: 'v1' })
  const path = join(folder, 'index.json')
  const { manifests } = JSON.parse(readFileSync(path, 'utf8')) as { manifests: unknown[] }
  writeFileSync(path, listOf(entry, ...manifests))
  const store = await openImageLayout(folder, createTestRuntime())

  await store.attach(createArtifact(image.descriptor))

  expect(kindsOf(await find(store))).toEqual(['bundle'])
  expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
})

test('skipped entries of a list are reported', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host)
  const list = { mediaType: OCI_INDEX, bytes: listOf({}, plain) }
  await store.writeTag(tag, list, { expected: undefined })
  const notes: string[] = []

  const found = await find(store, (note) => notes.push(note))

  expect(found).toMatchObject({ attached: [], unreadable: [] })
  expect(notes.filter((note) => note.startsWith('skipped'))).toEqual([
    expect.stringContaining('entries without a digest (1)'),
    expect.stringContaining(plain.digest),
  ])
})

test.each(['on', 'off'] as const)(
  'what is skipped of a list while signing is reported once, referrers API %s',
  async (referrersApi) => {
    const double = await createStocked({ referrersApi })
    const store = openRegistry(double.host)
    if (referrersApi === 'off') {
      const list = { mediaType: OCI_INDEX, bytes: listOf({}, plain) }
      await store.writeTag(tag, list, { expected: undefined })
    } else {
      double.switches.faults.push({
        on: /referrers/,
        times: 1,
        answer: refuse(200, { 'content-type': OCI_INDEX }, listOf({}, plain).toString()),
      })
    }
    const notes: string[] = []

    await store.attach({
      ...createArtifact(image.descriptor),
      report: (note) => notes.push(note),
    })

    const skipped = notes.filter((note) => note.startsWith('skipped'))
    expect(skipped).toEqual([expect.stringContaining('entries without a digest (1)')])
  },
)

test('-v shows what sign, attest, verify and download skip of a list', async () => {
  const scene = await createImageScene({ referrersApi: 'off' })
  const { folder, app, double } = scene
  const list = { mediaType: OCI_INDEX, bytes: listOf({}) }
  await openRegistry(double.host).writeTag(referrersTag(DIGEST), list, { expected: undefined })
  const commands = [
    `sign ${app}:v1 --key @release.pem`,
    `attest ${app}:v1 --key @release.pem --type cyclonedx --predicate @sbom.json`,
    `verify ${app}:v1 --key @release.pub`,
    `download ${app}:v1`,
  ]

  for (const command of commands) {
    const quiet = await folder.run(command)
    const verbose = await folder.run(`${command} -v`)
    expect(quiet.exitCode).toBe(0)
    expect(quiet.stderr).not.toContain('skipped')
    expect(verbose.stderr).toContain('entries without a digest (1)')
  }
})

test.each([
  ['as an empty configuration', EMPTY_CONFIG_DESCRIPTOR.mediaType],
  ['as an image', 'application/vnd.oci.image.config.v1+json'],
  ['as something else', 'application/vnd.example.sbom'],
  ['without a type', undefined],
])('a bundle that a list shows %s is found', async (_what, artifactType) => {
  const double = await createStocked({ referrersApi: 'off' })
  const store = openRegistry(double.host)
  const { digest } = await store.attach(createArtifact(image.descriptor))
  const entry = { mediaType: OCI_MANIFEST, digest, size: 1, artifactType }
  const current = await store.readTag(tag)
  await store.writeTag(tag, { mediaType: OCI_INDEX, bytes: listOf(entry) }, { expected: current })

  expect(kindsOf(await find(store))).toEqual(['bundle'])
})

test('a fallback tag that answers the subject itself is an empty list', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  await pushImage(double.host, image, { tag })
  const store = openRegistry(double.host)

  expect(await store.referrers(subject)).toEqual([])
  await store.attach(createArtifact(image.descriptor))
  expect(kindsOf(await find(store))).toEqual(['bundle'])
})

test('a fallback tag that answers a child of the subject is an empty list', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  const index = createIndex(image)
  await pushImage(double.host, index)
  await pushImage(double.host, image, { tag: referrersTag(index.descriptor.digest) })
  const store = openRegistry(double.host)

  expect(await store.referrers(index.descriptor.digest)).toEqual([])
})

test('a foreign bundle does not hide our older signature', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  const added = { subject, payload: Buffer.from('{}'), signature: Buffer.from('s') }
  await addLegacySignature(store, added, createTestRuntime())
  await store.attach(createArtifact(image.descriptor))

  const found = await find(store)

  expect(kindsOf(found)).toEqual(['bundle'])
  expect((await found.readOlder?.())?.attached).toMatchObject([{ kind: 'legacy-signature' }])
})

test('a foreign layer without content does not hide an older signature', async () => {
  const double = await createStocked()
  const store = openRegistry(double.host)
  for (const text of ['theirs', 'ours']) {
    const added = { subject, payload: Buffer.from(text), signature: Buffer.from('s') }
    await addLegacySignature(store, added, createTestRuntime())
  }
  double.repository('app').blobs.delete(digestOf(Buffer.from('theirs')))

  const signatures = await readLegacySignatures(store, { subject })

  expect(signatures.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['ours'])
})

test('a 403 for a missing tag does not stop signing', async () => {
  const double = await createStocked({ referrersApi: 'off' })
  double.switches.faults.push({ on: /^GET .*manifests\/sha256-/, times: 1, answer: refuse(403) })
  const store = openRegistry(double.host)

  await store.attach(createArtifact(image.descriptor))

  expect(await store.referrers(subject)).toHaveLength(1)
})
