import { rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { CountersignError } from '../../src/errors.ts'
import type { Providers } from '../../src/providers/registry.ts'
import { createKeyring, type StoreKeyring } from '../../src/rotation/store-keyring.ts'
import { rotate, transition } from '../../src/rotation/key-changes.ts'
import type { Store } from '../../src/store/store.ts'
import { codeOfAsync } from '../support/errors.ts'
import { ManualTimer } from '../support/manual-timer.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

interface Replica {
  readonly keyring: StoreKeyring
  readonly timer: ManualTimer
  readonly opened: string[]
  readonly errors: CountersignError[]
}

async function startReplica(
  scene: RotationScene,
  options: { readonly store?: Store; readonly openKey?: Providers['openKey'] } = {},
): Promise<Replica> {
  const timer = new ManualTimer()
  const opened: string[] = []
  const errors: CountersignError[] = []
  const open: Providers['openKey'] =
    options.openKey ?? ((reference, keyOptions) => scene.providers.openKey(reference, keyOptions))
  const keyring = await createKeyring({
    store: options.store ?? scene.store,
    openKey: (reference, keyOptions) => {
      opened.push(typeof reference === 'string' ? basename(reference) : reference.scheme)
      return open(reference, keyOptions)
    },
    startTimer: timer.start,
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => keyring[Symbol.asyncDispose]())
  return { keyring, timer, opened, errors }
}

/** The same store, whose announcements get lost. */
function deaf(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'onAnnouncement') return () => () => undefined
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}

test('the active version signs, opened ahead together with the standby', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring, opened } = await startReplica(scene)

  const { key, version, signer } = await keyring.activeSigner('release', 'artifact')

  expect(opened).toEqual(['release-1.pem', 'release-2.pem'])
  expect(key.name).toBe('release')
  expect(version.version).toBe(1)
  expect(signer.key.kid).toBe(version.publicKey.kid)
})

test('a rotation on another replica is followed without reopening anything', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring, opened } = await startReplica(scene)
  const sequences: number[] = []
  keyring.onChange(({ sequence }) => sequences.push(sequence))
  scene.pass(3600)

  const { sequence } = await rotate(scene.context(), 'release', {}, OPERATOR)
  await keyring.refresh()

  expect((await keyring.activeSigner('release', 'artifact')).version.version).toBe(2)
  expect(sequences).toEqual([sequence])
  expect(opened).toEqual(['release-1.pem', 'release-2.pem'])
})

test('a revoked version is forgotten', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring } = await startReplica(scene)
  const revoke = { action: 'revoke', mode: 'seamless', force: true } as const
  await transition(scene.context(), 'release', revoke, OPERATOR)
  await transition(scene.context(), 'release', revoke, OPERATOR)

  await keyring.refresh()

  expect(await codeOfAsync(() => keyring.activeSigner('release', 'artifact'))).toBe(
    'ERR_KEY_NOT_USABLE',
  )
})

test('a replica that missed an announcement learns of it by polling', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring, timer } = await startReplica(scene, { store: deaf(scene.store) })
  const changed = Promise.withResolvers<undefined>()
  keyring.onChange(() => {
    changed.resolve(undefined)
  })
  scene.pass(3600)
  await rotate(scene.context(), 'release', {}, OPERATOR)

  timer.advance(5000)
  await changed.promise

  expect((await keyring.activeSigner('release', 'artifact')).version.version).toBe(2)
  expect(timer.running).toBe(1)
})

test('a change of policy alone is followed too', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring } = await startReplica(scene)
  const policy = { ...scene.key.policy, maxAgeSeconds: 60 }

  await scene.store.transaction(({ keys }) => keys.putKey({ ...scene.key, policy }))
  await keyring.refresh()

  expect(keyring.snapshot.keys[0]?.policy.maxAgeSeconds).toBe(60)
})

test('a key is used for its use only', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring } = await startReplica(scene)

  expect(await codeOfAsync(() => keyring.activeSigner('release', 'token'))).toBe(
    'ERR_KEY_NOT_USABLE',
  )
  expect(await codeOfAsync(() => keyring.activeSigner('missing', 'token'))).toBe(
    'ERR_KEY_NOT_FOUND',
  )
})

test('a key file that was replaced signs nothing', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const uri = { scheme: 'file', path: join(scene.folder, 'keys', 'release-1.pem') } as const
  rmSync(uri.path)
  rmSync(uri.path.replace('.pem', '.pub'))
  const provider = await scene.providers.provider(uri)
  await provider.create({ uri, algorithm: 'ES256' })

  const { keyring, errors } = await startReplica(scene)

  expect(await codeOfAsync(() => keyring.activeSigner('release', 'artifact'))).toBe(
    'ERR_PROVIDER_FAULT',
  )
  expect(errors.map(({ code }) => code)).toContain('ERR_PROVIDER_FAULT')
})

test('a backend is asked again after an outage', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  let isAway = true
  const openKey: Providers['openKey'] = (reference, options) =>
    isAway ? Promise.reject(new Error('away')) : scene.providers.openKey(reference, options)
  const { keyring, errors } = await startReplica(scene, { openKey })
  expect(
    await codeOfAsync(() =>
      keyring.activeSigner('release', 'artifact').catch(() => {
        throw errors[0] ?? new Error('nothing was reported')
      }),
    ),
  ).toBe('ERR_INTERNAL')

  isAway = false

  const { version } = await keyring.activeSigner('release', 'artifact')
  expect(version.version).toBe(1)
})

test('a refresh requested during another one sees all earlier commits', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring } = await startReplica(scene, { store: deaf(scene.store) })
  scene.pass(3600)

  const early = keyring.refresh()
  const { sequence } = await rotate(scene.context(), 'release', {}, OPERATOR)
  await keyring.refresh()
  await early

  expect(keyring.snapshot.sequence).toBe(sequence)
})

test('an outage of the store is reported, and the snapshot stays', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring, timer, errors } = await startReplica(scene)
  await scene.store[Symbol.asyncDispose]()

  expect(await codeOfAsync(() => keyring.refresh())).toBe('ERR_STORE_UNAVAILABLE')
  timer.advance(5000)
  await keyring.refresh().catch(() => undefined)

  expect(errors.map(({ code }) => code)).toContain('ERR_STORE_UNAVAILABLE')
  expect(keyring.snapshot.versions).toHaveLength(2)
})

test('a disposed keyring follows no changes', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const { keyring, timer } = await startReplica(scene)

  await keyring[Symbol.asyncDispose]()

  expect(timer.running).toBe(0)
})
