/** What other tools say to members of our signed batches: they refuse them, and verify the bundle inside. */
import { bundleFromJSON } from '@sigstore/bundle'
import { toSignedEntity } from '@sigstore/verify'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COSIGN } from '../../tools/interop/peers.ts'
import { type Cosign, prepareCosign } from './support/cosign.ts'
import { createKeyRing, type KeyRing, type SigningKey } from './support/keys.ts'
import { describeWith } from './support/needs.ts'
import { countersign } from './support/run.ts'
import { stockVerifier } from './support/stock-verifier.ts'

let ring: KeyRing
let key: SigningKey
let artifact: string
let member: string
/** The bundle inside of the member, in a file of its own. */
let inside: string

beforeAll(async () => {
  ring = await createKeyRing()
  key = ring.key('file ES256')
  const paths = ['a', 'b', 'c'].map((name) => join(ring.folder, name))
  for (const path of paths) writeFileSync(path, `content of ${path}\n`)
  const [first = ''] = paths
  artifact = first
  await countersign(['sign', '--batch', ...paths, '--key', key.reference], key.env)
  member = `${artifact}.sigstore.json`
  inside = join(ring.folder, 'inside.json')
  const { bundle } = JSON.parse(readFileSync(member, 'utf8')) as { bundle: unknown }
  writeFileSync(inside, JSON.stringify(bundle))
})
afterAll(() => ring[Symbol.asyncDispose]())

test('countersign verifies a member offline', async () => {
  const args = ['verify', artifact, '--key', key.publicPath, '--offline']

  expect(await countersign(args)).toContain(artifact)
})

describeWith('cosign', [COSIGN], () => {
  let cosign: Cosign
  beforeAll(() => void (cosign = prepareCosign()))
  afterAll(() => {
    cosign.remove()
  })

  test('refuses a member, and verifies the signature of the batch without its claims', async () => {
    const type = ['--type', 'https://countersign.dev/merkle-batch/v1']
    const flags = ['--key', key.publicPath, ...cosign.verifyFlags, ...type]
    const verify = ['verify-blob-attestation', ...flags, '--bundle']

    const refusals = [
      await cosign.attempt(...verify, member, artifact),
      // The batch is about no file, so its claims never hold.
      await cosign.attempt(...verify, inside, artifact),
    ]

    expect(refusals.map(({ status }) => status)).not.toContain(0)
    await cosign.run(...verify, inside, '--check-claims=false', artifact)
  })
})

describe('stock @sigstore/verify', () => {
  test('refuses a member, and verifies the signature of the batch', () => {
    const batch = bundleFromJSON(JSON.parse(readFileSync(inside, 'utf8')))

    stockVerifier(key.publicPath).verify(toSignedEntity(batch))

    expect(() => bundleFromJSON(JSON.parse(readFileSync(member, 'utf8')))).toThrow()
  })
})
