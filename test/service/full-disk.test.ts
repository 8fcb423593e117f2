/** A store that answers and takes no writes: the service says that it is not ready and why, until it can write again. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createPostgres, query } from '../support/postgres.ts'
import { runServer } from '../support/server.ts'
import { ServiceClient } from '../support/service-client.ts'
import { type ServiceFolder, writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const keys = { release: { use: 'artifact' } } as const

interface Readiness {
  readonly status: number
  readonly log: unknown
}

async function startService(folder: ServiceFolder): Promise<{
  readonly client: ServiceClient
  readonly readiness: () => Promise<Readiness>
}> {
  const { address } = await runServer(folder, { migrate: true })
  return {
    client: new ServiceClient({ address, authorization: folder.authorization }),
    readiness: async () => {
      const answer = await fetch(`${address}/readyz`)
      const { checks } = (await answer.json()) as { checks: readonly { name: string }[] }
      return { status: answer.status, log: checks.find(({ name }) => name === 'log') }
    },
  }
}

const isMounting = process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0

test.skipIf(!isMounting)(
  'with a full disk the service is not ready, until there is room',
  async () => {
    const small = join(createTempFolder(), 'small')
    mkdirSync(small)
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]).status).toBe(0)
    onTestFinished(() => void spawnSync('umount', ['-l', small]))
    const folder = createTempFolder()
    const store = `sqlite:${small}/service.db`
    const { client, readiness } = await startService(writeServiceFolder({ folder, store, keys }))
    expect((await readiness()).status).toBe(200)

    fill(join(small, 'filler'))
    // What the files of the database have room for already is still written.
    const sign = async (): Promise<number> => (await client.sign()).status
    await expect.poll(sign, { timeout: 25_000, interval: 1 }).toBe(503)

    await expect.poll(readiness, { timeout: 25_000 }).toMatchObject({
      status: 503,
      log: {
        ok: false,
        code: 'ERR_STORE_UNAVAILABLE',
        reason: expect.stringContaining('disk is full') as string,
      },
    })
    rmSync(join(small, 'filler'))
    await expect.poll(readiness, { timeout: 25_000 }).toMatchObject({ status: 200 })
    expect(await sign()).toBe(200)
  },
)

/** Takes all the room that is left. */
function fill(path: string): void {
  for (let size = 1 << 20; size >= 512; size = Math.floor(size / 2)) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
    } catch {
      // Smaller pieces may still fit.
    }
  }
}

test('a PostgreSQL server that takes no writes makes the service unready, with the reason', async () => {
  const server = await createPostgres()
  onTestFinished(() => server.stop())
  const store = await server.createDatabase()
  const folder = writeServiceFolder({ folder: createTempFolder(), store, keys })
  const service = await runServer(folder, { migrate: true })
  const readiness = async (): Promise<unknown> => (await fetch(`${service.address}/readyz`)).json()
  // What the server says when its disk is full.
  await query(
    store,
    `create function refuse() returns trigger language plpgsql as $$ begin
       raise exception sqlstate '53100'; end $$;
     create trigger refuse before update or insert on counters for each row execute function refuse()`,
  )

  await expect.poll(readiness, { timeout: 25_000 }).toMatchObject({
    ready: false,
    checks: expect.arrayContaining([
      expect.objectContaining({
        name: 'log',
        reason: expect.stringContaining('is full') as string,
      }),
    ]) as unknown,
  })
  await query(store, 'drop trigger refuse on counters')

  await expect.poll(readiness, { timeout: 25_000 }).toMatchObject({ ready: true })
  await service[Symbol.asyncDispose]()
})
