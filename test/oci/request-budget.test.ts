import { expect, test } from 'vitest'
import { readAttachment } from '../../src/oci/attachment.ts'
import { createArtifact, createImage } from '../support/oci-content.ts'
import { createRegistryDouble } from '../support/registry/registry-double.ts'
import type { Switches } from '../support/registry/switches.ts'
import { login, openRegistry, pushImage } from './open-registry.ts'

const image = createImage()
const subject = image.descriptor.digest

async function countRequests(switches: Partial<Switches>): Promise<number> {
  const double = await createRegistryDouble({ ...switches, auth: 'none' })
  await pushImage(double.host, image)
  await openRegistry(double.host).attach(createArtifact(image.descriptor))
  Object.assign(double.switches, switches)
  double.requests.length = 0
  const store = openRegistry(double.host, { credentials: login })

  const [referrer] = await store.referrers(subject)
  if (referrer !== undefined) await readAttachment(store, { subject, referrer })

  return double.requests.length
}

// 401, token, list, manifest, blob.
test('one referrer is read with five requests, those of a token login included', async () => {
  expect(await countRequests({ auth: 'bearer' })).toBe(5)
})

test('one referrer is read with four requests after a Basic login, three without one', async () => {
  expect(await countRequests({ auth: 'basic' })).toBe(4)
  expect(await countRequests({})).toBe(3)
})

// The list costs two: the API says no, the tag has it. A 404 may hide what is private, so a registry that
// has asked for no login is asked once whether it wants the one that is there.
test('a registry without the referrers API costs one request more, two before a login', async () => {
  expect(await countRequests({ referrersApi: 'off' })).toBe(5)
  expect(await countRequests({ referrersApi: 'off', auth: 'basic' })).toBe(5)
})
