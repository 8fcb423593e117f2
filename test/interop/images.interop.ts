/** Images that we sign in real registries, with keys in every place, verified by cosign; and the reverse. */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COSIGN } from '../../tools/interop/peers.ts'
import { runCli } from '../support/command-line.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { createKeyRing, type KeyRing, KEYS } from './support/keys.ts'
import { describeEach, describeWith } from './support/needs.ts'
import type { RunningServer } from './support/program.ts'
import { PROVENANCE } from './support/provenance.ts'
import { pushImage, REGISTRIES } from './support/registries.ts'
import { countersign } from './support/run.ts'

const SOFTHSM = { name: 'softhsm2', command: 'softhsm2-util' }
const PROVENANCE_TYPE = 'https://slsa.dev/provenance/v1'

describeWith('images', [COSIGN, SOFTHSM], () => {
  let ring: KeyRing
  let cosign: Cosign
  let predicate: string

  beforeAll(async () => {
    cosign = prepareCosign()
    ring = await createKeyRing()
    predicate = join(ring.folder, 'provenance.json')
    writeFileSync(predicate, JSON.stringify(PROVENANCE))
    await cosign.run('generate-key-pair', '--output-key-prefix', join(cosign.folder, 'ES256'))
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
    const rsa = join(cosign.folder, 'rsa.pem')
    writeFileSync(rsa, privateKey.export({ type: 'pkcs1', format: 'pem' }))
    const prefix = join(cosign.folder, 'RS256')
    await cosign.run('import-key-pair', '--key', rsa, '--output-key-prefix', prefix)
  })

  afterAll(async () => {
    cosign.remove()
    await ring[Symbol.asyncDispose]()
  })

  describeEach(REGISTRIES, ({ start }) => {
    let registry: RunningServer
    beforeAll(async () => void (registry = await start()))
    afterAll(() => registry.stop())

    const cosignVerify = (image: string, publicPath: string, ...more: readonly string[]) =>
      cosign.attempt('verify', ...verifyFlags(publicPath), ...more, image)
    const verifyFlags = (publicPath: string): readonly string[] => [
      ...['--key', publicPath, '--allow-http-registry'],
      ...cosign.verifyFlags,
    ]

    test.each(KEYS)('cosign verifies an image signed with $title', async ({ title }) => {
      const { reference, publicPath, env } = ring.key(title)
      const [image, unsigned] = [await pushImage(registry.host), await pushImage(registry.host)]

      await countersign(['sign', `oci://${image}`, '--key', reference], env)

      expect(await cosignVerify(image, publicPath)).toMatchObject({ status: 0 })
      expect((await cosignVerify(unsigned, publicPath)).status).not.toBe(0)
      expect((await cosignVerify(image, join(cosign.folder, 'ES256.pub'))).status).not.toBe(0)
    })

    test.each(KEYS)('cosign verifies provenance attested with $title', async ({ title }) => {
      const { reference, publicPath, env } = ring.key(title)
      const image = await pushImage(registry.host)
      const what = ['--type', 'slsaprovenance1', '--predicate', predicate]

      await countersign(['attest', `oci://${image}`, '--key', reference, ...what], env)

      const flags = verifyFlags(publicPath)
      const verify = (type: string) =>
        cosign.attempt('verify-attestation', ...flags, '--type', type, image)
      expect(await verify('slsaprovenance1')).toMatchObject({ status: 0 })
      expect((await verify('spdxjson')).status).not.toBe(0)
    })

    test.each(KEYS)('cosign verifies the older layout written with $title', async ({ title }) => {
      const { reference, publicPath, env } = ring.key(title)
      const image = await pushImage(registry.host)
      const both = ['--format', 'both']

      await countersign(['sign', `oci://${image}`, '--key', reference, ...both], env)

      const legacy = await cosignVerify(image, publicPath, '--new-bundle-format=false')
      expect(legacy).toMatchObject({ status: 0 })
      expect(await cosignVerify(image, publicPath)).toMatchObject({ status: 0 })
    })

    const made = ['ES256', 'RS256'].flatMap((algorithm) =>
      ['bundle', 'legacy'].map((layout) => ({ algorithm, layout })),
    )

    test.each(made)('we verify what cosign signed: $algorithm, $layout', async (case_) => {
      const { key, publicPath, flags } = cosignKey(case_)
      const [image, unsigned] = [await pushImage(registry.host), await pushImage(registry.host)]

      await cosign.run('sign', '--key', key, ...flags, '-a', 'made-by=cosign', image)

      const trust = ['--key', publicPath]
      await countersign(['verify', `oci://${image}`, ...trust, '-a', 'made-by=cosign'])
      await expectExit(4, ['verify', `oci://${image}`, ...trust, '-a', 'made-by=others'])
      await expectExit(5, ['verify', `oci://${unsigned}`, ...trust])
      await expectExit(6, ['verify', `oci://${image}`, '--key', ring.key('file ES256').publicPath])
    })

    test.each(made)('we verify what cosign attested: $algorithm, $layout', async (case_) => {
      const { key, publicPath, flags } = cosignKey(case_)
      const image = await pushImage(registry.host)
      const what = ['--predicate', predicate, '--type', 'slsaprovenance1']

      await cosign.run('attest', '--key', key, ...flags, ...what, image)

      const trust = ['--key', publicPath]
      await countersign(['verify', `oci://${image}`, ...trust, '--type', PROVENANCE_TYPE])
      await expectExit(4, ['verify', `oci://${image}`, ...trust, '--type', 'spdxjson'])
    })

    test('what we and cosign attach at the same time is there afterwards, ours always', async () => {
      const { reference, publicPath, env } = ring.key('file ES256')
      const image = await pushImage(registry.host)
      const { key, flags } = cosignKey({ algorithm: 'ES256', layout: 'bundle' })
      const what = ['--type', 'slsaprovenance1', '--predicate', predicate]

      await Promise.all([
        cosign.attempt('sign', '--key', key, ...flags, image),
        countersign(['attest', `oci://${image}`, '--key', reference, ...what], env),
        cosign.attempt('sign', '--key', key, ...flags, image),
      ])

      const type = ['--type', 'slsaprovenance1']
      await countersign(['verify', `oci://${image}`, '--key', publicPath, ...type])
    })

    function cosignKey({ algorithm, layout }: { algorithm: string; layout: string }) {
      const flags = layout === 'bundle' ? cosign.signFlags : cosign.legacySignFlags
      return {
        key: join(cosign.folder, `${algorithm}.key`),
        publicPath: join(cosign.folder, `${algorithm}.pub`),
        flags: [...flags, '--allow-http-registry'],
      }
    }
  })
})

async function expectExit(status: number, args: readonly string[]): Promise<void> {
  expect(await runCli(args)).toMatchObject({ exitCode: status })
}
