import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeSnappy } from '../../action/snappy.ts'
import { type GitHubApi, startGitHubApi } from '../../src/testing.ts'

const ATTESTATIONS = '/repos/acme/widget/attestations'
const DIGEST = 'ab'.repeat(32)
let api: GitHubApi

beforeEach(async () => {
  api = await startGitHubApi()
})
afterEach(() => api[Symbol.asyncDispose]())

async function upload(text = DIGEST): Promise<number> {
  const bundle = { dsseEnvelope: { payload: Buffer.from(text).toString('base64') } }
  const body = JSON.stringify({ bundle })
  return (await fetch(api.url + ATTESTATIONS, { method: 'POST', body })).status
}

test('stores uploads, and lists them by the digest of their subject', async () => {
  await upload('another')
  await upload()

  const list = await fetch(`${api.url}${ATTESTATIONS}/sha256%3A${DIGEST}?per_page=9`)
  const nothing = await fetch(`${api.url}${ATTESTATIONS}/sha256:00ff`)

  expect(await list.json()).toMatchObject({ attestations: [{ bundle_url: `${api.url}/blobs/2` }] })
  expect(nothing.status).toBe(404)
})

test('serves bundles in snappy, and refuses requests with a token', async () => {
  await upload('x'.repeat(70_000))

  const bundle = await fetch(`${api.url}/blobs/1`)
  const refused = await fetch(`${api.url}/blobs/1`, { headers: { authorization: 'Bearer a' } })

  const bytes = decodeSnappy(new Uint8Array(await bundle.arrayBuffer()), 1 << 20)
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual(api.bundles[0])
  expect(refused.status).toBe(400)
  expect((await fetch(`${api.url}/blobs/2`)).status).toBe(404)
})

test('gives the configured answers in order, then repeats the last one', async () => {
  api.answer(/^POST/, { status: 429, headers: { 'retry-after': '1' } }, { delayMs: 1 }, {})

  const answers = [await upload(), await upload(), await upload()]

  expect(answers).toEqual([429, 201, 201])
  expect(api.requests).toHaveLength(3)
})

test('an upload that is not JSON is disconnected', async () => {
  const sent = fetch(api.url + ATTESTATIONS, { method: 'POST', body: '{' })

  await expect(sent).rejects.toThrow('fetch failed')
})

test('never answers where the answer is late for ever', async () => {
  api.answer(/./, { delayMs: Infinity })

  const asked = fetch(api.url, { signal: AbortSignal.timeout(50) })

  await expect(asked).rejects.toThrow('timeout')
})

test('keeps storage records, and answers with their ids', async () => {
  const record = { name: 'ghcr.io/acme/app', digest: `sha256:${DIGEST}` }
  const path = '/orgs/acme/artifacts/metadata/storage-record'

  const answer = await fetch(api.url + path, { method: 'POST', body: JSON.stringify(record) })

  expect(await answer.json()).toMatchObject({ storage_records: [{ id: 1, ...record }] })
  expect(api.storageRecords).toEqual([record])
})
