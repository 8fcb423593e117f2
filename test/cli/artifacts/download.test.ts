import { mkdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { splitBundles } from '../../../src/formats/bundle.ts'
import { openRegistry, pushImage } from '../../oci/open-registry.ts'
import { documentOf } from '../../support/cli.ts'
import { createImageScene, DIGEST, image, type ImageScene } from '../../support/image-scene.ts'
import { createArtifact, createImage, createIndex } from '../../support/oci-content.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

/** A registry with an image that is signed and attested. */
async function createSignedScene(): Promise<ImageScene> {
  const scene = await createImageScene()
  const { folder, app } = scene
  await folder.run(`sign ${app}:v1 --key @release.pem`)
  await folder.run(`attest ${app}:v1 --key @release.pem --type cyclonedx --predicate @sbom.json`)
  return scene
}

test('only bundles go to stdout, one per line', async () => {
  const { folder, app } = await createSignedScene()

  const { stdout, exitCode } = await folder.run(`download ${app}:v1`)

  expect(exitCode).toBe(0)
  expect(splitBundles(Buffer.from(stdout))).toHaveLength(2)
})

test('downloaded bundles verify without the registry', async () => {
  const { folder, app } = await createSignedScene()

  const saved = await folder.run(`download ${app}:v1 -o @kit.jsonl`)

  expect(saved).toEqual({ exitCode: 0, stdout: '@kit.jsonl\n', stderr: '2 in @kit.jsonl\n' })
  const verify = `verify ${app}@${DIGEST} --key @release.pub --bundle @kit.jsonl --offline`
  expect((await folder.run(verify)).exitCode).toBe(0)
  expect((await folder.run(`${verify} --type cyclonedx`)).exitCode).toBe(0)
})

test('--type keeps to what the bundles say they are', async () => {
  const { folder, app } = await createSignedScene()

  const { stdout } = await folder.run(`download ${app}:v1 --type cyclonedx`)
  const none = await folder.run(`download ${app}:v1 --type vuln`)

  expect(splitBundles(Buffer.from(stdout))).toHaveLength(1)
  expect(none).toMatchObject({ exitCode: 5, stdout: '' })
  expect(none.stderr).toContain(`hint:  see what it has: countersign discover ${app}:v1`)
})

test('a folder gets a file for each image, which verify finds there', async () => {
  const { folder, double, app } = await createSignedScene()
  const other = createImage('other')
  await pushImage(double.host, other)
  await pushImage(double.host, createIndex(image, other), { tag: 'multi' })
  await folder.run(`sign -r ${app}:multi --key @release.pem`)
  mkdirSync(folder.path('kit'))

  const saved = await folder.run(`download -r ${app}:multi -o @kit/`)

  expect(saved.stdout.split('\n').filter((line) => line !== '')).toHaveLength(3)
  const verified = await folder.run(`verify ${app}@${DIGEST} --key @release.pub --bundle @kit/`)
  expect(verified.exitCode).toBe(0)
})

test('a file that is there is replaced only when that was said', async () => {
  const { folder, app } = await createSignedScene()
  folder.write('kit.jsonl', 'mine')

  const refused = await folder.run(`download ${app}:v1 -o @kit.jsonl`)

  expect(refused.exitCode).toBe(2)
  expect(readFileSync(folder.path('kit.jsonl'), 'utf8')).toBe('mine')
  expect((await folder.run(`download ${app}:v1 -o @kit.jsonl --overwrite`)).exitCode).toBe(0)
})

/** Attaches something of others that cannot be read as a bundle. */
async function attachBroken({ double }: ImageScene): Promise<void> {
  const broken = createArtifact(image.descriptor)
  await openRegistry(double.host).attach({ ...broken, content: Buffer.from('no JSON') })
}

test('unreadable entries are left out of a download, with a note', async () => {
  const scene = await createSignedScene()
  const { folder, app } = scene
  await attachBroken(scene)

  const result = await folder.run(`download ${app}:v1`)
  const verbose = await folder.run(`download ${app}:v1 -v`)

  expect(result).toMatchObject({
    exitCode: 0,
    stderr: 'left out what cannot be read: 1; -v shows it\n',
  })
  expect(splitBundles(Buffer.from(result.stdout))).toHaveLength(2)
  expect(verbose.stderr).toMatch(/skipped \S+@sha256:\S+: malformed JSON/)
})

test('a download of unreadable entries only fails', async () => {
  const scene = await createImageScene()
  await attachBroken(scene)

  const result = await scene.folder.run(`download ${scene.app}:v1`)

  expect(result).toMatchObject({ exitCode: 3, stdout: '' })
})

test('--json holds the bundles, or the files they are in', async () => {
  const { folder, app } = await createSignedScene()

  const inside = await folder.run(`download ${app}:v1 --json`)
  const outside = await folder.run(`download ${app}:v1 -o @kit.jsonl --json`)

  const bundle = { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }
  expect(documentOf(inside)).toMatchObject({ isVerified: false, bundles: [bundle, bundle] })
  expect(documentOf(outside)).toMatchObject({ files: [{ path: '@kit.jsonl', count: 2 }] })
})

test('the bundles of a file are downloaded too; one that has none is exit 5', async () => {
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('app.txt', 'hello\n')

  const none = await folder.run('download @app.txt')
  await folder.run('sign @app.txt --key @release.pem')
  const one = await folder.run('download @app.txt')

  expect(none.exitCode).toBe(5)
  expect(splitBundles(Buffer.from(one.stdout))).toHaveLength(1)
})
