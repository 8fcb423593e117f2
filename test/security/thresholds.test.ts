/** One holder of a key who wants to count as several signers. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Signer } from '../../src/signing/signer.ts'
import { signFileDigest } from '../../src/signing/sign-artifact.ts'
import { digestOf } from '../../src/crypto/digest.ts'
import { serializeKeyHistory } from '../../src/keys/key-history.ts'
import { serializePublicKeyPem } from '../../src/crypto/public-key.ts'
import { startSigningService } from '../support/signing-service.ts'
import { createSigningFolder } from '../support/signing-folder.ts'
import { testSigner } from '../support/signers.ts'

test('versions of one key of a service fail a threshold of two', async () => {
  const { env, fingerprint, folder, run, url } = await startSigningService()
  const user = (line: string): ReturnType<typeof run> => folder.run(line, { env, now: new Date() })
  const sign = async (name: string): Promise<string> => {
    folder.write(name, 'a program')
    expect(await run(`sign @${name} --key release`)).toMatchObject({ exitCode: 0 })
    return readFileSync(folder.path(`${name}.sigstore.json`), 'utf8').trim()
  }
  const first = await sign('app')
  expect(await run('key rotate release --force --reason drill')).toMatchObject({ exitCode: 0 })
  folder.write('app.sigstore.json', `${first}\n${await sign('again')}\n`)
  const pin = await user(`trust init ${url} --fingerprint ${await fingerprint()}`)
  expect(pin).toMatchObject({ exitCode: 0 })

  expect(await user('verify @app')).toMatchObject({ exitCode: 0 })
  const refused = await user('verify @app --threshold 2')

  expect(refused).toMatchObject({ exitCode: 4, stdout: '' })
  expect(refused.stderr).toContain('ERR_THRESHOLD_NOT_MET')
  expect(refused.stderr).toContain('1 of 2 required signers')
})

/** A folder with a file, and what signed it. */
async function signedBy(
  ...signers: readonly Signer[]
): Promise<ReturnType<typeof createSigningFolder>> {
  const folder = createSigningFolder()
  folder.write('app', 'a program')
  const digest = digestOf(Buffer.from('a program'))
  const bundles = await Promise.all(
    signers.map(async (one) => (await signFileDigest(one, digest)).bundle),
  )
  folder.write(
    'app.sigstore.json',
    bundles.map((one) => `${Buffer.from(one).toString()}\n`).join(''),
  )
  return folder
}

test('a version that is also named by its public key does not count twice', async () => {
  const [one, two] = [testSigner('ES256', 'release 1'), testSigner('ES256', 'release 2')]
  const folder = await signedBy(one, two)
  const versions = [one, two].map(({ key }, index) => ({
    key,
    name: 'release',
    version: index + 1,
    use: 'digest' as const,
    origin: 'generated' as const,
    state: 'active' as const,
    validFor: { start: new Date(0), end: undefined },
    compromisedSince: undefined,
  }))
  folder.write('keys.json', serializeKeyHistory({ sequence: 1, versions }))
  folder.write('one.pub', serializePublicKeyPem(one.key))
  folder.write('two.pub', serializePublicKeyPem(two.key))

  const asVersions = await folder.run('verify @app --threshold 2 --trust @keys.json --key @one.pub')
  const asKeys = await folder.run('verify @app --threshold 2 --key @one.pub --key @two.pub')

  expect(asVersions.stderr).toContain('1 of 2 required signers')
  expect(asVersions.exitCode).toBe(4)
  expect(asKeys).toMatchObject({ exitCode: 0 })
})
