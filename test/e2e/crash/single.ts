/** One process over an SQLite file, killed again and again; between its lives the file is looked at. */
import { join } from 'node:path'
import { expect } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { type CrashScene, SOUND } from './scene.ts'
import { type KeyState, readKeyState } from './soundness.ts'

/** Some kills come before a process even listens. */
const KILLS_AT_START = 0.2

/** The log is verified whole after so many kills, and at the end. */
const VERIFY_EVERY = 10

/** Opens the store of a scene whose process is dead. */
export function openSqliteOf({ folder }: CrashScene): Promise<Store> {
  return openStore(`sqlite:${join(folder, 'service.db')}`)
}

/** Kills the service so many times under load, then lets it finish; looks at what is left each time. */
export async function killRepeatedly(
  scene: CrashScene,
  kills: number,
  inspect: (store: Store) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const load = scene.startLoad()
  let left: KeyState = { versions: [], intents: [] }
  for (let kill = 1; kill <= kills; kill += 1) {
    if (kill > 1 && scene.random() < KILLS_AT_START) await scene.killAtStart()
    else {
      const replica = await scene.start()
      expect(await scene.findFaults(replica)).toEqual([])
      scene.admitClients(replica)
      await scene.untilSomeMoment()
      await scene.kill(replica)
    }
    await using store = await openSqliteOf(scene)
    left = await readKeyState(store)
    expect(await scene.inspect(store), `after kill ${kill}`).toEqual(SOUND)
    await inspect(store)
    if (kill % VERIFY_EVERY === 0) await scene.verifyLogs(store)
  }
  const last = await scene.start()
  await scene.untilFinished(last, left)
  scene.admitClients(last)
  await load[Symbol.asyncDispose]()
  expect(await last.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  await using store = await openSqliteOf(scene)
  expect(await scene.inspectAtEnd(store)).toEqual({ ...SOUND, unfinished: [] })
  await inspect(store)
}
