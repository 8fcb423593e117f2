/** Any bytes at all, sent to a service as its users run it. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { runServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const DIGEST = digestOf(Buffer.from('an artifact'))

const POSTS = [
  ...['signatures', 'attestations', 'tokens', 'import', 'rotate', 'activate', 'retire'],
  ...['revoke', 'destroy', 'batches'],
].map((name) => `/v1/keys/release/${name}`)
POSTS.push('/v1/keys', '/v1/verifications', '/v1/approvals/one', '/v1/timestamps')

const TYPES = [
  'application/json',
  'application/timestamp-query',
  'text/plain',
  'multipart/form-data',
]

/** Bytes, or JSON that looks a little like what routes take. */
const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.jsonValue({ maxDepth: 3 }).map((value) => Buffer.from(JSON.stringify(value))),
  fc
    .dictionary(
      fc.constantFrom(
        ...['key', 'artifacts', 'subjects', 'predicate', 'predicateType', 'audience', 'claims'],
        ...['lifetimeSeconds', 'bundle', 'artifact', 'token', 'tokenPolicy', 'version', 'mode'],
        ...['uri', 'reason', 'provenance', 'cancel', 'force', 'requestSha256', '__proto__'],
      ),
      fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('release', DIGEST, 'any', 1, true)),
    )
    .map((value) => Buffer.from(JSON.stringify(value))),
)

test('no bytes sent to any route are a failure of the service', async () => {
  const keys = { release: { use: 'artifact' }, sessions: { use: 'token' } } as const
  const folder = writeServiceFolder({ folder: createTempFolder(), keys })
  const { address } = await runServer(folder)
  const { authorization } = folder
  const type = fc.oneof(
    { weight: 9, arbitrary: fc.constant('application/json') },
    fc.constantFrom(...TYPES),
  )

  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...POSTS), type, anyBody, async (url, contentType, body) => {
      const headers = { authorization, 'content-type': contentType }
      const answer = await fetch(`${address}${url}`, { method: 'POST', headers, body })
      expect(await answer.text()).not.toBe('')
      expect(answer.status).toBeLessThan(500)
    }),
    { numRuns: 400 },
  )
  expect((await fetch(`${address}/readyz`)).status).toBe(200)
})
