import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStore } from '../../../src/store/open-store.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { LOAD_KEYS } from './load.ts'
import { CrashScene } from './scene.ts'

/** Lets a process write only so far into any file: the nearest to a full disk that needs no disk. */
function limitFiles(pid: number, bytes: number | 'unlimited'): void {
  // The hard limit stays, so that the soft one can be lifted again.
  execFileSync('prlimit', [`--pid=${pid}`, `--fsize=${bytes}:`])
}

test(
  'where nothing can be written any more, nothing is released, until it can again',
  { timeout: 180_000 },
  async () => {
    await using scene = new CrashScene({ folder: createTempFolder(), seed: 1 })
    const replica = await scene.start()
    const issue = async (): Promise<{ status: number; body: Record<string, unknown> }> => {
      const response = await fetch(`${replica.url}/v1/keys/${LOAD_KEYS.tokens}/tokens`, {
        method: 'POST',
        headers: { authorization: scene.authorization, 'content-type': 'application/json' },
        body: JSON.stringify({ audience: 'https://api.example.com' }),
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }

    const before = await issue()
    limitFiles(replica.pid, 4096)
    const during = await Promise.all([issue(), issue(), issue()])
    const published = await fetch(`${replica.url}/.well-known/jwks.json`)
    limitFiles(replica.pid, 'unlimited')
    const after = await issue()
    await replica.kill('SIGKILL')

    const released = [before, after].map(({ body }) => `jti:${String(body['jti'])}`)
    expect([before.status, after.status]).toEqual([200, 200])
    for (const { status, body } of during) {
      expect(status).toBe(503)
      expect(body).toMatchObject({ code: 'ERR_LOG_UNAVAILABLE', retryable: true })
      expect(body).not.toHaveProperty('token')
    }
    expect(published.status).toBe(200)
    await using store = await openStore(`sqlite:${join(scene.folder, 'service.db')}`)
    scene.receipts.labels.push(...released)
    expect((await scene.inspect(store)).missing).toEqual([])
    const { entries } = await scene.verifyLogs(store)
    expect(entries.token ?? 0).toBeLessThanOrEqual(2)
  },
)
