import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LogEntry } from '../../src/log/entry.ts'
import { type Anchor, EMPTY_ANCHOR } from '../../src/rotation/anchor.ts'
import { anchorFile } from '../../src/rotation/anchor-file.ts'
import { anchoredAdmission, createAdmission } from '../../src/rotation/admission.ts'
import { StoreAnchor } from '../../src/rotation/store-anchor.ts'
import { transition } from '../../src/rotation/transitions.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

const ORIGIN = 'sign.example.com/log'

async function anchorOf(scene: RotationScene, before: Partial<Anchor> = {}): Promise<StoreAnchor> {
  const storage = anchorFile(join(scene.folder, 'anchor.json'))
  await storage.write({ ...EMPTY_ANCHOR, ...before })
  const { store } = scene
  return StoreAnchor.open({ store, origin: ORIGIN, storage, onAlert: () => undefined })
}

/** Revokes nothing: nothing is to be revoked. */
const unwanted = (): Promise<void> => Promise.reject(new Error('nothing is revoked'))

test('an append to a log that became shorter is refused at that moment, but for what rests on no log', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const log = { origin: ORIGIN, size: 1000, root: Buffer.alloc(32) }
  const anchor = await anchorOf(scene, { logs: [log] })
  const admit = anchoredAdmission(createAdmission(scene.clock, [scene.key]), anchor)
  const signature = scene.signature(await scene.version(1))
  const denial: LogEntry = {
    ...{ type: 'denial', time: scene.now, requestId: 'a', caller: undefined },
    ...{ action: 'sign', resource: 'release', code: 'ERR_NOT_ALLOWED', reason: 'no' },
  }

  const refusals = await scene.store.transaction((records) => admit(records, [signature, denial]))

  expect(refusals.map((refusal) => refusal?.code)).toEqual(['ERR_STORE_BEHIND', undefined])
})

test('an anchor follows the store, and an append that keeps up with it is admitted', async () => {
  const scene = await RotationScene.start()
  const anchor = await anchorOf(scene)
  await scene.bootstrap()

  await anchor.check(unwanted)

  const { size } = await scene.store.log.head()
  expect(anchor.known).toMatchObject({ sequence: 5, logs: [{ origin: ORIGIN, size }] })
  expect(anchor.behindAt(size)).toBeUndefined()
  expect(anchor.behindAt(size - 1)?.code).toBe('ERR_STORE_BEHIND')
})

test('a revocation is in the anchor with the log that has its entries, so nothing catches up with it', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const anchor = await anchorOf(scene)
  const revoke = { action: 'revoke', mode: 'seamless' } as const

  await transition(scene.context({ anchor }), 'release', revoke, OPERATOR)

  const { root, size } = await scene.store.log.head()
  expect(anchor.known.logs).toEqual([{ origin: ORIGIN, size, root }])
  expect(anchor.revokedSince((await scene.version(1)).publicKey.kid)).toEqual(scene.now)
})

test('anchors that share a file write over nothing of each other', async () => {
  const scene = await RotationScene.start()
  const one = await anchorOf(scene)
  const { store } = scene
  const storage = anchorFile(join(scene.folder, 'anchor.json'))
  const shared = { store, storage, onAlert: () => undefined }
  const names = Array.from({ length: 8 }, (_, number) => `log-${number}`)
  const others = await Promise.all(names.map((origin) => StoreAnchor.open({ ...shared, origin })))
  await scene.bootstrap()

  await Promise.all([one, ...others].map((anchor) => anchor.check(unwanted)))

  const { logs = [] } = (await storage.read()) ?? {}
  expect(logs.map(({ origin }) => origin).toSorted()).toEqual([...names, ORIGIN].toSorted())
})
