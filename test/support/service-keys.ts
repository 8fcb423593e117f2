/** Keys and versions of a service, with the transitions a test says were made. */
import type { Key, KeyUse, KeyVersion } from '../../src/keys/key.ts'
import { createRotationPolicy } from '../../src/keys/policy.ts'
import type { Signer } from '../../src/signing/signer.ts'

/** A key with the default quantities of rotation. */
export function serviceKey(name: string, use: KeyUse): Key {
  const policy = createRotationPolicy(use, {})
  return { name, use, algorithm: 'ES256', policy, provider: 'file:keys/' }
}

/** An active version: created on 1 January 2026, published on the second and activated on the third. */
export function serviceVersion(
  key: string,
  { key: publicKey }: Signer,
  changes: Partial<KeyVersion> = {},
): KeyVersion {
  return {
    key,
    version: 1,
    publicKey,
    uri: 'file:keys/1.pem',
    state: 'active',
    createdAt: new Date('2026-01-01T00:00:00Z'),
    origin: 'generated',
    publishedAt: new Date('2026-01-02T00:00:00Z'),
    activatedAt: new Date('2026-01-03T00:00:00Z'),
    retiredAt: undefined,
    revokedAt: undefined,
    compromisedSince: undefined,
    destroyedAt: undefined,
    isForced: false,
    certificates: undefined,
    revision: 1,
    ...changes,
  }
}
