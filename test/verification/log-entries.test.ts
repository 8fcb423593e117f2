import { expect, test } from 'vitest'
import { encodeBase64 } from '../../src/crypto/base64.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { serializeHashedRekord } from '../../src/formats/hashedrekord.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../src/formats/json.ts'
import { withLogEntry } from '../../src/formats/log-entry.ts'
import { signArtifact } from '../../src/signing/sign-artifact.ts'
import { assertEntriesAbout } from '../../src/verification/log-entries.ts'
import { changeBehind } from '../support/changed-text.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}` as const
const signer = testSigner('ES256', 'release')
const EMPTY = new Uint8Array()

/** A bundle whose one entry has a body. */
async function bundleWith(change: (body: string) => string): Promise<Uint8Array> {
  const { bundle, facts } = await signArtifact(signer, { digest: DIGEST })
  const body = Buffer.from(serializeHashedRekord(signer.key, facts) ?? []).toString()
  const leaf = Buffer.from(change(body))
  const proof = { leaf, index: 0, size: 1, root: EMPTY, hashes: [], checkpoint: '', keyId: EMPTY }
  return Buffer.from(JSON.stringify(withLogEntry(toJson(bundle), proof)))
}

function toJson(bytes: Uint8Array): JsonObject {
  const json = parseJson(bytes)
  if (!isJsonObject(json)) throw new TypeError('a bundle is an object')
  return json
}

test('an entry is about its bundle where its whole body is that of the signature', async () => {
  const bundle = parseBundle(await bundleWith((body) => body))

  assertEntriesAbout(bundle, signer.key)
})

const OTHER_KEY = encodeBase64(testSigner('ES256', 'other').key.spki)

test.each([
  ['another key', (body: string) => body.replace(encodeBase64(signer.key.spki), OTHER_KEY)],
  ['another name of the algorithm', (body: string) => body.replace('P256', 'P384')],
  ['blank space', (body: string) => body.replace('{', '{ ')],
  ['a member more', (body: string) => body.replace('{', '{"more":1,')],
  ['another digest', (body: string) => changeBehind(body, /"digest":"/)],
])('an entry with %s is about another signature', async (_what, change) => {
  const bundle = parseBundle(await bundleWith(change))

  expect(
    codeOf(() => {
      assertEntriesAbout(bundle, signer.key)
    }),
  ).toBe('ERR_LOG_PROOF_INVALID')
})
