/** A service that starts again with a configuration under which its publications read differently. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findTrustKey, fingerprintOf } from '../../src/client/trust-pin.ts'
import { type KeyHistory, parseKeyHistory } from '../../src/keys/key-history.ts'
import { countersign } from '../support/cli.ts'
import { runServer, type TestServer } from '../support/server.ts'
import { writeServiceFolder } from '../support/service-folder.ts'
import { createTempFolder } from '../support/temp-folder.ts'

async function fetchHistory({
  address,
}: TestServer): Promise<KeyHistory & { fingerprint: string }> {
  const answer = await fetch(`${address}/trust/keys.json`)
  const body = new Uint8Array(await answer.arrayBuffer())
  const key = findTrustKey(body)
  return { ...parseKeyHistory(body, key), fingerprint: fingerprintOf(key) }
}

test('a changed configuration takes the next number, which clients and the log agree with', async () => {
  const origin = 'log.example.com'
  const folder = writeServiceFolder({
    folder: createTempFolder(),
    keys: { release: { use: 'artifact' } },
    log: { origin, auditOrigin: `${origin}/audit` },
  })
  const before = await runServer(folder)
  const first = await fetchHistory(before)
  await before[Symbol.asyncDispose]()

  const config = readFileSync(folder.config, 'utf8')
  writeFileSync(
    folder.config,
    config.replace('https://sign.example.com', 'https://keys.example.com'),
  )
  const after = await runServer(folder)
  const second = await fetchHistory(after)

  expect(second.sequence).toBeGreaterThan(first.sequence)
  expect(second.issuer).toBe('https://keys.example.com')
  const env = { COUNTERSIGN_HOME: join(folder.folder, 'home') }
  const run = (line: string): ReturnType<typeof countersign> =>
    countersign(line.split(' '), { env, now: new Date() })
  const pin = await run(`trust init ${after.address} --fingerprint ${second.fingerprint}`)
  expect(pin).toMatchObject({ exitCode: 0 })
  const verified = await run(`log verify --server ${after.address} --origin ${origin}`)
  expect(verified).toMatchObject({ exitCode: 0 })
})
