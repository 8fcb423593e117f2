import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import type { RegistryCredentialSource } from '../../src/oci/credentials.ts'
import { createArtifact, createImage } from '../support/oci-content.ts'
import { refuse } from '../support/registry/faults.ts'
import { createRegistryDouble, type RegistryDouble } from '../support/registry/registry-double.ts'
import type { Switches } from '../support/registry/switches.ts'
import { login, openRegistry, pushImage } from './open-registry.ts'

const image = createImage()

/** A double that holds the image and has forgotten who pushed it. */
async function createGuarded(switches: Partial<Switches>): Promise<RegistryDouble> {
  const double = await createRegistryDouble()
  await pushImage(double.host, image, { tag: 'v1' })
  Object.assign(double.switches, switches)
  double.requests.length = 0
  return double
}

const broken: RegistryCredentialSource = () =>
  Promise.reject(new CountersignError('ERR_CONFIG_INVALID', 'no such helper'))

test('a helper that fails does not stop the reading of a public image', async () => {
  const double = await createGuarded({ auth: 'bearer', isPullPublic: true })
  const store = openRegistry(double.host, { credentials: broken })

  expect(await store.resolve({ tag: 'v1' })).toEqual(image.descriptor)
})

test.each(['basic', 'bearer'] as const)(
  'a helper that fails is the error of a private image (%s), and of a push',
  async (auth) => {
    const double = await createGuarded({ auth })
    const store = openRegistry(double.host, { credentials: broken })
    const failure = { code: 'ERR_CONFIG_INVALID', message: 'no such helper' }

    await expect(store.resolve({ tag: 'v1' })).rejects.toMatchObject(failure)
    await expect(store.attach(createArtifact(image.descriptor))).rejects.toMatchObject(failure)
  },
)

test.each([403, 404])('a login is tried where a request without one gets %i', async (status) => {
  const double = await createGuarded({ auth: 'basic' })
  const hidden = (): void => {
    double.switches.faults.push({ on: /manifests\/v1/, times: 1, answer: refuse(status) })
  }
  hidden()
  expect(await openRegistry(double.host, { credentials: login }).resolve({ tag: 'v1' })).toEqual(
    image.descriptor,
  )
  hidden()
  await expect(openRegistry(double.host).resolve({ tag: 'v2' })).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
  })
})

test('a 404 sends no login to a registry that asks for none', async () => {
  const double = await createGuarded({})
  const store = openRegistry(double.host, { credentials: login })

  await expect(store.resolve({ tag: 'v2' })).rejects.toMatchObject({
    code: 'ERR_ARTIFACT_NOT_FOUND',
  })
  expect(double.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([])
})

test('a registry token is sent as it is', async () => {
  const double = await createGuarded({ auth: 'bearer' })
  const credentials: RegistryCredentialSource = () =>
    Promise.resolve({ kind: 'registry-token', token: 'given', source: 'the test' })
  const store = openRegistry(double.host, { credentials })

  await expect(store.resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
  })
  expect(double.requests.map(({ authorization }) => authorization)).toEqual([
    undefined,
    'Bearer given',
  ])
})

test.each([
  ['an empty token beside an access token', 200, { token: '', access_token: 'T' }],
  ['a lifetime that is a text', 200, { token: 'T', expires_in: '300' }],
  ['a lifetime of nothing', 200, { token: 'T', expires_in: null }],
  ['another status of success', 201, { access_token: 'T' }],
])('a token answer with %s is read', async (_what, status, document) => {
  const double = await createGuarded({ auth: 'bearer' })
  const body = JSON.stringify(document)
  double.switches.faults.push({ on: /\/token/, answer: refuse(status, {}, body) })
  const store = openRegistry(double.host, { credentials: login })

  await expect(store.resolve({ tag: 'v1' })).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
  })
  expect(double.requests.at(-1)?.authorization).toBe('Bearer T')
})
