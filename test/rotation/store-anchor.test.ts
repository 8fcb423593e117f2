import { expect, test } from 'vitest'
import type { LogEntry } from '../../src/log/entry.ts'
import { type Anchor, EMPTY_ANCHOR } from '../../src/rotation/anchor.ts'
import { anchorIn } from '../../src/rotation/anchor-storage.ts'
import { openFolderStorage } from '../../src/storage/folder-storage.ts'
import { anchoredAdmission, createAdmission } from '../../src/rotation/admission.ts'
import { StoreAnchor } from '../../src/rotation/store-anchor.ts'
import { LOG_ROLES } from '../../src/log/log-roles.ts'
import { transition } from '../../src/rotation/key-changes.ts'
import { OPERATOR, RotationScene } from '../support/rotation-scene.ts'

const NAMES = { audit: 'sign.example.com/audit', transparency: 'sign.example.com' }

async function anchorOf(scene: RotationScene, before: Partial<Anchor> = {}): Promise<StoreAnchor> {
  const storage = anchorIn(openFolderStorage(scene.folder, { isPublic: false }), 'anchor.json')
  await storage.update(() => ({ ...EMPTY_ANCHOR, ...before }))
  const { store } = scene
  return StoreAnchor.open({ store, names: NAMES, storage, onAlert: () => undefined })
}

/** Both logs of a scene, as an anchor has them. */
async function logsOf({ store }: RotationScene) {
  const audit = await store.log.head()
  const transparency = await store.transparencyLog.head()
  return [
    { log: 'audit', origin: NAMES.audit, size: audit.size, root: audit.root },
    {
      log: 'transparency',
      origin: NAMES.transparency,
      size: transparency.size,
      root: transparency.root,
    },
  ] as const
}

/** Revokes nothing: nothing is to be revoked. */
const unwanted = (): Promise<void> => Promise.reject(new Error('nothing is revoked'))

test.each(LOG_ROLES)(
  'an append while the %s log became shorter is refused at that moment, but for what rests on no log',
  async (log) => {
    const scene = await RotationScene.start()
    await scene.bootstrap()
    const before = { log, origin: NAMES[log], size: 1000, root: Buffer.alloc(32) }
    const anchor = await anchorOf(scene, { logs: [before] })
    const admit = anchoredAdmission(createAdmission(scene.clock, [scene.key]), anchor)
    const signature = scene.signature(await scene.version(1))
    const denial: LogEntry = {
      ...{ type: 'denial', time: scene.now, requestId: 'a', caller: undefined },
      ...{ action: 'sign', resource: 'release', code: 'ERR_NOT_ALLOWED', reason: 'no' },
    }

    const refusals = await scene.store.transaction((records) => admit(records, [signature, denial]))

    expect(refusals.map((refusal) => refusal?.code)).toEqual(['ERR_STORE_BEHIND', undefined])
  },
)

test('an anchor follows the store, and an append that keeps up with it is admitted', async () => {
  const scene = await RotationScene.start()
  const anchor = await anchorOf(scene)
  await scene.bootstrap()

  await anchor.check(unwanted)

  const logs = await logsOf(scene)
  expect(anchor.known).toMatchObject({ sequence: 5, logs })
  const sizes = { audit: logs[0].size, transparency: logs[1].size }
  expect(anchor.behindAt(sizes)).toBeUndefined()
  for (const log of LOG_ROLES) {
    const shorter = { ...sizes, [log]: sizes[log] - 1 }
    expect(anchor.behindAt(shorter)?.code).toBe('ERR_STORE_BEHIND')
  }
})

test('a revocation is in the anchor with the logs that have its entries, so nothing catches up with it', async () => {
  const scene = await RotationScene.start()
  await scene.bootstrap()
  const anchor = await anchorOf(scene)
  const revoke = { action: 'revoke', mode: 'seamless' } as const

  await transition(scene.context({ anchor }), 'release', revoke, OPERATOR)

  expect(anchor.known.logs).toEqual(await logsOf(scene))
  expect(anchor.revokedSince((await scene.version(1)).publicKey.kid)).toEqual(scene.now)
})

test('anchors that share a file never overwrite each other', async () => {
  const scene = await RotationScene.start()
  const one = await anchorOf(scene)
  const { store } = scene
  const storage = anchorIn(openFolderStorage(scene.folder, { isPublic: false }), 'anchor.json')
  const shared = { store, storage, onAlert: () => undefined }
  const names = Array.from({ length: 8 }, (_, number) => `log-${number}`)
  const others = await Promise.all(
    names.map((audit) => StoreAnchor.open({ ...shared, names: { ...NAMES, audit } })),
  )
  await scene.bootstrap()

  await Promise.all([one, ...others].map((anchor) => anchor.check(unwanted)))

  const { logs = [] } = (await storage.read()) ?? {}
  const expected = [...names, ...Object.values(NAMES)]
  expect(logs.map(({ origin }) => origin).toSorted()).toEqual(expected.toSorted())
})
