/** A registry, or an image layout, that lies to the command line. */
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../src/formats/oci-manifest.ts'
import { createReferrerManifest } from '../../src/formats/oci-referrer.ts'
import type { ResultDocument } from '../../src/verification/result.ts'
import { pushImage } from '../oci/open-registry.ts'
import { documentOf } from '../support/cli.ts'
import { createImageScene, DIGEST, type ImageScene, image } from '../support/image-scene.ts'
import { createLayout } from '../support/image-layout.ts'
import { BUNDLE, createArtifact, createIndex, type Image } from '../support/oci-content.ts'
import { createSigningFolder } from '../support/signing-folder.ts'

/** A document as an image of whatever type. */
function createDocument(document: object, mediaType: string): Image {
  const bytes = Buffer.from(JSON.stringify(document))
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    bytes,
    blobs: [],
  }
}

/** Has the registry answer with another media type than that of the document. */
function lie({ double }: ImageScene, { descriptor }: Image, mediaType: string): void {
  const content = double.repository('app').manifests
  const manifest = content.get(descriptor.digest)
  if (manifest === undefined) throw new Error('nothing to lie about')
  content.set(descriptor.digest, { ...manifest, mediaType })
}

async function pushSigned(index: Image): Promise<{ scene: ImageScene; name: string }> {
  const scene = await createImageScene()
  await pushImage(scene.double.host, index)
  const name = `${scene.app}@${index.descriptor.digest}`
  await scene.folder.run(`sign ${name} --key @release.pem`, { fetch })
  return { scene, name }
}

test('an index that its registry declares as an image is verified with all its content', async () => {
  const index = createIndex(image)
  const { scene, name } = await pushSigned(index)
  lie(scene, index, OCI_MANIFEST)

  const result = await scene.folder.run(`verify ${name} --recursive --key @release.pub --json`, {
    fetch,
  })

  const { artifacts } = documentOf<ResultDocument>(result)
  expect(artifacts.map(({ ok, error }) => error?.code ?? ok)).toEqual([
    true,
    'ERR_SIGNATURE_NOT_FOUND',
  ])
  expect(result.exitCode).toBe(5)
})

test('an index declared as an image by another index is refused, in a registry and in a layout', async () => {
  const inner = createIndex(image)
  const listed = { ...inner.descriptor, mediaType: OCI_MANIFEST }
  const outer = createDocument(
    { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [listed] },
    OCI_INDEX,
  )
  const { scene, name } = await pushSigned(outer)
  await pushImage(scene.double.host, inner)
  lie(scene, inner, OCI_MANIFEST)
  const folder = createSigningFolder()
  folder.key('release')
  const layout = createLayout(
    { image: outer },
    { image: inner, hidden: true },
    { image, hidden: true },
  )

  const inRegistry = await scene.folder.run(
    `verify ${name} --recursive --key @release.pub --json`,
    { fetch },
  )
  const inLayout = await folder.run(
    `sign oci-layout://${layout} --recursive --key @release.pem --json`,
  )

  for (const result of [inRegistry, inLayout]) {
    expect(documentOf(result)).toMatchObject({ ok: false })
    expect(result.stdout).toContain('ERR_MANIFEST_INVALID')
  }
})

const [config, layers] = [image.descriptor, [image.descriptor]]
const manifests = [image.descriptor]

test.each([
  ['has layers and manifests', { config, layers, manifests }],
  ['has layers and Manifests', { config, layers, Manifests: manifests }],
  ['has layers and manifeſts', { config, layers, ['manife\u017fts']: manifests }],
  ['is an image by its type and an index by its content', { mediaType: OCI_MANIFEST, manifests }],
  ['is an index by its type and an image by its content', { mediaType: OCI_INDEX, config, layers }],
  ['says its type in other letters', { MediaType: OCI_INDEX, config, layers }],
  ['is neither', { config }],
])('a document that %s is never walked as an image or index', async (_what, members) => {
  const document = createDocument({ schemaVersion: 2, ...members }, OCI_MANIFEST)
  const { scene, name } = await pushSigned(document)

  for (const claimed of [OCI_MANIFEST, OCI_INDEX]) {
    lie(scene, document, claimed)
    const result = await scene.folder.run(`verify ${name} --recursive --key @release.pub --json`, {
      fetch,
    })
    expect(result.exitCode).not.toBe(0)
    expect(result.stdout).toContain('ERR_MANIFEST_INVALID')
  }
})

test('any number of foreign bundles does not hide a signature', async () => {
  const { folder, double, app } = await createImageScene()
  const content = double.repository('app')
  const subject = image.descriptor
  for (let index = 0; index < 501; index += 1) {
    const { artifactType, annotations } = createArtifact(subject, `junk ${index}`)
    const layer = { ...subject, mediaType: BUNDLE }
    const bytes = Buffer.from(createReferrerManifest({ subject, artifactType, annotations, layer }))
    content.putManifest({ mediaType: OCI_MANIFEST, bytes }, { staleReads: 0 })
  }
  await folder.run(`sign ${app}@${DIGEST} --key @release.pem`, { fetch })

  for (const command of ['verify --key @release.pub', 'download', 'discover']) {
    const refused = await folder.run(`${command} ${app}@${DIGEST}`, { fetch })
    const [, option = ''] = /hint:? +to read them all, give (--\S+ \d+)/.exec(refused.stderr) ?? []
    expect(option).toBe('--max-attached 502')
    expect(refused.stderr).toContain('ERR_INPUT_TOO_LARGE')

    const result = await folder.run(`${command} ${app}@${DIGEST} ${option}`, { fetch })
    expect(result.stderr).not.toContain('ERR_INPUT_TOO_LARGE')
    if (command !== 'download') expect(result.exitCode).toBe(0)
  }
})
