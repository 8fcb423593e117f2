import { expect, test } from 'vitest'
import type { KeyVersion } from '../../src/keys/key.ts'
import { codeOfAsync } from '../support/errors.ts'
import { later, NOW, sampleKey, sampleVersion, storeKey } from './records.ts'
import type { OpenEmpty } from './store-contract.ts'

/** Defines the tests of keys, versions and intents. */
export function testKeyRecords(openEmpty: OpenEmpty): void {
  testKeys(openEmpty)
  testVersions(openEmpty)
  testIntents(openEmpty)
}

function testKeys(openEmpty: OpenEmpty): void {
  test('keys come back as they were put, by name', async () => {
    const store = await openEmpty()
    const token = sampleKey('sessions', { use: 'token', algorithm: 'RS256' })
    const manual = sampleKey('release', {
      policy: { ...sampleKey('release').policy, everySeconds: undefined },
    })
    await storeKey(store, token)
    await storeKey(store, manual)

    expect(await store.transaction(({ keys }) => keys.keys())).toStrictEqual([manual, token])
  })

  test('a key that is put again gets the new policy and provider', async () => {
    const store = await openEmpty()
    const first = sampleKey('release')
    const second = {
      ...first,
      provider: 'pkcs11:token=prod',
      policy: { ...first.policy, maxAgeSeconds: 1 },
      formerPolicies: [{ policy: first.policy, countsUntil: later(5000) }],
    }
    await storeKey(store, first)
    await storeKey(store, second)

    expect(await store.transaction(({ keys }) => keys.keys())).toStrictEqual([second])
  })

  test.each([{ use: 'token' }, { algorithm: 'ES384' }] as const)(
    'the use and the algorithm of a key never change: %o',
    async (change) => {
      const store = await openEmpty()
      await storeKey(store, sampleKey('release'))

      const code = await codeOfAsync(() => storeKey(store, sampleKey('release', change)))

      expect(code).toBe('ERR_KEY_EXISTS')
      expect(await store.transaction(({ keys }) => keys.keys())).toEqual([sampleKey('release')])
    },
  )
}

function testVersions(openEmpty: OpenEmpty): void {
  test('a version comes back as it was inserted, with its parsed public key', async () => {
    const store = await openEmpty()
    const full = sampleVersion('release', 1, {
      state: 'revoked',
      publishedAt: later(1),
      activatedAt: later(2),
      retiredAt: later(3),
      revokedAt: later(4),
      compromisedSince: later(-5),
      destroyedAt: later(6),
      isForced: true,
      certificates: '-----BEGIN CERTIFICATE-----\n',
      revision: 7,
    })
    const bare = sampleVersion('release', 2)
    await storeKey(store, sampleKey('release'), full, bare)

    const versions = await store.transaction(({ keys }) => keys.versions())

    expect(versions.map(withoutKeyObject)).toEqual([full, bare].map(withoutKeyObject))
    expect(versions[0]?.publicKey.keyObject.equals(full.publicKey.keyObject)).toBe(true)
  })

  test('versions are asked for by key, or by kid, and come in order of their number', async () => {
    const store = await openEmpty()
    const [second, first] = [sampleVersion('release', 2), sampleVersion('release', 1)]
    const other = sampleVersion('sessions', 1)
    await storeKey(store, sampleKey('release'), second, first)
    await storeKey(store, sampleKey('sessions'), other)

    const kids = [other.publicKey.kid, 'unknown', other.publicKey.kid]
    const found = await store.transaction(async ({ keys }) => ({
      release: (await keys.versions('release')).map(({ version }) => version),
      byKid: (await keys.versionsOf(kids)).map(({ key }) => key),
      byNone: await keys.versionsOf([]),
    }))

    expect(found).toEqual({ release: [1, 2], byKid: ['sessions'], byNone: [] })
  })

  test('a number or a key pair is never used twice', async () => {
    const store = await openEmpty()
    const first = sampleVersion('release', 1)
    await storeKey(store, sampleKey('release'), first)
    const insert = (version: KeyVersion): Promise<unknown> =>
      codeOfAsync(() => store.transaction(({ keys }) => keys.insertVersion(version)))

    expect(await insert(sampleVersion('release', 1))).toBe('ERR_KEY_EXISTS')
    expect(await insert({ ...first, version: 2 })).toBe('ERR_KEY_EXISTS')
  })

  test('a version is replaced only by who knew its newest revision', async () => {
    const store = await openEmpty()
    const first = sampleVersion('release', 1)
    await storeKey(store, sampleKey('release'), first)
    const next = { ...first, state: 'active', activatedAt: NOW, revision: 2 } as const
    const replace = (): Promise<unknown> =>
      codeOfAsync(() => store.transaction(({ keys }) => keys.replaceVersion(next)))

    expect([await replace(), await replace()]).toEqual(['accepted', 'ERR_STATE_CONFLICT'])
    const [stored] = await store.transaction(({ keys }) => keys.versions('release'))
    expect(stored).toMatchObject({ state: 'active', activatedAt: NOW, revision: 2 })
  })

  test('of two who change a version at once, one is told that it was too late', async () => {
    const store = await openEmpty()
    const first = sampleVersion('release', 1)
    await storeKey(store, sampleKey('release'), first)

    const codes = await Promise.all(
      (['active', 'revoked'] as const).map((state) =>
        codeOfAsync(() =>
          store.transaction(async ({ keys }) => {
            await keys.lockKey('release')
            await keys.replaceVersion({ ...first, state, revision: 2 })
          }),
        ),
      ),
    )

    expect(codes.toSorted()).toEqual(['ERR_STATE_CONFLICT', 'accepted'])
  })

  test('a second active version of a key is refused from every caller', async () => {
    const store = await openEmpty()
    const active = sampleVersion('release', 1, { state: 'active' })
    const standby = sampleVersion('release', 2)
    await storeKey(store, sampleKey('release'), active, standby)

    const code = await codeOfAsync(() =>
      store.transaction(({ keys }) =>
        keys.replaceVersion({ ...standby, state: 'active', revision: 2 }),
      ),
    )

    expect(code).toBe('ERR_STATE_CONFLICT')
  })

  test('the sequence starts at 0 and grows by one', async () => {
    const store = await openEmpty()

    const numbers = await store.transaction(async ({ keys }) => [
      await keys.sequence(),
      await keys.nextSequence(),
      await keys.nextSequence(),
      await keys.sequence(),
    ])

    expect(numbers).toEqual([0, 1, 2, 2])
  })
}

function testIntents(openEmpty: OpenEmpty): void {
  test('an intent stays until it is deleted', async () => {
    const store = await openEmpty()
    await storeKey(store, sampleKey('release'))
    const intent = { id: 'a1', key: 'release', version: 1, uri: 'file:a.pem', createdAt: NOW }
    await store.transaction(({ keys }) => keys.insertIntent(intent))

    expect(await store.transaction(({ keys }) => keys.intents())).toStrictEqual([intent])
    await store.transaction(({ keys }) => keys.deleteIntent('a1'))
    expect(await store.transaction(({ keys }) => keys.intents())).toEqual([])
  })
}

/** A version with what can be compared of its public key. */
function withoutKeyObject({ publicKey, ...version }: KeyVersion): unknown {
  const { kid, hint, algorithm, spki } = publicKey
  return { ...version, kid, hint, algorithm, spki: Buffer.from(spki).toString('hex') }
}
