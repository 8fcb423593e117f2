import { expect, test } from 'vitest'
import { anonymous, type RegistryCredentialSource } from '../../src/oci/credentials.ts'
import { RegistryClient } from '../../src/oci/registry-client.ts'
import { assertReachable, assertTakesUploads } from '../../src/oci/registry-probe.ts'
import type { RepositoryOptions } from '../../src/oci/repository.ts'
import { REGISTRY_ACCOUNT, startDockerRegistry } from '../support/docker-registry.ts'
import { refuse } from '../support/registry/faults.ts'
import { createRegistryDouble } from '../support/registry/registry-double.ts'
import { createTestRuntime } from '../support/test-runtime.ts'
import { login, password } from './open-registry.ts'

const target = (
  registry: string,
  credentials: RegistryCredentialSource = login,
): RepositoryOptions => {
  const client = new RegistryClient({ runtime: createTestRuntime(), credentials })
  return { client, registry, repository: 'app' }
}

test.each(['none', 'basic', 'bearer'] as const)(
  'a registry with login "%s" is reachable and writable, and nothing is left in it',
  async (auth) => {
    const double = await createRegistryDouble({ auth })

    await assertReachable(target(double.host))
    await assertTakesUploads(target(double.host))

    expect(double.repository('app').uploads.size).toBe(0)
  },
)

test('a registry that requires a missing login is not reachable', async () => {
  const { host } = await createRegistryDouble({ auth: 'basic' })

  await expect(assertReachable(target(host, anonymous))).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
  })
})

test('a registry that may only be read is not writable', async () => {
  const { host } = await createRegistryDouble({ auth: 'bearer', isPushAllowed: false })

  await assertReachable(target(host))
  await expect(assertTakesUploads(target(host))).rejects.toMatchObject({ code: 'ERR_NOT_ALLOWED' })
})

test.each([
  ['without the API', 404, 'ERR_REGISTRY_PROTOCOL'],
  ['in trouble', 503, 'ERR_REGISTRY_UNAVAILABLE'],
])('a server %s is not reachable', async (_what, status, code) => {
  const { host } = await createRegistryDouble({ faults: [{ on: /./, answer: refuse(status) }] })

  await expect(assertReachable(target(host))).rejects.toMatchObject({ code })
})

test('docker-registry with a login is reachable and writable for its account', async () => {
  const registry = await startDockerRegistry({ login: true })
  try {
    const { username, password: secret } = REGISTRY_ACCOUNT
    await assertReachable(target(registry.host, password(username, secret)))
    await assertTakesUploads(target(registry.host, password(username, secret)))
  } finally {
    await registry.stop()
  }
})
