import { formatDigest } from '../../../src/crypto/digest.ts'
import { fromKeyObject } from '../../../src/crypto/public-key.ts'
import { digestArtifact } from '../../../src/verification/artifact.ts'
import { SIGNATURE_POLICY } from '../../../src/verification/policy.ts'
import { pinKey } from '../../../src/verification/trust.ts'
import { verifyBundle } from '../../../src/verification/verify-bundle.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { describeOwnVectors, ownPublicKey } from '../../support/own-vectors.ts'

interface Input {
  readonly data: string
  /** SHA-256 of the artifact, hex. */
  readonly artifact: string
}

const NOW = new Date('2026-03-04T05:06:07Z')

describeOwnVectors<Input>('bundles', async ({ artifact, data }, { algorithm, key = '' }) => {
  const digest = formatDigest('sha256', Buffer.from(artifact, 'hex'))
  const context = {
    trust: { keys: [pinKey(fromKeyObject(ownPublicKey(key), algorithm))] },
    policy: {
      ...SIGNATURE_POLICY,
      predicateTypes: 'any',
      evidence: { logEntries: 0, times: 0 },
    } as const,
    now: NOW,
  }
  const bundle = Buffer.from(data)
  const code = await codeOfAsync(() =>
    verifyBundle(bundle, digestArtifact('artifact', [digest]), context),
  )
  if (code === 'ERR_INTERNAL') throw new Error('refused with ERR_INTERNAL')
  return code === 'accepted'
})
