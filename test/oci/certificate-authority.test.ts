import { expect, test } from 'vitest'
import type { ArtifactStore } from '../../src/oci/artifact-store.ts'
import { trustCertificateAuthority } from '../../src/oci/certificate-authority.ts'
import { anonymous } from '../../src/oci/credentials.ts'
import { RegistryClient } from '../../src/oci/registry-client.ts'
import { createRegistryStore } from '../../src/oci/registry-store.ts'
import { createRegistryDouble } from '../support/registry/registry-double.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { startTlsServer } from '../support/tls-server.ts'

/** An empty registry on `localhost` with an untrusted certificate. */
async function startTls(): Promise<{ host: string; certificate: string }> {
  const { url, certificate } = await startTlsServer((_request, response) => {
    response.writeHead(404)
    response.end()
  })
  return { host: url.host, certificate }
}

function openTls(registry: string): ArtifactStore {
  const runtime = createTestRuntime()
  const client = new RegistryClient({ runtime, credentials: anonymous, plainHttp: false })
  return createRegistryStore({ client, registry, repository: 'app' })
}

test('a registry with a certificate of an unknown authority is trusted once it is named', async () => {
  const { host, certificate } = await startTls()

  await expect(openTls(host).resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    reason: 'certificate-untrusted',
  })
  trustCertificateAuthority(`some words\n${certificate}`)

  // It answers, though it holds nothing.
  await expect(openTls(host).resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_ARTIFACT_NOT_FOUND',
  })
})

test('TLS to a plain HTTP registry is an error that says so', async () => {
  const { host } = await createRegistryDouble()

  await expect(openTls(host).resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_NETWORK',
    reason: 'registry-without-tls',
  })
})

test.each([
  ['without a certificate', 'hello'],
  ['with a malformed certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'],
])('a file %s is refused', (_what, pem) => {
  expect(() => {
    trustCertificateAuthority(pem)
  }).toThrow(expect.objectContaining({ code: 'ERR_CONFIG_INVALID' }))
})
