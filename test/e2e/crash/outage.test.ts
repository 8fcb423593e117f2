import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import { createPostgres, type PostgresServer } from '../../support/postgres.ts'
import type { ServiceProcess } from '../../support/service-process.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { LOAD_KEYS } from './load.ts'
import { CrashScene, SOUND } from './scene.ts'
import { readKeyState } from './soundness.ts'

let postgres: PostgresServer

beforeAll(async () => {
  postgres = await createPostgres()
})

afterAll(() => postgres.stop())

/** Pages that need no database. */
const PUBLISHED = ['/.well-known/jwks.json', '/trust/keys.json', '/trust/trusted-root.json']

/** Reads the published pages of replicas until it is stopped; answers every status it saw but 200. */
async function readPages(
  replicas: readonly ServiceProcess[],
  stop: AbortSignal,
): Promise<number[]> {
  const urls = replicas.flatMap(({ url }) => PUBLISHED.map((path) => `${url}${path}`))
  const others: number[] = []
  while (!stop.aborted) {
    for (const url of urls) {
      const response = await fetch(url)
      await response.arrayBuffer()
      if (!response.ok) others.push(response.status)
    }
    await pause(20)
  }
  return others
}

/** Asks a replica for tokens until it issues one; answers how long that took. */
async function recovery(scene: CrashScene, { url }: ServiceProcess): Promise<number> {
  const since = Date.now()
  for (;;) {
    const response = await fetch(`${url}/v1/keys/${LOAD_KEYS.tokens}/tokens`, {
      method: 'POST',
      headers: { authorization: scene.authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ audience: 'https://api.example.com' }),
    })
    await response.arrayBuffer()
    if (response.ok) return Date.now() - since
    await pause(50)
  }
}

test(
  'while PostgreSQL restarts, requests fail for the moment and nothing is lost',
  { timeout: 240_000 },
  async () => {
    const url = await postgres.createDatabase()
    await using scene = new CrashScene({ folder: createTempFolder(), postgres: url, seed: 2029 })
    await using first = await scene.start()
    await using second = await scene.start()
    const replicas = [first, second]
    for (const replica of replicas) scene.admitClients(replica)
    const stop = new AbortController()
    const pages = readPages(replicas, stop.signal)
    const load = scene.startLoad()
    const recoveries: number[] = []

    for (const breakAndMend of [
      () => postgres.restart(),
      async () => {
        await postgres.crash()
        await pause(1000)
        await postgres.start()
      },
      () => postgres.restart(),
    ]) {
      await pause(700)
      await breakAndMend()
      const times = replicas.map((replica) => recovery(scene, replica))
      recoveries.push(...(await Promise.all(times)))
    }
    await pause(500)
    await load[Symbol.asyncDispose]()
    stop.abort()

    const { receipts } = scene
    expect(await pages).toEqual([])
    expect(receipts.cuts).toEqual([])
    expect(receipts.failures.length).toBeGreaterThan(0)
    for (const failure of receipts.failures) {
      expect(failure).toMatchObject({
        status: 503,
        contentType: expect.stringContaining('application/problem+json') as unknown,
        retryAfter: '5',
        code: expect.stringMatching(/^ERR_(STORE|LOG)_UNAVAILABLE$/) as unknown,
        retryable: true,
      })
    }
    await using store = await openStore(url)
    await scene.untilFinished(first, await readKeyState(store))
    await first.kill('SIGTERM')
    await second.kill('SIGTERM')
    expect(await scene.inspectAtEnd(store)).toEqual({ ...SOUND, unfinished: [] })
    expect(Math.max(...recoveries)).toBeLessThan(10_000)
  },
)
