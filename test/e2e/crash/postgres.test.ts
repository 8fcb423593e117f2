import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import { killsPerStore } from '../../../tools/test/depth.ts'
import { createPostgres, type PostgresServer } from '../../support/postgres.ts'
import type { ServiceProcess } from '../../support/service-process.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { CrashScene, SOUND } from './scene.ts'
import { readKeyState } from './soundness.ts'

const KILLS = killsPerStore(process.env)

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await createPostgres()
})

afterAll(() => postgres.stop())

test(
  `two replicas over PostgreSQL, one killed ${KILLS} times under load, lose nothing and double nothing`,
  { timeout: 180_000 + KILLS * 20_000 },
  async () => {
    const url = await postgres.createDatabase()
    await using scene = new CrashScene({ folder: createTempFolder(), postgres: url, seed: 2027 })
    const replicas: ServiceProcess[] = []
    const startOne = async (): Promise<void> => {
      const replica = await scene.start()
      expect(await scene.findFaults(replica)).toEqual([])
      scene.admitClients(replica)
      replicas.push(replica)
    }
    await startOne()
    await startOne()
    await using store = await openStore(url)
    const load = scene.startLoad()

    for (let kill = 1; kill <= KILLS; kill += 1) {
      await scene.untilSomeMoment()
      if (scene.random() < 0.2) await scene.killAtStart()
      else {
        for (const victim of replicas.splice(Math.round(scene.random()), 1)) {
          await scene.kill(victim)
        }
        expect(await scene.inspect(store), `after kill ${kill}`).toEqual(SOUND)
        await startOne()
      }
      if (kill % 10 === 0) await scene.verifyLogs(store)
    }

    await load[Symbol.asyncDispose]()
    const left = await readKeyState(store)
    for (const replica of replicas) await scene.untilFinished(replica, left)
    for (const replica of replicas) {
      expect(await replica.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    }
    expect(await scene.inspectAtEnd(store)).toEqual({ ...SOUND, unfinished: [] })
  },
)
