import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { canonicalBundleDigest } from '../../src/formats/canonical-bundle.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../src/formats/json.ts'
import { withLogEntry } from '../../src/formats/log-entry.ts'
import { signArtifact } from '../../src/signing/sign-artifact.ts'
import { testSigner } from '../support/signers.ts'

const { bundle: signed } = await signArtifact(testSigner(), {
  digest: digestOf(Buffer.from('an artifact')),
})
const json = ((document): JsonObject => (isJsonObject(document) ? document : {}))(parseJson(signed))

const proven = withLogEntry(json, {
  leaf: Buffer.from('a leaf'),
  index: 0,
  size: 1,
  root: Buffer.alloc(32, 1),
  hashes: [],
  checkpoint: 'log.example\n1\nAQ==\n\n— log.example AQ==\n',
  keyId: Buffer.alloc(32, 3),
})

test('a bundle is named by what was signed, whatever log entries it carries', () => {
  expect(canonicalBundleDigest(signed)).toBe(digestOf(signed))
  expect(canonicalBundleDigest(Buffer.from(JSON.stringify(proven)))).toBe(digestOf(signed))
})

test('a bundle is named alike with blank space and without', () => {
  const spaced = Buffer.from(JSON.stringify(proven, undefined, 2))

  expect(canonicalBundleDigest(spaced)).toBe(digestOf(signed))
})

test('another signature is another bundle', async () => {
  const { bundle } = await signArtifact(testSigner('ES256', 'other'), {
    digest: digestOf(Buffer.from('an artifact')),
  })

  expect(canonicalBundleDigest(bundle)).not.toBe(digestOf(signed))
})
