/** Files that we sign, with keys in every place, and what other tools say to our bundles. */
import { bundleFromJSON } from '@sigstore/bundle'
import { toSignedEntity } from '@sigstore/verify'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COSIGN } from '../../tools/interop/peers.ts'
import { runCli } from '../support/command-line.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { createKeyRing, type KeyRing, KEYS, type SigningKey } from './support/keys.ts'
import { describeWith } from './support/needs.ts'
import { PROVENANCE } from './support/provenance.ts'
import { countersign, mustRun, run } from './support/run.ts'
import { stockVerifier } from './support/stock-verifier.ts'

const SOFTHSM = { name: 'softhsm2', command: 'softhsm2-util' }
const CONTENT = 'a release file\n'

let ring: KeyRing

/** A file signed and attested by our command line. */
interface SignedFile {
  readonly path: string
  /** The same with one byte changed. */
  readonly tampered: string
  readonly signature: string
  readonly attestation: string
  readonly predicate: string
}

async function signFile({ reference, env }: SigningKey, name: string): Promise<SignedFile> {
  const path = join(ring.folder, name)
  const [signature, attestation] = [`${path}.sig.json`, `${path}.att.json`]
  const [predicate, tampered] = [`${path}.predicate.json`, `${path}.tampered`]
  writeFileSync(path, CONTENT)
  writeFileSync(tampered, CONTENT.replace('a', 'A'))
  writeFileSync(predicate, JSON.stringify(PROVENANCE))
  await countersign(['sign', path, '--key', reference, '--bundle', signature], env)
  const what = ['--type', 'slsaprovenance1', '--predicate', predicate]
  await countersign(['attest', path, '--key', reference, '--bundle', attestation, ...what], env)
  return { path, tampered, signature, attestation, predicate }
}

describeWith('files signed by us', [SOFTHSM], () => {
  const files = new Map<string, SignedFile>()
  const fileOf = (title: string): SignedFile => {
    const file = files.get(title)
    if (file === undefined) throw new Error(`nothing was signed with ${title}`)
    return file
  }

  beforeAll(async () => {
    ring = await createKeyRing()
    for (const { title } of KEYS) {
      files.set(title, await signFile(ring.key(title), title.replace(' ', '-')))
    }
  })
  afterAll(() => ring[Symbol.asyncDispose]())

  describeWith('cosign', [COSIGN], () => {
    let cosign: Cosign
    beforeAll(() => void (cosign = prepareCosign()))
    afterAll(() => {
      cosign.remove()
    })

    test.each(KEYS)('verifies a file signed with $title, and not another', async ({ title }) => {
      const { path, tampered, signature } = fileOf(title)
      const flags = ['--key', ring.key(title).publicPath, '--bundle', signature]

      await cosign.run('verify-blob', ...flags, ...cosign.verifyFlags, path)

      const refusal = await cosign.attempt('verify-blob', ...flags, ...cosign.verifyFlags, tampered)
      expect(refusal.status).not.toBe(0)
    })

    test.each(KEYS)('verifies an attestation made with $title', async ({ title }) => {
      const { path, tampered, attestation } = fileOf(title)
      const flags = ['--key', ring.key(title).publicPath, '--bundle', attestation]
      const what = [...flags, ...cosign.verifyFlags, '--type', 'slsaprovenance1']

      await cosign.run('verify-blob-attestation', ...what, path)

      const refusal = await cosign.attempt('verify-blob-attestation', ...what, tampered)
      expect(refusal.status).not.toBe(0)
    })

    test('signs and attests a file that we verify, and not another', async () => {
      const prefix = join(cosign.folder, 'blob')
      await cosign.run('generate-key-pair', '--output-key-prefix', prefix)
      const { path, tampered, predicate } = fileOf('file ES256')
      const [signature, attestation] = [`${prefix}.sig.json`, `${prefix}.att.json`]
      const flags = ['--key', `${prefix}.key`, ...cosign.signFlags]
      const what = ['--predicate', predicate, '--type', 'slsaprovenance1']

      await cosign.run('sign-blob', ...flags, '--bundle', signature, path)
      await cosign.run('attest-blob', ...flags, '--bundle', attestation, ...what, path)

      const type = ['--type', 'slsaprovenance1']
      for (const more of [
        ['--bundle', signature],
        ['--bundle', attestation, ...type],
      ]) {
        const trust = ['--key', `${prefix}.pub`, '--offline', ...more]
        await countersign(['verify', path, ...trust])
        expect(await runCli(['verify', tampered, ...trust])).toMatchObject({ exitCode: 3 })
      }
    })
  })

  describe('openssl', () => {
    test.each(KEYS)('verifies the signature over a file made with $title', async ({ title }) => {
      const { path, tampered, signature } = fileOf(title)
      const bundle = JSON.parse(readFileSync(signature, 'utf8')) as {
        messageSignature: { signature: string }
      }
      const raw = `${path}.sig`
      writeFileSync(raw, bundle.messageSignature.signature, 'base64')
      const flags = ['dgst', '-sha256', '-verify', ring.key(title).publicPath, '-signature', raw]

      expect(await mustRun('openssl', [...flags, path])).toContain('Verified OK')

      expect((await run('openssl', [...flags, tampered])).status).not.toBe(0)
    })
  })

  describe('stock @sigstore/verify', () => {
    test.each(KEYS)('verifies signatures and attestations of $title', ({ title }) => {
      const { path, tampered, signature, attestation } = fileOf(title)
      const verifier = stockVerifier(ring.key(title).publicPath)
      const signed = bundleFromJSON(JSON.parse(readFileSync(signature, 'utf8')))
      const attested = bundleFromJSON(JSON.parse(readFileSync(attestation, 'utf8')))

      verifier.verify(toSignedEntity(signed, readFileSync(path)))
      verifier.verify(toSignedEntity(attested))

      expect(() => verifier.verify(toSignedEntity(signed, readFileSync(tampered)))).toThrow()
    })
  })
})
