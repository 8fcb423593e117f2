import { expect, test } from 'vitest'
import { readBatch } from '../../../src/client/service-answers.ts'
import { type Digest, digestOf } from '../../../src/crypto/digest.ts'
import type { JsonObject } from '../../../src/formats/json.ts'
import { digestArtifact } from '../../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../../src/verification/policy.ts'
import { pinKey } from '../../../src/verification/trust.ts'
import { verifyBundle } from '../../../src/verification/verify-bundle.ts'
import { testSigner } from '../../support/signers.ts'
import { CREDENTIALS, startService } from '../../support/service.ts'

const DIGESTS = Array.from({ length: 5 }, (_, index): Digest => digestOf(Buffer.of(index)))
const ARTIFACTS = DIGESTS.map((digest, index) => ({ digest, kind: 'file', name: `f${index}` }))

function request(artifacts: readonly object[], headers: Readonly<Record<string, string>> = {}) {
  const url = '/v1/keys/release/batches'
  return {
    method: 'POST',
    url,
    headers: { ...CREDENTIALS, ...headers },
    payload: { artifacts },
  } as const
}

test('one signature, one entry of the log and a proof for each artifact', async () => {
  const { app, log } = await startService()

  const answer = await app.inject(request(ARTIFACTS))

  expect(answer.statusCode).toBe(200)
  const json = answer.json<JsonObject>()
  expect(json).toMatchObject({ key: 'release', version: 1, logIndex: 0 })
  expect(await log()).toMatchObject([
    {
      type: 'signature',
      digests: DIGESTS,
      predicateType: 'https://countersign.dev/merkle-batch/v1',
    },
  ])
  const trust = { keys: [pinKey(testSigner().key)] }
  const context = { trust, policy: SIGNATURE_POLICY, now: new Date() }
  for (const [index, result] of readBatch(json, DIGESTS).results.entries()) {
    if (!('bundle' in result)) throw new Error('not signed')
    const artifact = digestArtifact('artifact', DIGESTS.slice(index, index + 1))
    const bytes = Buffer.from(JSON.stringify(result.bundle))

    expect(await verifyBundle(bytes, artifact, context)).toMatchObject({ logEntries: 0 })
  }
})

test('a policy that refuses one artifact refuses the batch, and nothing is signed', async () => {
  const policies = `permit (principal, action == Action::"sign", resource)
    when { context.subject.name != "f3" };`
  const { app, log } = await startService({ policies })

  const answer = await app.inject(request(ARTIFACTS))

  expect(answer.statusCode).toBe(403)
  expect(await log()).toMatchObject([{ type: 'denial' }])
})

test('the same Idempotency-Key gets the same batch, proofs and all, and signs once', async () => {
  const { app, log } = await startService()
  const again = request(ARTIFACTS, { 'idempotency-key': 'one' })

  const first = await app.inject(again)
  const second = await app.inject(again)

  expect(second.json()).toEqual(first.json())
  expect(await log()).toHaveLength(1)
})

test('more artifacts than one entry of the log holds are refused', async () => {
  const { app, log } = await startService()
  const artifacts = Array.from({ length: 513 }, (_, index) => ({
    digest: digestOf(Buffer.from(String(index))),
    kind: 'file',
  }))

  const refused = await app.inject(request(artifacts))
  const signed = await app.inject(request(artifacts.slice(1)))

  expect([refused.statusCode, signed.statusCode]).toEqual([400, 200])
  expect(await log()).toHaveLength(1)
})
