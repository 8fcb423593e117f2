/** The folder that every example of the documentation starts in, and the service and the KMS that it talks to. */
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { serializePublicKeyPem } from '../../../src/crypto/public-key.ts'
import { findTrustKey } from '../../../src/client/trust-pin.ts'
import { attest, openSigner, signFile, signImage } from '../../../src/index.ts'
import { createLayout } from '../image-layout.ts'
import { startKmsDouble } from '../kms/double.ts'
import { FOREIGN_AWS_VARIABLES, kmsEnvironment } from '../kms/environment.ts'
import { createImage } from '../oci-content.ts'
import { PROJECT } from '../project.ts'
import { createSigningFolder } from '../signing-folder.ts'
import { startSigningService } from '../signing-service.ts'

/** What examples run in. */
export interface ExampleScene {
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** Puts the service's address in place of `https://sign.example.com`. */
  readonly localize: (program: string) => string
}

/** Starts the servers and fills the folder; both end with the running test. */
export async function createExampleScene(): Promise<ExampleScene> {
  const keys = createSigningFolder()
  keys.key('release')
  const folder = keys.path('.')
  mkdirSync(join(folder, 'download'))
  for (const name of ['app.tar.gz', 'download/app.tar.gz', 'download/by-service.txt']) {
    keys.write(name, gzipSync(name))
  }
  keys.write('sbom.cdx.json', '{"bomFormat":"CycloneDX","specVersion":"1.6"}')
  const layout = createLayout({ image: createImage(), tag: '1.4' })
  for (const name of ['image', 'download/image']) {
    cpSync(layout, join(folder, name), { recursive: true })
  }
  await signDownloads(folder)
  copyLog(folder)
  const url = await publish(folder)
  return {
    folder,
    env: await startKms(),
    localize: (program) => program.replaceAll('https://sign.example.com', url),
  }
}

async function signDownloads(folder: string): Promise<void> {
  const path = join(folder, 'download/app.tar.gz')
  await using signer = await openSigner(join(folder, 'release.pem'))
  await signFile({ signer, path })
  await signImage({ signer, image: `oci-layout://${join(folder, 'download/image')}:1.4` })
  const predicate = { predicateType: 'https://example.com/tests/v1', predicate: { passed: true } }
  const bundle = `${path}.attestation.json`
  await attest({ signer, artifacts: [path], predicate, bundle })
}

function copyLog(folder: string): void {
  const golden = join(PROJECT, 'testdata/0.1.0')
  const log = join(folder, 'log')
  mkdirSync(log)
  cpSync(join(golden, 'proofs'), log, { recursive: true })
  copyFileSync(join(golden, 'trusted-root.json'), join(log, 'trusted-root.json'))
  copyFileSync(join(golden, 'checkpoints/transparency.txt'), join(log, 'transparency.txt'))
  const pin = JSON.parse(readFileSync(join(golden, 'pin-with-witness/trust.json'), 'utf8')) as {
    readonly witnesses: readonly string[]
  }
  writeFileSync(join(log, 'witness.vkey'), `${pin.witnesses[0] ?? ''}\n`)
}

/** Starts a service, and keeps what it publishes and a token of each kind. */
async function publish(folder: string): Promise<string> {
  const { url, env } = await startSigningService()
  const token = env['COUNTERSIGN_TOKEN'] ?? ''
  writeFileSync(join(folder, 'token'), token)
  await using signer = await openSigner({ server: url, key: 'release', token })
  await signFile({ signer, path: join(folder, 'download/by-service.txt') })
  const issued = await fetch(`${url}/v1/keys/sessions/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ audience: 'api' }),
  })
  const answer = (await issued.json()) as { readonly token: string }
  writeFileSync(join(folder, 'session.jwt'), answer.token)
  for (const [name, path] of [
    ['jwks.json', '.well-known/jwks.json'],
    ['keys.json', 'trust/keys.json'],
  ] as const) {
    writeFileSync(join(folder, name), await (await fetch(`${url}/${path}`)).text())
  }
  const trustKey = findTrustKey(readFileSync(join(folder, 'keys.json')))
  writeFileSync(join(folder, 'trust-key.pub'), serializePublicKeyPem(trustKey))
  return url
}

async function startKms(): Promise<ExampleScene['env']> {
  const kms = await startKmsDouble()
  onTestFinished(() => kms.close())
  const key = await kms.addKey({ spec: 'ECC_NIST_P256' })
  kms.setAlias('alias/release', key)
  const foreign = FOREIGN_AWS_VARIABLES.map((name) => [name, undefined] as const)
  return {
    ...Object.fromEntries(foreign),
    ...kmsEnvironment(kms.credentials),
    AWS_ENDPOINT_URL: kms.url,
  }
}
