import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ResultDocument } from '../../../src/verification/result.ts'
import { pushImage } from '../../oci/open-registry.ts'
import { documentOf } from '../../support/cli.ts'
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts'
import { createImageScene, DIGEST, image } from '../../support/image-scene.ts'
import { createImage, createIndex } from '../../support/oci-content.ts'
import { hangUp } from '../../support/registry/faults.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

const other = createImage('other')
const index = createIndex(image, other)

test('a tag is resolved once; the digest is reported, signed and printed on stdout', async () => {
  const { folder, app } = await createImageScene()

  const signed = await folder.run(`sign ${app}:v1 --key @release.pem`)

  expect(signed).toEqual({
    exitCode: 0,
    stdout: `${app}@${DIGEST}\n`,
    stderr: [
      `warning: a tag can move; "${app}:v1" now is ${app}@${DIGEST}`,
      `SIGNED  ${app}:v1`,
      `  ${DIGEST}`,
      '  key       kid KID… (ES256)',
      '  attached  as a bundle, listed by the referrers API',
      '',
    ].join('\n'),
  })
  const verified = await folder.run(`verify ${app}:v1 --key @release.pub -q`)
  expect(verified).toEqual({ exitCode: 0, stdout: `${app}@${DIGEST}\n`, stderr: '' })
})

test.each([
  ['tag', 'tag'],
  ['api', 'API'],
])('--referrers-mode %s is obeyed', async (mode, listing) => {
  const { folder, app } = await createImageScene()

  const signed = await folder.run(`sign ${app}:v1 --key @release.pem --referrers-mode ${mode}`)

  expect(signed.stderr).toContain(`attached  as a bundle, listed by the referrers ${listing}\n`)
})

test('--no-upload leaves the registry as it is, and the bundle verifies without it', async () => {
  const { folder, double, app } = await createImageScene()

  const signed = await folder.run(`sign ${app}:v1 --key @release.pem --no-upload --bundle @b.json`)
  const writes = double.seen(/^(PUT|POST|PATCH)/)
  double.requests.length = 0
  const offline = `verify ${app}@${DIGEST} --key @release.pub --bundle @b.json --offline`
  const verified = await folder.run(offline)

  expect([signed.exitCode, verified.exitCode]).toEqual([0, 0])
  expect([...writes, ...double.requests]).toEqual([])
})

test('--no-upload without --bundle would sign for nothing', async () => {
  const { folder, app } = await createImageScene()

  const result = await folder.run(`sign ${app}:v1 --key @release.pem --no-upload`)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('hint   give --bundle FILE, or leave out --no-upload')
})

test('annotations are signed, and can be demanded', async () => {
  const { folder, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem -a ref=main -a built=ci`)

  const same = await folder.run(`verify ${app}:v1 --key @release.pub -a ref=main`)
  const another = await folder.run(`verify ${app}:v1 --key @release.pub -a ref=dev`)

  expect(same.exitCode).toBe(0)
  expect(another.exitCode).toBe(4)
  expect(another.stderr).toContain('[ERR_ANNOTATION_MISMATCH]')
})

test('an attestation is attached, and counts for its type only', async () => {
  const { folder, app } = await createImageScene()

  const made = await folder.run(
    `attest ${app}:v1 --key @release.pem --type cyclonedx --predicate @sbom.json`,
  )

  expect(made).toMatchObject({ exitCode: 0, stdout: `${app}@${DIGEST}\n` })
  const verify = `verify ${app}:v1 --key @release.pub`
  expect((await folder.run(`${verify} --type cyclonedx`)).exitCode).toBe(0)
  expect((await folder.run(verify)).exitCode).toBe(4)
})

test('one call writes both layouts, and the older one is read on request', async () => {
  const { folder, app } = await createImageScene()
  const attest = `attest ${app}:v1 --key @release.pem --type cyclonedx --predicate @sbom.json`

  const signed = await folder.run(`sign ${app}:v1 --key @release.pem --format both -a ref=main`)
  await folder.run(`${attest} --format both`)

  expect(signed.stderr).toContain('referrers API\n  attached  in the older layout of cosign\n')
  const verify = `verify ${app}:v1 --key @release.pub --type any -a ref=main --json --format`
  const sources = async (format: string): Promise<readonly string[]> => {
    const result = await folder.run(`${verify} ${format}`)
    const { artifacts } = documentOf<ResultDocument>(result)
    return (artifacts[0]?.attestations ?? []).map(({ source }) => source.replace(/^.*?app/, 'app'))
  }
  const tag = DIGEST.replace(':', '-')
  expect(await sources('legacy')).toEqual([`app:${tag}.sig layer 1`, `app:${tag}.att layer 1`])
  expect(await sources('bundle')).toHaveLength(2)
  expect(await sources('both')).toHaveLength(4)
})

test('an index is signed with every image inside it, and verified so', async () => {
  const { folder, double, app } = await createImageScene()
  await pushImage(double.host, other)
  await pushImage(double.host, index, { tag: 'multi' })

  const alone = await folder.run(`sign ${app}:multi --key @release.pem`)
  const partly = await folder.run(`verify -r ${app}:multi --key @release.pub -q`)
  const all = await folder.run(`sign -r ${app}@${index.descriptor.digest} --key @release.pem`)
  const verified = await folder.run(`verify -r ${app}:multi --key @release.pub`)

  const pinned = [index, image, other].map(({ descriptor }) => `${app}@${descriptor.digest}\n`)
  expect(alone.stdout).toBe(pinned[0])
  expect(partly).toMatchObject({ exitCode: 5, stdout: pinned[0] })
  expect(all.stdout).toBe(pinned.join(''))
  expect(verified).toMatchObject({ exitCode: 0, stdout: pinned.join('') })
})

test('a registry out of reach is a transient failure', async () => {
  const { folder, double, app } = await createImageScene()
  double.switches.faults.push({ on: /./, answer: hangUp })

  const result = await folder.run(`sign ${app}:v1 --key @release.pem`)

  expect(result.exitCode).toBe(7)
})

test('files and images are attested by one statement', async () => {
  const { folder, app } = await createImageScene()
  folder.write('app.txt', 'hello\n')

  const made = await folder.run(
    `attest @app.txt ${app}:v1 --key @release.pem --type cyclonedx --predicate @sbom.json`,
  )

  expect(made.stdout).toBe(`@app.txt\n${app}@${DIGEST}\n`)
  const verified = await folder.run(`verify @app.txt ${app}:v1 --key @release.pub --type cyclonedx`)
  expect(verified.exitCode).toBe(0)
})

test('a folder of bundles serves images by their digests', async () => {
  const { folder, app } = await createImageScene()
  mkdirSync(folder.path('bundles'))
  const bundles = '--bundle @bundles/'

  await folder.run(`sign ${app}:v1 --key @release.pem --no-upload ${bundles}`)
  const verified = await folder.run(`verify ${app}:v1 --key @release.pub ${bundles}`)

  expect(
    existsSync(join(folder.path('bundles'), `${DIGEST.replace(':', '-')}.sigstore.json`)),
  ).toBe(true)
  expect(verified.exitCode).toBe(0)
})

test.each([
  ['sign oci://localhost:1/app --key @release.pem', 'it has neither tag nor digest'],
  ['sign oci://app:1 --key @release.pem', 'it names no registry'],
  ['sign oci://localhost:1/app:1 --key @release.pem --ca @gone', "can't read"],
  ['sign oci://localhost:1/app:1 --key @release.pem --ca @release.pem', 'certificate authority'],
  [
    'sign oci://localhost:1/app:1 --key @release.pem --format legacy --bundle @b',
    'makes no bundle',
  ],
  ['sign oci://localhost:1/app:1 --key @release.pem --format both --no-upload', 'images only'],
  ['sign oci-layout://nowhere --key @release.pem', 'nowhere'],
])('"%s" is refused', async (line, message) => {
  const folder = createSigningFolder()
  folder.key('release')

  const result = await folder.run(line)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain(message)
})

describe('a registry without the referrers API', () => {
  let registry: DockerRegistry

  beforeAll(async () => {
    registry = await startDockerRegistry()
    return () => registry.stop()
  })

  test('lists at the fallback tag, where several signers lose nothing', async () => {
    await pushImage(registry.host, image, { tag: 'v1' })
    const folder = createSigningFolder()
    for (const name of ['one', 'two', 'three']) folder.key(name)
    const app = `oci://${registry.host}/app:v1`

    // Writers keep out of each other's way by waiting: here the pauses are real.
    const pause = (milliseconds: number): Promise<void> => delay(milliseconds)
    await Promise.all(
      ['one', 'two', 'three'].map((name) =>
        folder.run(`sign ${app} --key @${name}.pem`, { pause }),
      ),
    )

    const keys = '--key @one.pub --key @two.pub --key @three.pub --threshold 3'
    expect((await folder.run(`verify ${app} ${keys}`)).exitCode).toBe(0)
  })

  test('keeps the older form beside the newer one', async () => {
    await pushImage(registry.host, other, { tag: 'v2' })
    const folder = createSigningFolder()
    folder.key('release', 'RS256')
    const app = `oci://${registry.host}/app:v2`

    await folder.run(`sign ${app} --key @release.pem --format both`)

    for (const format of ['bundle', 'legacy']) {
      const result = await folder.run(`verify ${app} --key @release.pub --format ${format}`)
      expect(result.exitCode).toBe(0)
    }
  })
})
