/** What the shipped Action makes in real registries, verified by cosign and by us; and what people paste. */
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ActionResult } from '../../src/testing.ts'
import { COSIGN } from '../../tools/interop/peers.ts'
import { kmsEnvironment } from '../support/kms/environment.ts'
import { ROLE, startKmsScene } from '../support/runner/kms-scene.ts'
import { type ActionScene, startActionScene } from '../support/runner/scene.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { describeEach, describeWith } from './support/needs.ts'
import { commandsOf, openShell, type Shell } from './support/paste.ts'
import type { RunningServer } from './support/program.ts'
import { pushImage, pushMultiArch, REGISTRIES } from './support/registries.ts'

const PROVENANCE = 'https://slsa.dev/provenance/v1'

/** What a step is asked for; sign and attest, in each layout. */
const SHAPES = ['sign', 'attest'].flatMap((mode) =>
  ['bundle', 'legacy', 'both'].map((format) => ({ mode, format })),
)

function subject(image: string): Readonly<Record<string, string>> {
  const [name = '', digest = ''] = image.split('@')
  return { 'subject-name': name, 'subject-digest': digest, 'push-to-registry': 'true' }
}

describeWith('the action', [COSIGN], () => {
  let cosign: Cosign
  let shell: Shell

  beforeAll(() => {
    cosign = prepareCosign()
    shell = openShell(cosign)
  })
  afterAll(() => {
    cosign.remove()
  })

  /** Saves the key that signed, as the service publishes it. */
  async function saveKey({ server }: ActionScene, { outputs }: ActionResult): Promise<string> {
    const path = join(createTempFolder(), 'release.pem')
    const published = await fetch(`${server}/keys/${outputs['key-id'] ?? ''}.pem`)
    writeFileSync(path, await published.text())
    return path
  }

  describeEach(REGISTRIES, ({ start }) => {
    let registry: RunningServer
    beforeAll(async () => void (registry = await start()))
    afterAll(() => registry.stop())

    test.each(SHAPES)('$mode, $format: cosign and we verify it', async ({ mode, format }) => {
      const scene = await startActionScene('bundle')
      const [image, other] = [await pushImage(registry.host), await pushImage(registry.host)]
      const signer = { server: scene.server, key: 'release' }

      const step = await scene.run({ inputs: { ...subject(image), ...signer, mode, format } })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      const key = await saveKey(scene, step)
      const type = mode === 'sign' ? [] : ['--type', 'slsaprovenance1']
      const command = mode === 'sign' ? 'verify' : 'verify-attestation'
      const flags = ['--allow-http-registry', ...cosign.verifyFlags, ...type]
      const layouts = format === 'both' ? ['bundle', 'legacy'] : [format]
      for (const layout of layouts) {
        const more = [...flags, `--new-bundle-format=${String(layout === 'bundle')}`]
        const verify = (name: string, ...args: readonly string[]) =>
          cosign.attempt(command, ...args, ...more, name)
        const url = `${scene.server}/keys/${step.outputs['key-id'] ?? ''}.pem`
        expect(await verify(image, '--key', key)).toMatchObject({ status: 0 })
        expect(await verify(image, '--key', url)).toMatchObject({ status: 0 })
        expect((await verify(other, '--key', key)).status).not.toBe(0)
        const ours = [`oci://${image}`, '--format', layout, ...type]
        // The older layout has no place for the proof that is demanded of a pinned service.
        const isProven = layout === 'bundle'
        expect(await scene.verify(...ours)).toMatchObject({ exitCode: isProven ? 0 : 3 })
        expect(await scene.verify(...ours, '--require-log', isProven ? '1' : '0')).toMatchObject({
          exitCode: 0,
        })
        expect(await scene.verify(...ours, '--key', key)).toMatchObject({ exitCode: 0 })
      }
    })

    test.each(SHAPES)('$mode, $format: the commands of its summary succeed', async (shape) => {
      const scene = await startActionScene('bundle')
      const image = await pushImage(registry.host)
      const inputs = { ...subject(image), server: scene.server, key: 'release', ...shape }

      const step = await scene.run({ inputs })

      // Neither needs a flag or variable for plain http: both take loopback for private.
      const commands = commandsOf(step.summary)
      expect(await shell.paste(commands)).toMatchObject({ status: 0 })
      expect(commands.match(/^(?:countersign|cosign) verify/gm)).toHaveLength(2)
      const [name = ''] = image.split('@')
      const unsigned = (await pushImage(registry.host)).replace(`${name}@`, '')
      for (const line of commands.split('\n').filter((one) => !one.startsWith('curl '))) {
        const about = line.replaceAll(/sha256:[0-9a-f]{64}/g, unsigned)
        expect((await shell.paste(about)).status).not.toBe(0)
      }
    })

    test('attests a multi-arch image by the digest of its index', async () => {
      const scene = await startActionScene('bundle')
      const index = await pushMultiArch(registry.host)
      const inputs = { ...subject(index), server: scene.server, key: 'release' }

      const step = await scene.run({ inputs })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      const verdict = await scene.verify(`oci://${index}`, '--type', PROVENANCE)
      expect(verdict).toMatchObject({ exitCode: 0 })
      expect(await shell.paste(commandsOf(step.summary))).toMatchObject({ status: 0 })
      const trust = { mode: 'verify', trust: scene.server, 'predicate-type': PROVENANCE }
      const verified = await scene.run({
        inputs: { ...subject(index), ...trust, 'push-to-registry': '' },
      })
      expect(verified).toMatchObject({ exitCode: 0, outputs: { verified: 'true' } })
    })

    test.each(['sign', 'attest'])('%s, with a key in AWS KMS and a role', async (mode) => {
      const scene = await startKmsScene('bundle')
      const image = await pushImage(registry.host)
      const inputs = { ...subject(image), key: scene.key, 'role-to-assume': ROLE, mode }

      const step = await scene.run({ inputs })

      expect(step).toMatchObject({ exitCode: 0, annotations: [] })
      expect(scene.sts.tokens).toHaveLength(1)
      const env = kmsEnvironment(scene.kms.credentials)
      const folder = createTempFolder()
      const pasted = await shell.paste(commandsOf(step.summary), { folder, env })
      expect(pasted).toMatchObject({ status: 0 })
    })
  })

  const FILES = [
    { what: 'one file', names: ['app'] },
    { what: 'files with odd names', names: ['-app', "it's; an app"] },
  ]
  const made = FILES.flatMap((files) => ['sign', 'attest'].map((mode) => ({ ...files, mode })))

  test.each(made)('$mode, $what: the commands of its summary succeed', async (case_) => {
    const scene = await startActionScene('bundle')
    for (const name of case_.names) writeFileSync(join(scene.workspace, name), name)
    const inputs = { server: scene.server, key: 'release', mode: case_.mode, 'subject-path': '.' }

    const step = await scene.run({ inputs })

    const folder = scene.workspace
    const bundles = join(folder, 'bundles.sigstore.json')
    copyFileSync(step.outputs['bundle-path'] ?? '', bundles)
    const pasted = await shell.paste(commandsOf(step.summary), { folder })
    expect(pasted).toMatchObject({ status: 0 })
  })

  test.each(['sign', 'attest'])('%s, an image that stays unpublished: pasted', async (mode) => {
    const scene = await startActionScene('bundle')
    const image = `${scene.app}@${scene.image.descriptor.digest}`
    const what = { ...subject(image), 'push-to-registry': 'false' }
    const inputs = { ...what, server: scene.server, key: 'release', mode }

    const step = await scene.run({ inputs })

    const folder = createTempFolder()
    copyFileSync(step.outputs['bundle-path'] ?? '', join(folder, 'bundles.sigstore.json'))
    const pasted = await shell.paste(commandsOf(step.summary), { folder })
    expect(pasted).toMatchObject({ status: 0 })
  })
})
