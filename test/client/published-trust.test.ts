/** What the service publishes, as its own client takes it. */
import { expect, test } from 'vitest'
import { createBoundedGet } from '../../src/client/bounded-get.ts'
import { createTrustCache } from '../../src/client/trust-cache.ts'
import { findTrustKey } from '../../src/client/trust-pin.ts'
import type { KeyringSnapshot } from '../../src/rotation/keyring.ts'
import { createHistory, signHistory } from '../../src/service/publishing/published-pages.ts'
import { parseTrustedRoot } from '../../src/verification/trusted-root.ts'
import { startPublications, timesFrom } from '../support/publications.ts'
import { serviceKey, serviceVersion } from '../support/service-keys.ts'
import { testSigner } from '../support/signers.ts'
import { createTestAuthority } from '../support/time-stamps.ts'

const [first, second] = [testSigner('ES256', 'trust 1'), testSigner('ES256', 'trust 2')]

function snapshot(): KeyringSnapshot {
  const { signer, chain } = createTestAuthority()
  const standby = { version: 2, state: 'pending', activatedAt: undefined } as const
  return {
    sequence: 12,
    keys: [
      serviceKey('release', 'artifact'),
      serviceKey('tsa', 'timestamp'),
      serviceKey('trust', 'trust'),
    ],
    versions: [
      serviceVersion('release', testSigner()),
      serviceVersion('tsa', signer, { certificates: chain }),
      serviceVersion('trust', first),
      serviceVersion('trust', second, standby),
    ],
  }
}

test('a client pins, verifies and reads what the service publishes, and learns the next trust key', async () => {
  const server = await startPublications()
  const times = timesFrom(new Date('2026-03-04T00:00:00Z'))
  const published = {
    ...createHistory(snapshot(), {
      issuer: 'https://sign.example.com',
      logOrigin: 'sign.example.com',
      auditOrigin: 'sign.example.com/audit',
    }),
    times,
  }
  const body = await signHistory(published, first)
  server.pages.set('/trust/keys.json', body)
  const trustKey = findTrustKey(body)
  expect(trustKey.kid).toBe(first.key.kid)

  const { history } = await createTrustCache({
    service: server.url,
    trustKey,
    get: createBoundedGet({ allowPrivateAddresses: true }),
    now: () => new Date('2026-03-04T05:06:07Z'),
    random: () => 0,
  }).current()

  expect(history.versions.map(({ name, state }) => `${name} ${state}`)).toEqual(['release active'])
  expect(history.trustKeys?.map(({ kid }) => kid)).toEqual([first.key.kid, second.key.kid])
  const root = await parseTrustedRoot(Buffer.from(JSON.stringify(history.trustedRoot)))
  expect(root.timestampAuthorities).toHaveLength(1)
})
