import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect, onTestFinished, test } from 'vitest'
import type { ResultDocument } from '../../../src/verification/result.ts'
import { openRegistry, pushImage } from '../../oci/open-registry.ts'
import { documentOf } from '../../support/cli.ts'
import { createLayout } from '../../support/image-layout.ts'
import { createImageScene, DIGEST, image, SBOM } from '../../support/image-scene.ts'
import { createArtifact, createImage } from '../../support/oci-content.ts'
import { ACCOUNT } from '../../support/registry/accounts.ts'
import { refuse } from '../../support/registry/faults.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'

const other = createImage('other')

test('one image with one bundle is verified with five requests, those of a login included', async () => {
  const { folder, double, app } = await createImageScene()
  await folder.run(`sign ${app}@${DIGEST} --key @release.pem`)
  double.switches.auth = 'bearer'
  double.requests.length = 0
  const login = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')
  folder.write('config.json', JSON.stringify({ auths: { [double.host]: { auth: login } } }))

  const result = await folder.run(`verify ${app}@${DIGEST} --key @release.pub`, {
    fetch,
    env: { DOCKER_CONFIG: folder.path('') },
  })

  expect(result.exitCode).toBe(0)
  expect(double.requests).toHaveLength(5)
})

test('without a login the verdict is not "unsigned" but "not authenticated"', async () => {
  const { folder, app } = await createImageScene({ auth: 'bearer' })

  const result = await folder.run(`verify ${app}@${DIGEST} --key @release.pub`, {
    fetch,
    env: { DOCKER_CONFIG: folder.path('') },
  })

  expect(result.exitCode).toBe(8)
  expect(result.stderr).toContain('[ERR_NOT_AUTHENTICATED]')
})

test('an image signed by another key and an unsigned one are distinguished', async () => {
  const { folder, app } = await createImageScene()
  folder.key('second')

  const unsigned = await folder.run(`verify ${app}:v1 --key @release.pub`)
  await folder.run(`sign ${app}:v1 --key @second.pem`)
  const other = await folder.run(`verify ${app}:v1 --key @release.pub`)

  expect(unsigned.exitCode).toBe(5)
  expect(unsigned.stderr).toContain('[ERR_SIGNATURE_NOT_FOUND]')
  expect(other.exitCode).toBe(6)
  expect(other.stderr).toContain('[ERR_KEY_NOT_TRUSTED]')
})

test.each([
  ['off', ['HOST/app has no referrers API', 'the tag "TAG" of HOST/app lists nothing']],
  ['on', ['the referrers API of HOST/app lists 0']],
] as const)('-v says where signatures were looked for, referrers API %s', async (api, listings) => {
  const { folder, double, app } = await createImageScene({ referrersApi: api })

  const { exitCode, stderr } = await folder.run(`verify ${app}:v1 --key @release.pub -v`)

  const text = stderr.replaceAll(double.host, 'HOST').replaceAll(DIGEST.replace(':', '-'), 'TAG')
  expect(exitCode).toBe(5)
  for (const line of [...listings, 'HOST/app:TAG.sig holds nothing']) {
    expect(text.split('\n')).toContain(line)
  }
})

test('a missing image is not reported as unsigned', async () => {
  const { folder, app } = await createImageScene()

  const byTag = await folder.run(`verify ${app}:v2 --key @release.pub`)
  const byDigest = await folder.run(`verify ${app}@${other.descriptor.digest} --key @release.pub`)

  expect([byTag.exitCode, byDigest.exitCode]).toEqual([2, 2])
  expect(byDigest.stderr).toContain('[ERR_ARTIFACT_NOT_FOUND]')
})

test('a bundle that belongs to another image does not count for this one', async () => {
  const { folder, double, app } = await createImageScene()
  await pushImage(double.host, other, { tag: 'other' })
  await folder.run(`sign ${app}:other --key @release.pem --no-upload --bundle @other.json`)

  const result = await folder.run(`verify ${app}:v1 --key @release.pub --bundle @other.json`)

  expect(result.exitCode).toBe(3)
  expect(result.stderr).toContain('[ERR_SUBJECT_MISMATCH]')
})

test('the older layout is read by default only if there is no bundle', async () => {
  const { folder, double, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem --format legacy`)

  const fallback = await folder.run(`verify ${app}:v1 --key @release.pub`)
  await folder.run(`sign ${app}:v1 --key @release.pem`)
  double.requests.length = 0
  await folder.run(`verify ${app}:v1 --key @release.pub`)

  expect(fallback.exitCode).toBe(0)
  expect(double.seen(/\.(sig|att)/)).toEqual([])
})

test('other attachments are skipped, whatever their type', async () => {
  const { folder, double, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem`)
  const store = openRegistry(double.host)
  const sbom = { ...createArtifact(image.descriptor), artifactType: 'application/spdx+json' }
  await store.attach(sbom)
  await store.attach(createArtifact(image.descriptor, 'not a bundle'))

  const result = await folder.run(`verify ${app}:v1 --key @release.pub --json`)

  const [artifact] = documentOf<ResultDocument>(result).artifacts
  expect(result.exitCode).toBe(0)
  expect(artifact?.attestations.map(({ ok }) => ok).toSorted()).toEqual([false, true])
})

test.each([
  ['the list', /referrers/],
  ['a bundle', /^GET \/v2\/app\/blobs/],
])('a registry that fails at %s is a transient failure, not a missing signature', async (_, on) => {
  const { folder, double, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem`)
  double.switches.faults.push({ on, answer: refuse(500) })

  const result = await folder.run(`verify ${app}@${DIGEST} --key @release.pub`)

  expect(result.exitCode).toBe(7)
  expect(result.stderr).not.toContain('ERR_SIGNATURE_NOT_FOUND')
})

test('an unreadable signature does not invalidate a valid one', async () => {
  const { folder, double, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem`)
  await folder.run(`sign ${app}:v1 --key @release.pem`)
  double.switches.faults.push({ on: /^GET \/v2\/app\/blobs/, times: 1, answer: refuse(404) })

  const result = await folder.run(`verify ${app}@${DIGEST} --key @release.pub --json`)

  const [artifact] = documentOf<ResultDocument>(result).artifacts
  expect(result.exitCode).toBe(0)
  expect(artifact?.attestations.map(({ ok }) => ok)).toEqual([true, false])
})

test('content that does not match its digest fails the verification', async () => {
  const { folder, double, app } = await createImageScene()
  await folder.run(`sign ${app}:v1 --key @release.pem`)
  double.switches.tamper = (path, bytes) =>
    path.includes('/blobs/') ? bytes.fill(' ', 0, 1) : bytes

  const result = await folder.run(`verify ${app}@${DIGEST} --key @release.pub`)

  expect(result.exitCode).toBe(3)
  expect(result.stderr).toContain('[ERR_DIGEST_MISMATCH]')
})

test('--offline refuses a registry before it opens a connection', async () => {
  const { folder, app } = await createImageScene()
  const sockets = countSockets()

  const result = await folder.run(`verify ${app}:v1 --key @release.pub --offline`)

  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('[ERR_USAGE]')
  expect(result.stderr).toContain('oci-layout://')
  expect(sockets.count).toBe(0)
})

test('a layout is signed, attested and verified with no connection at all', async () => {
  const sockets = countSockets()
  const folder = createSigningFolder()
  folder.key('release')
  folder.write('sbom.json', SBOM)
  const layout = `oci-layout://${createLayout({ image, tag: 'v1' })}`

  const signed = await folder.run(`sign ${layout}:v1 --key @release.pem --format both`)
  await folder.run(`attest ${layout} --key @release.pem --type cyclonedx --predicate @sbom.json`)
  const verify = `verify ${layout} --key @release.pub --offline`

  expect(signed).toMatchObject({ exitCode: 0, stdout: `${layout}@${DIGEST}\n` })
  expect((await folder.run(verify)).exitCode).toBe(0)
  expect((await folder.run(`${verify} --format legacy`)).exitCode).toBe(0)
  expect((await folder.run(`${verify} --type cyclonedx`)).exitCode).toBe(0)
  expect(sockets.count).toBe(0)
})

/** Counts the connections this process begins, until the running test ends. */
function countSockets(): { readonly count: number } {
  const counter = { count: 0 }
  const listener = (): void => {
    counter.count += 1
  }
  subscribe('net.client.socket', listener)
  onTestFinished(() => {
    unsubscribe('net.client.socket', listener)
  })
  return counter
}

test('sockets are counted', async () => {
  const sockets = countSockets()
  const { folder, app } = await createImageScene()

  await folder.run(`verify ${app}:v1 --key @release.pub`)

  expect(sockets.count).toBeGreaterThan(0)
})
