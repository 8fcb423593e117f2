import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Digest, digestHex, digestOf } from '../../src/crypto/digest.ts'
import { serializeDescriptor } from '../../src/formats/oci-descriptor.ts'
import { OCI_INDEX, serializeIndex } from '../../src/formats/oci-manifest.ts'
import type { OciStore } from '../../src/oci/artifact-store.ts'
import { readAttachment } from '../../src/oci/attachment.ts'
import { listImages } from '../../src/oci/index-walk.ts'
import { openImageLayout } from '../../src/oci/layout.ts'
import {
  addLegacyAttestation,
  addLegacySignature,
  readLegacyAttestations,
  readLegacySignatures,
} from '../../src/oci/legacy.ts'
import { createLayout } from '../support/image-layout.ts'
import { BUNDLE, createArtifact, createImage, createIndex } from '../support/oci-content.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { createTestRuntime } from '../support/test-runtime.ts'

const image = createImage()
const other = createImage('other')
const subject = image.descriptor.digest

const open = (folder: string): Promise<OciStore> => openImageLayout(folder, createTestRuntime())
const digests = (of: readonly { digest: string }[]): string[] => of.map(({ digest }) => digest)
const blobPath = (folder: string, digest: Digest): string =>
  join(folder, 'blobs/sha256', digestHex(digest))

const REF_NAME = 'org.opencontainers.image.ref.name'

test('an image is found by its tag, by its digest, and alone without either', async () => {
  const store = await open(createLayout({ image, tag: 'v1' }))

  for (const target of [{ tag: 'v1' }, { digest: subject }, {}]) {
    expect(await store.resolve(target)).toEqual(image.descriptor)
  }
})

test('an image inside an index is found by its digest', async () => {
  const store = await open(createLayout({ image, hidden: true }, { image: createIndex(image) }))

  expect(await store.resolve({ digest: subject })).toEqual(image.descriptor)
})

test.each([
  ['an unknown tag', { tag: 'v2' }, 'ERR_ARTIFACT_NOT_FOUND'],
  ['an unknown digest', { digest: digestOf(Buffer.from('x')) }, 'ERR_ARTIFACT_NOT_FOUND'],
  ['a tag of two images', { tag: 'v1' }, 'ERR_REFERENCE_INVALID'],
  ['no choice among two images', {}, 'ERR_REFERENCE_INVALID'],
])('%s is an error', async (_what, target, code) => {
  const folder = createLayout({ image, tag: 'v1' }, { image: other, tag: 'v1' })

  await expect((await open(folder)).resolve(target)).rejects.toMatchObject({ code })
})

test('an empty layout holds no image', async () => {
  await expect((await open(createLayout())).resolve({})).rejects.toMatchObject({
    code: 'ERR_ARTIFACT_NOT_FOUND',
  })
})

test('an attached artifact is listed and read back whole by a reopened layout', async () => {
  const folder = createLayout({ image, tag: 'v1' }, { image: other, tag: 'v2' })
  const artifact = createArtifact(image.descriptor)

  const attached = await (await open(folder)).attach(artifact)

  const store = await open(folder)
  const [referrer, ...more] = await store.referrers(subject)
  expect(attached.listedBy).toBe('layout')
  expect(more).toEqual([])
  expect(referrer).toMatchObject({
    digest: attached.digest,
    artifactType: BUNDLE,
    annotations: artifact.annotations,
  })
  expect(await store.referrers(other.descriptor.digest)).toEqual([])
  if (referrer === undefined) return
  expect((await readAttachment(store, { subject, referrer })).content).toEqual(artifact.content)
})

test('an attached artifact does not count as an image of the layout', async () => {
  const folder = createLayout({ image })
  const store = await open(folder)
  await store.attach(createArtifact(image.descriptor))
  const added = { subject, payload: Buffer.from('{}'), signature: Buffer.from('s') }
  await addLegacySignature(store, added, createTestRuntime())

  expect(await store.resolve({})).toEqual(image.descriptor)
})

test('referrers are filtered by type, and attached once', async () => {
  const store = await open(createLayout({ image }))
  await store.attach(createArtifact(image.descriptor))
  await store.attach(createArtifact(image.descriptor))
  const { digest } = await store.attach({
    ...createArtifact(image.descriptor),
    artifactType: 'x/y',
  })

  expect(await store.referrers(subject)).toHaveLength(2)
  expect(digests(await store.referrers(subject, { artifactType: 'x/y' }))).toEqual([digest])
})

test('a list that other tools keep at the fallback tag counts', async () => {
  const listed = other.descriptor
  const bytes = serializeIndex([serializeDescriptor(listed)])
  const index = {
    descriptor: { mediaType: OCI_INDEX, digest: digestOf(bytes), size: bytes.length },
    bytes,
    blobs: [],
  }
  const store = await open(
    createLayout({ image }, { image: index, tag: subject.replace(':', '-') }),
  )

  expect(digests(await store.referrers(subject))).toEqual([listed.digest])
  expect(await store.resolve({})).toEqual(image.descriptor)
})

test('index.json keeps what it held, members this project does not know included', async () => {
  const folder = createLayout({ image, tag: 'v1' })
  const path = join(folder, 'index.json')
  const before = JSON.parse(readFileSync(path, 'utf8')) as { manifests: object[] }
  writeFileSync(
    path,
    JSON.stringify({
      ...before,
      'x-other': [1],
      manifests: [{ ...before.manifests[0], 'x-mine': 1 }],
    }),
  )

  await (await open(folder)).attach(createArtifact(image.descriptor))

  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    'x-other': [1],
    manifests: [{ 'x-mine': 1, digest: subject }, { artifactType: BUNDLE }],
  })
})

test('ten concurrent attachments lose nothing and leave no lock', async () => {
  const folder = createLayout({ image })
  const runtime = createTestRuntime({
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  })

  const attached = await Promise.all(
    Array.from({ length: 10 }, async (_, n) =>
      (await openImageLayout(folder, runtime)).attach(createArtifact(image.descriptor, `b${n}`)),
    ),
  )

  const listed = await (await open(folder)).referrers(subject)
  expect(digests(listed).toSorted()).toEqual(digests(attached).toSorted())
  expect(readdirSync(folder).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout'])
})

test('a lock that stays is an error that names it, and changes nothing', async () => {
  const folder = createLayout({ image })
  writeFileSync(join(folder, 'index.json.lock'), '')
  const before = readFileSync(join(folder, 'index.json'), 'utf8')

  await expect((await open(folder)).attach(createArtifact(image.descriptor))).rejects.toMatchObject(
    {
      code: 'ERR_FILE_WRITE',
      hint: expect.stringContaining('index.json.lock') as string,
    },
  )
  expect(readFileSync(join(folder, 'index.json'), 'utf8')).toBe(before)
})

test('a layout that cannot be written is an error, and stays as it was', async () => {
  const folder = createLayout({ image })
  const before = readFileSync(join(folder, 'index.json'), 'utf8')
  const store = await open(folder)
  renameSync(join(folder, 'blobs'), join(folder, 'away'))
  writeFileSync(join(folder, 'blobs'), '')

  await expect(store.attach(createArtifact(image.descriptor))).rejects.toMatchObject({
    code: 'ERR_FILE_WRITE',
  })
  expect(readFileSync(join(folder, 'index.json'), 'utf8')).toBe(before)
})

test('signatures and attestations of the older layout are read back', async () => {
  const store = await open(createLayout({ image }))
  const runtime = createTestRuntime()
  const payload = Buffer.from('{}')
  for (const name of ['one', 'two']) {
    await addLegacySignature(store, { subject, payload, signature: Buffer.from(name) }, runtime)
  }
  const attestation = { envelope: payload, predicateType: 'https://p/1' }
  await addLegacyAttestation(store, { subject, ...attestation }, runtime)

  const read = await readLegacySignatures(store, { subject })
  expect(read.map(({ signature }) => Buffer.from(signature).toString())).toEqual(['one', 'two'])
  expect(await readLegacyAttestations(store, { subject })).toEqual([attestation])
  // The store's word is enough: nothing is waited for.
  expect(runtime.pauses).toEqual([])
})

test('a tag moves only from the state that was read', async () => {
  const store = await open(createLayout({ image, tag: 'v1' }))
  const before = await store.readTag('v1')
  const next = { mediaType: other.descriptor.mediaType, bytes: other.bytes }

  expect(await store.writeTag('v1', next, { expected: undefined })).toBe('beaten')
  expect(await store.writeTag('v1', next, { expected: before })).toBe('moved')
  expect(await store.writeTag('v1', next, { expected: before })).toBe('beaten')
  expect(await store.resolve({ tag: 'v1' })).toEqual(other.descriptor)
})

test('content that does not match its digest is refused', async () => {
  const folder = createLayout({ image })
  const store = await open(folder)
  const [config = new Uint8Array()] = image.blobs
  const digest = digestOf(config)
  writeFileSync(blobPath(folder, digest), 'other')
  writeFileSync(blobPath(folder, subject), image.bytes.subarray(1))
  const mismatch = { code: 'ERR_DIGEST_MISMATCH' }

  await expect(store.readBlob({ mediaType: 'a/b', digest, size: 5 })).rejects.toMatchObject(
    mismatch,
  )
  await expect(store.readManifest(subject)).rejects.toMatchObject(mismatch)
  await expect(store.resolve({})).rejects.toMatchObject(mismatch)
  await expect(store.referrers(subject)).rejects.toMatchObject(mismatch)
})

test('a blob of another size than its descriptor says is refused', async () => {
  const store = await open(createLayout({ image }))
  const [config = new Uint8Array()] = image.blobs
  const blob = { mediaType: 'a/b', digest: digestOf(config), size: config.length + 1 }

  await expect(store.readBlob(blob)).rejects.toMatchObject({ code: 'ERR_DIGEST_MISMATCH' })
})

test('a missing manifest listed in index.json is skipped', async () => {
  const folder = createLayout({ image }, { image: other })
  rmSync(blobPath(folder, other.descriptor.digest))

  expect(await (await open(folder)).resolve({})).toEqual(image.descriptor)
})

test('an index in a layout leads to all images inside it', async () => {
  const index = createIndex(image, other)
  const store = await open(
    createLayout({ image, hidden: true }, { image: other, hidden: true }, { image: index }),
  )

  const images = await listImages(store, await store.resolve({}))

  expect(digests(images)).toEqual(digests([index, image, other].map((one) => one.descriptor)))
})

test('a folder without a layout is not found', async () => {
  await expect(open(createTempFolder())).rejects.toMatchObject({ code: 'ERR_ARTIFACT_NOT_FOUND' })
  await expect(open('/no/such/folder')).rejects.toMatchObject({ code: 'ERR_ARTIFACT_NOT_FOUND' })
})

test.each([
  ['of another version', '{"imageLayoutVersion":"2.0.0"}', 'ERR_MANIFEST_INVALID'],
  ['without a version', '{}', 'ERR_MANIFEST_INVALID'],
  ['that is not JSON', 'x', 'ERR_JSON_INVALID'],
  ['that is too long', ' '.repeat(5000), 'ERR_INPUT_TOO_LARGE'],
])('a layout %s is refused', async (_what, marker, code) => {
  const folder = createLayout({ image })
  writeFileSync(join(folder, 'oci-layout'), marker)

  await expect(open(folder)).rejects.toMatchObject({ code })
})

test('an index.json that is not a file is an error', async () => {
  const folder = createLayout({ image })
  rmSync(join(folder, 'index.json'))
  mkdirSync(join(folder, 'index.json'))

  await expect((await open(folder)).resolve({})).rejects.toMatchObject({ code: 'ERR_FILE_READ' })
})

test.each([
  ['podman and skopeo', { [REF_NAME]: 'docker.io/acme/app:v1' }],
  [
    'buildx',
    {
      'io.containerd.image.name': 'docker.io/acme/app:v1',
      'org.opencontainers.image.ref.name': 'v1',
    },
  ],
])('a tag finds the image in a layout of %s, by its whole name', async (_what, annotations) => {
  const folder = createLayout({ image: other, tag: 'v2' }, { image, hidden: true })
  const { manifests } = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
    manifests: object[]
  }
  const named = { ...image.descriptor, annotations }
  const index = { schemaVersion: 2, manifests: [named, ...manifests] }
  writeFileSync(join(folder, 'index.json'), JSON.stringify(index))
  const store = await open(folder)

  expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
  expect(await store.resolve({ tag: 'docker.io/acme/app:v1' })).toEqual(image.descriptor)
  expect(await store.resolve({ tag: 'index.docker.io/acme/app:v1' })).toEqual(image.descriptor)
  await expect(store.resolve({ tag: 'ghcr.io/acme/app:v1' })).rejects.toMatchObject({
    code: 'ERR_ARTIFACT_NOT_FOUND',
  })
  await expect(store.resolve({ tag: '1' })).rejects.toMatchObject({
    code: 'ERR_ARTIFACT_NOT_FOUND',
  })
})

test('images of one tag are distinguished by their full names', async () => {
  const folder = createLayout({ image, hidden: true }, { image: other, hidden: true })
  const manifests = [
    { ...image.descriptor, annotations: { [REF_NAME]: 'ghcr.io/acme/app:v1' } },
    { ...other.descriptor, annotations: { [REF_NAME]: 'ghcr.io/acme/other:v1' } },
  ]
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
  const store = await open(folder)

  expect(await store.resolve({ tag: 'ghcr.io/acme/other:v1' })).toEqual(other.descriptor)
  await expect(store.resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_REFERENCE_INVALID',
    hint: expect.stringContaining('whole name') as string,
  })
})

test('an archive of a layout is reported with the command that unpacks it', async () => {
  const path = join(createTempFolder(), 'image.tar')
  writeFileSync(path, 'ustar')

  await expect(open(path)).rejects.toMatchObject({
    code: 'ERR_ARTIFACT_NOT_FOUND',
    message: `"${path}" is not a folder`,
    hint: expect.stringContaining(`tar -xf ${path} -C ${path}.d`) as string,
  })
})
