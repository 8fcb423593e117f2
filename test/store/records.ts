import { generateKeyPairSync } from 'node:crypto'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { fromKeyObject } from '../../src/crypto/public-key.ts'
import type { Key, KeyVersion } from '../../src/keys/key.ts'
import type { Store, StoreTransaction } from '../../src/store/store.ts'

/** A moment of the tests; `later(n)` is n seconds behind it. */
export const NOW: Date = new Date('2026-11-25T10:00:00.123Z')

/** A moment after {@link NOW}. */
export function later(seconds: number): Date {
  return new Date(NOW.getTime() + seconds * 1000)
}

/** A key with a policy of which every quantity is different. */
export function sampleKey(name: string, overrides: Partial<Key> = {}): Key {
  return {
    name,
    use: 'artifact',
    algorithm: 'ES256',
    provider: 'file:keys/',
    policy: {
      maxAgeSeconds: 300,
      verifierCacheSeconds: 900,
      replicaLagSeconds: 5,
      signerLagSeconds: 6,
      clockSkewSeconds: 60,
      maxTokenLifetimeSeconds: 3600,
      verifierLeewaySeconds: 61,
      everySeconds: 7_776_000,
      auditWindowSeconds: 86_400,
    },
    ...overrides,
  }
}

/** A pending version with a key pair of its own. */
export function sampleVersion(
  key: string,
  version: number,
  overrides: Partial<KeyVersion> = {},
  algorithm: AlgorithmName = 'ES256',
): KeyVersion {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    key,
    version,
    publicKey: fromKeyObject(publicKey, algorithm),
    uri: `file:keys/${key}-${version}.pem`,
    state: 'pending',
    createdAt: NOW,
    origin: 'generated',
    publishedAt: undefined,
    activatedAt: undefined,
    retiredAt: undefined,
    revokedAt: undefined,
    compromisedSince: undefined,
    destroyedAt: undefined,
    isForced: false,
    certificates: undefined,
    revision: 1,
    ...overrides,
  }
}

/** Stores a key with these versions. */
export async function storeKey(
  store: Store,
  key: Key,
  ...versions: readonly KeyVersion[]
): Promise<void> {
  await store.transaction(async ({ keys }) => {
    await keys.putKey(key)
    for (const version of versions) await keys.insertVersion(version)
  })
}

/** Appends entries with these labels, one of a few bytes each; answers the size after it. */
export async function appendEntries(
  { log }: StoreTransaction,
  labels: readonly (readonly string[])[],
): Promise<number> {
  const { size } = await log.lockHead()
  await log.insertEntries(
    labels.map((those, offset) => ({
      index: size + offset,
      data: new TextEncoder().encode(`entry ${size + offset}`),
      labels: those,
    })),
  )
  const root = new Uint8Array(32).fill(size + labels.length)
  const head = { size: size + labels.length, root, latest: new Date(size) }
  await log.putHead(head)
  return head.size
}
