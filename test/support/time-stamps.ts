/** Our own time-stamp authority over a key in memory, with a clock that stands still. */
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import type { KeyVersion } from '../../src/keys/key.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { createTimestampAuthority, type TimestampAuthority } from '../../src/timestamp/authority.ts'
import { issueTimestampChain } from '../../src/timestamp/certificates.ts'
import { createStampClock } from '../../src/timestamp/stamp-clock.ts'
import { serializeTrustedRoot } from '../../src/timestamp/trusted-root.ts'
import { serviceKey, serviceVersion } from './service-keys.ts'
import { testSigner } from './signers.ts'

/** When the certificates of these authorities start to be valid. */
const CHAIN_START: Date = new Date('2026-01-01T00:00:00Z')

/** The default time of a test clock. */
export const STAMP_TIME: Date = new Date('2026-03-04T05:06:07Z')

/** An authority, and its certificates as PEM. */
export interface TestAuthority {
  readonly authority: TimestampAuthority
  readonly signer: Signer
  readonly leaf: string
  readonly root: string
  readonly chain: string
}

/** Issues a chain for a key of the test. */
export function testChain(signer: Signer, version = 1): string {
  return issueTimestampChain({
    publicKey: signer.key,
    key: 'tsa',
    version,
    issuer: 'https://sign.example.com',
    notBefore: CHAIN_START,
    notAfter: new Date('2036-01-01T00:00:00Z'),
  })
}

/** Makes an authority; another `name` has another key. */
export function createTestAuthority(
  algorithm: AlgorithmName = 'ES256',
  now: () => Date = () => STAMP_TIME,
  name = 'tsa',
): TestAuthority {
  const signer = testSigner(algorithm, name)
  const chain = testChain(signer)
  const clock = createStampClock(now)
  const authority = createTimestampAuthority({ signer, certificates: chain, clock })
  const [leaf = '', root = ''] = chain.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/g) ?? []
  return { authority, signer, leaf, root, chain }
}

/** The trusted root of a service with this authority, a log, and a key for artifacts. */
export function testTrustedRoot(
  { signer, chain }: TestAuthority,
  changes: Partial<KeyVersion> = {},
): Uint8Array {
  return serializeTrustedRoot({
    issuer: 'https://sign.example.com',
    logOrigin: 'sign.example.com',
    keys: [
      serviceKey('tsa', 'timestamp'),
      serviceKey('log', 'log'),
      serviceKey('release', 'artifact'),
    ],
    versions: [
      serviceVersion('tsa', signer, { certificates: chain, ...changes }),
      serviceVersion('log', testSigner('EdDSA', 'log')),
      serviceVersion('release', testSigner()),
    ],
  })
}
