import { expect, onTestFinished, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import { signable } from '../../src/keys/deadlines.ts'
import type { KeyVersion } from '../../src/keys/key.ts'
import { createAppender } from '../../src/log/group-appender.ts'
import { anchoredKeyring } from '../../src/rotation/anchored-keyring.ts'
import type { Keyring } from '../../src/rotation/keyring.ts'
import { withActiveSigner } from '../../src/service/operations/active-signer.ts'
import { codeOfAsync } from '../support/errors.ts'
import { CREDENTIALS, NOW, startService } from '../support/service.ts'
import { serviceKey, serviceVersion } from '../support/service-keys.ts'
import { testTreeSigner } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'

const [FIRST, SECOND] = [testSigner('ES256', 'first'), testSigner('ES256', 'second')]
const ORDER = { name: 'sessions', use: 'token' } as const

/** A keyring that does not know yet that its first version was revoked, and learns it by a refresh. */
function lateKeyring(use: 'token' | 'artifact'): Keyring & { readonly revoked: KeyVersion } {
  const key = serviceKey('sessions', use)
  const times = { revokedAt: NOW, compromisedSince: NOW }
  const revoked = serviceVersion('sessions', FIRST, { state: 'revoked', ...times })
  const stale = { key, version: serviceVersion('sessions', FIRST), signer: FIRST }
  const next = { key, version: serviceVersion('sessions', SECOND, { version: 2 }), signer: SECOND }
  let active = stale
  return {
    revoked,
    snapshot: { sequence: 1, keys: [key], versions: [stale.version] },
    activeSigner: () => Promise.resolve(active),
    onChange: () => () => undefined,
    refresh: () => {
      active = next
      return Promise.resolve()
    },
  }
}

/** A service whose log refuses what the revoked version signs. */
async function serviceThatIsLate(use: 'token' | 'artifact'): ReturnType<typeof startService> {
  const keyring = lateKeyring(use)
  const { store } = await startService()
  const refusal = signable(keyring.revoked, serviceKey('sessions', use), NOW)
  const appender = createAppender({
    store,
    now: () => NOW,
    signer: testTreeSigner(),
    admit: (_records, entries) =>
      Promise.resolve(
        entries.map((entry) =>
          'key' in entry && entry.key.kid === FIRST.key.kid ? refusal : undefined,
        ),
      ),
  })
  onTestFinished(() => appender[Symbol.asyncDispose]())
  const service = await startService({
    parts: { keyring, appender, store, stamperOf: () => undefined },
  })
  return { ...service, store }
}

test.each([
  ['token', 'tokens', { audience: 'https://api.example.com' }],
  ['artifact', 'signatures', { artifacts: [{ digest: `sha256:${'a'.repeat(64)}`, kind: 'file' }] }],
  [
    'artifact',
    'attestations',
    {
      subjects: [{ digest: `sha256:${'a'.repeat(64)}` }],
      predicateType: 'https://example.com/v1',
      predicate: {},
    },
  ],
] as const)(
  'a request under way when its version is revoked is signed by the next one (%s key, %s)',
  async (use, path, payload) => {
    const { app } = await serviceThatIsLate(use)

    const answer = await app.inject({
      method: 'POST',
      url: `/v1/keys/sessions/${path}`,
      headers: CREDENTIALS,
      payload,
    })

    expect(answer.json()).toMatchObject({ version: 2, kid: SECOND.key.kid })
    expect(answer.statusCode).toBe(200)
  },
)

test('a signature refused twice is refused', async () => {
  let tries = 0
  const work = (): Promise<never> => {
    tries += 1
    return Promise.reject(new CountersignError('ERR_KEY_REVOKED', 'it is revoked'))
  }

  expect(await codeOfAsync(() => withActiveSigner(lateKeyring('token'), ORDER, work))).toBe(
    'ERR_KEY_REVOKED',
  )
  expect(tries).toBe(2)
})

test('a version revoked before the keyring has read its successor is replaced by it', async () => {
  const revokedSince = (kid: string): Date | undefined => (kid === FIRST.key.kid ? NOW : undefined)
  const anchor = { assertCurrent: () => undefined, revokedSince }
  const keyring = anchoredKeyring(lateKeyring('token'), anchor)

  const kid = await withActiveSigner(keyring, ORDER, ({ signer }) =>
    Promise.resolve(signer.key.kid),
  )

  expect(kid).toBe(SECOND.key.kid)
})

test('a failure for another reason is not retried', async () => {
  let tries = 0
  const work = (): Promise<never> => {
    tries += 1
    return Promise.reject(new CountersignError('ERR_LOG_UNAVAILABLE', 'no log'))
  }

  expect(await codeOfAsync(() => withActiveSigner(lateKeyring('token'), ORDER, work))).toBe(
    'ERR_LOG_UNAVAILABLE',
  )
  expect(tries).toBe(1)
})
