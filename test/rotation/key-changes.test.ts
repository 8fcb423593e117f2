import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { StateEntry } from '../../src/log/entry.ts'
import { createAppender } from '../../src/log/group-appender.ts'
import { leafHash } from '../../src/crypto/merkle.ts'
import { stateLeafOf } from '../../src/log/public-leaf.ts'
import { createAdmission } from '../../src/rotation/admission.ts'
import { createVersion, importVersion } from '../../src/rotation/new-version.ts'
import { cancelDestruction, rotate, transition } from '../../src/rotation/key-changes.ts'
import { codeOfAsync } from '../support/errors.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'
import { testTreeSigner } from '../support/signed-log.ts'

test('a change, its log entry and the number of its publication are one transaction', async () => {
  const scene = await RotationScene.start()

  const { changed, sequence } = await createVersion(scene.context(), 'release', OPERATOR)

  const [version] = changed
  expect(sequence).toBe(1)
  const leaf = stateLeafOf((await scene.log())[0] as StateEntry)?.data ?? new Uint8Array()
  const leaves = await scene.store.transparencyLog.entries(0, 9)
  expect(leaves.map((data) => Buffer.from(data))).toEqual([leaf])
  const leafSha256 = Buffer.from(leafHash(leaf)).toString('hex')
  expect(await scene.log()).toEqual([
    {
      type: 'state',
      time: scene.now,
      requestId: 'request-1',
      caller: OPERATOR.caller,
      key: { name: 'release', version: 1, kid: version?.publicKey.kid },
      use: 'artifact',
      from: undefined,
      to: 'pending',
      action: 'create',
      reason: 'because of a test',
      compromisedSince: undefined,
      isForced: false,
      sequence: 1,
      publicEntry: { index: 0, leafSha256 },
    },
  ])
})

test('nothing changes if the log cannot be written', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const before = await scene.versions()
  // An entry may have 65,535 bytes, and a reason is cut; a request id is not.
  const by = { ...OPERATOR, requestId: 'x'.repeat(70_000) }

  const code = await codeOfAsync(() =>
    transition(scene.context(), 'release', { action: 'retire', force: true }, by),
  )

  expect(code).toBe('ERR_INPUT_TOO_LARGE')
  expect(await scene.versions()).toEqual(before)
})

test('rotate lets the standby sign and retires the version before it, together', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  scene.pass(3600)

  const { changed } = await rotate(scene.context(), 'release', {}, OPERATOR)

  expect(changed.map(({ version, state }) => `${version} ${state}`)).toEqual([
    '1 retired',
    '2 active',
  ])
  expect((await scene.actions()).slice(-2)).toEqual(['retire 1', 'activate 2'])
})

test('rotate creates a missing standby, and then waits as usual', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  scene.pass(3600)
  await rotate(scene.context(), 'release', {}, OPERATOR)

  const code = await codeOfAsync(() => rotate(scene.context(), 'release', {}, OPERATOR))

  expect(code).toBe('ERR_TRANSITION_TOO_EARLY')
  expect(await scene.states()).toBe('retired active standby')
})

test('the log records a forced activation and its reason', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()

  await rotate(scene.context(), 'release', { force: true }, OPERATOR)

  expect((await scene.log()).at(-1)).toMatchObject({
    action: 'activate',
    isForced: true,
    reason: 'because of a test',
  })
})

test('a seamless revocation activates the standby in the same transaction', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()

  const revoke = { action: 'revoke', mode: 'seamless' } as const
  const { backend } = await transition(scene.context(), 'release', revoke, OPERATOR)

  expect(await scene.states()).toBe('revoked active')
  expect((await scene.actions()).slice(-2)).toEqual(['revoke 1', 'activate 2'])
  expect(backend).toMatchObject({ action: 'disable', outcome: 'unsupported' })
})

test('a flush adds an unpublished version, active at once', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()

  const revoke = { action: 'revoke', mode: 'flush' } as const
  const { sequence } = await transition(scene.context(), 'release', revoke, OPERATOR)

  expect(await scene.states()).toBe('revoked standby active')
  expect((await scene.actions()).slice(-3)).toEqual(['create 3', 'revoke 1', 'activate 3'])
  expect(
    (await scene.log()).slice(-3).map((entry) => 'sequence' in entry && entry.sequence),
  ).toEqual([sequence, sequence, sequence])
  expect(await scene.intents()).toBe(0)
})

test('no signature of a version follows its revocation in the log', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const version = await scene.version(1)
  await using appender = createAppender({
    store: scene.store,
    admit: createAdmission(scene.clock, [scene.key]),
    now: () => scene.now,
    signer: testTreeSigner(),
  })

  const signing = Array.from({ length: 40 }, async (_, index) => {
    for (let turn = 0; turn < index % 7; turn += 1) await scene.store.ping()
    return codeOfAsync(() => appender.append(scene.signature(version)))
  })
  const revoke = { action: 'revoke', mode: 'seamless' } as const
  const revoking = transition(scene.context(), 'release', revoke, OPERATOR)
  const outcomes = await Promise.all(signing)
  await revoking
  outcomes.push(await codeOfAsync(() => appender.append(scene.signature(version))))

  const actions = await scene.actions()
  const revoked = actions.indexOf('revoke 1')
  expect(actions.lastIndexOf('signature')).toBeLessThan(revoked)
  expect(outcomes.at(-1)).toBe('ERR_KEY_REVOKED')
  expect(actions.filter((action) => action === 'signature')).toHaveLength(
    outcomes.filter((code) => code === 'accepted').length,
  )
})

test('a version signs for others only until its signers have switched', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const version = await scene.version(1)
  scene.pass(3600)
  await rotate(scene.context(), 'release', {}, OPERATOR)
  const admit = createAdmission(scene.clock, [scene.key])
  const ask = async () =>
    (await scene.store.transaction((records) => admit(records, [scene.signature(version)])))[0]
      ?.code

  scene.pass(5)
  expect(await ask()).toBeUndefined()
  scene.pass(1)
  expect(await ask()).toBe('ERR_KEY_NOT_USABLE')
})

test('a signature that a revoked version stamped is not admitted', async () => {
  const scene = await RotationScene.start({ use: 'timestamp' })
  await scene.bootstrap()
  const revoked = await scene.version(1)
  const revoke = { action: 'revoke', mode: 'seamless' } as const
  await transition(scene.context(), 'release', revoke, OPERATOR)
  const entry = scene.signature(await scene.version(2))
  const admit = createAdmission(scene.clock, [scene.key])
  const stampedBy = (kid: string) => ({ ...entry, timestamp: { kid, time: scene.now } })

  const codes = await scene.store.transaction((records) =>
    admit(records, [
      stampedBy(revoked.publicKey.kid),
      stampedBy(entry.key.kid),
      stampedBy('https://tsa.example.com'),
    ]),
  )

  expect(codes.map((error) => error?.code)).toEqual(['ERR_KEY_REVOKED', undefined, undefined])
})

test('a signature by other rules than those of the store at that moment is not admitted', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const entry = scene.signature(await scene.version(1))
  const admit = createAdmission(scene.clock, [{ ...scene.key, rules: '{}' }])

  const codes = await scene.store.transaction((records) => admit(records, [entry]))

  expect(codes.map((error) => error?.code)).toEqual(['ERR_KEY_RULES_DIFFER'])
})

test('a signature of a key that the store does not know is not admitted', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const entry = scene.signature(await scene.version(1))
  const admit = createAdmission(scene.clock, [scene.key])

  const codes = await scene.store.transaction((records) =>
    admit(records, [
      { ...entry, key: { ...entry.key, kid: 'unknown' } },
      { ...entry, key: { ...entry.key, name: 'other' } },
      { ...entry, key: { ...entry.key, version: 2 } },
      entry,
    ]),
  )

  const refused = 'ERR_KEY_NOT_USABLE'
  expect(codes.map((error) => error?.code)).toEqual([refused, refused, refused, undefined])
})

test('destroy waits for the audit window, then removes the private half and keeps the public one', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  scene.pass(3600)
  await rotate(scene.context(), 'release', {}, OPERATOR)
  const destroy = { action: 'destroy', version: 1 } as const

  const early = await codeOfAsync(() => transition(scene.context(), 'release', destroy, OPERATOR))
  scene.pass(60 * 86_400)
  const { backend } = await transition(scene.context(), 'release', destroy, OPERATOR)

  expect(early).toBe('ERR_TRANSITION_TOO_EARLY')
  expect(backend).toMatchObject({ action: 'destroy', outcome: 'done' })
  expect(scene.keyFiles()).toEqual(['release-2.pem'])
  expect(existsSync(join(scene.folder, 'keys', 'release-1.pub'))).toBe(true)
  expect((await scene.version(1)).publicKey.kid).toBe((await scene.versions())[0]?.publicKey.kid)
})

test('destroy is refused to a version that signed after it was closed', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const version = await scene.version(1)
  scene.pass(3600)
  await rotate(scene.context(), 'release', {}, OPERATOR)
  scene.pass(3600)
  // A replica with another clock, or a bug: admission is left out.
  await using appender = createAppender({
    store: scene.store,
    admit: (_, entries) => Promise.resolve(entries.map(() => undefined)),
    now: () => scene.now,
    signer: testTreeSigner(),
  })
  await appender.append(scene.signature(version))
  scene.pass(60 * 86_400)

  const destroy = { action: 'destroy', version: 1 } as const
  const code = await codeOfAsync(() => transition(scene.context(), 'release', destroy, OPERATOR))

  expect(code).toBe('ERR_TRANSITION_REFUSED')
})

test('destroying again retries a destruction that the backend refused', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  scene.pass(3600)
  await rotate(scene.context(), 'release', {}, OPERATOR)
  scene.pass(60 * 86_400)
  const destroy = { action: 'destroy', version: 1 } as const
  const away = {
    provider: () => Promise.reject(new Error('away')),
    openKey: () => Promise.reject(new Error('away')),
  }

  const first = await transition(scene.context({ providers: away }), 'release', destroy, OPERATOR)
  const second = await transition(scene.context(), 'release', destroy, OPERATOR)

  expect(first.backend).toMatchObject({ outcome: 'failed', error: { code: 'ERR_INTERNAL' } })
  expect(second.backend).toMatchObject({ outcome: 'done' })
  expect(scene.keyFiles()).toEqual(['release-2.pem'])
  expect((await scene.actions()).filter((action) => action === 'destroy 1')).toHaveLength(1)
})

test('only the destruction of a destroyed version can be cancelled', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()

  const cancel = (version: number) =>
    codeOfAsync(() => cancelDestruction(scene.context(), 'release', version, OPERATOR))

  expect(await cancel(1)).toBe('ERR_TRANSITION_REFUSED')
  expect(await cancel(9)).toBe('ERR_KEY_NOT_FOUND')
})

test('an existing key of the folder becomes a version by import, once', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const provider = await scene.providers.provider({ scheme: 'file', path: '' })
  const path = join(scene.folder, 'keys', 'old.pem')
  await provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })

  await importVersion(scene.context(), 'release', `file:${path}`, OPERATOR)
  const again = await codeOfAsync(() =>
    importVersion(scene.context(), 'release', `file:${path}`, OPERATOR),
  )

  expect(again).toBe('ERR_KEY_EXISTS')
  expect(await scene.states()).toBe('active standby pending')
  expect((await scene.actions()).at(-1)).toBe('import 3')
})

test('a key at another location is not imported', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()

  for (const reference of [
    'file:/etc/key.pem',
    `file:${scene.folder}/keys/../x.pem`,
    'awskms:///alias/x',
  ]) {
    expect(
      await codeOfAsync(() => importVersion(scene.context(), 'release', reference, OPERATOR)),
      reference,
    ).toBe('ERR_KEY_URI_INVALID')
  }
})

test('a name in use in the backend is not taken over', async () => {
  const scene = await RotationScene.start()
  const provider = await scene.providers.provider({ scheme: 'file', path: '' })
  const path = join(scene.folder, 'release-1.pem')
  await provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })
  await scene.store.transaction(({ keys }) =>
    keys.putKey({ ...scene.key, provider: `file:${scene.folder}/` }),
  )

  const code = await codeOfAsync(() => createVersion(scene.context(), 'release', OPERATOR))

  expect(code).toBe('ERR_KEY_EXISTS')
  expect(await scene.intents()).toBe(0)
})

test('a version of a time-stamp key gets its certificates when it is made', async () => {
  const scene = await RotationScene.start({ use: 'timestamp' })

  await scene.bootstrap()

  expect((await scene.version(2)).certificates).toBe('certificates of release@2')
})

test('an unknown key is reported as unknown', async () => {
  const scene = await RotationScene.start()

  const code = await codeOfAsync(() => rotate(scene.context(), 'missing', {}, OPERATOR))

  expect(code).toBe('ERR_KEY_NOT_FOUND')
})
