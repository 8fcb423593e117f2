import { describe, expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { KEY_USES, type KeyUse } from '../../src/keys/key.ts'
import {
  signArtifact,
  type SignArtifactOptions,
  signFileDigest,
  signImageLegacy,
} from '../../src/signing/sign-artifact.ts'
import { digestArtifact } from '../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { pinKey, type TrustedKey } from '../../src/verification/trust.ts'
import { examineBundle, type BundleOutcome } from '../../src/verification/verify-bundle.ts'
import { examineLegacySignature } from '../../src/verification/verify-legacy.ts'
import { testSigner } from '../support/signers.ts'

const signer = testSigner()
const digest = digestOf(Buffer.from('an artifact'))
const artifact = digestArtifact('app', [digest])
const now = new Date('2026-11-22T10:00:00Z')
const options: SignArtifactOptions = {}

/** The key as a history with one use states it. */
function listed(use: KeyUse): TrustedKey {
  return {
    key: signer.key,
    state: 'active',
    use,
    version: { key: 'release', number: 1 },
    validFor: { start: new Date(0), end: undefined },
  }
}

const FORMS: Readonly<Record<string, (trusted: TrustedKey) => Promise<BundleOutcome>>> = {
  'a statement': async (trusted) => {
    const { bundle } = await signArtifact(signer, { digest }, options)
    return examineBundle(bundle, artifact, contextOf(trusted))
  },
  'a message signature': async (trusted) => {
    const { bundle } = await signFileDigest(signer, digest, options)
    return examineBundle(bundle, artifact, contextOf(trusted))
  },
  'an older payload': async (trusted) => {
    const legacy = await signImageLegacy(signer, { digest, dockerReference: 'a/b' }, options)
    return examineLegacySignature(legacy, artifact, contextOf(trusted))
  },
}

function contextOf(trusted: TrustedKey) {
  return { trust: { keys: [trusted] }, policy: SIGNATURE_POLICY, now }
}

/** The only pairs that pass. */
const SIGNS: Readonly<Record<string, KeyUse>> = {
  'a statement': 'artifact',
  'a message signature': 'digest',
  'an older payload': 'artifact',
}

describe.each(Object.entries(FORMS))('%s', (form, examine) => {
  test.each(KEY_USES)(
    'by a key listed with the use %s counts only if that signs it',
    async (use) => {
      const outcome = await examine(listed(use))

      expect(outcome).toMatchObject(
        use === SIGNS[form] ? { ok: true } : { ok: false, error: { code: 'ERR_KEY_USE_MISMATCH' } },
      )
    },
  )

  test('by a key that the verifier names counts: it states no use', async () => {
    expect(await examine(pinKey(signer.key))).toMatchObject({ ok: true })
  })
})
