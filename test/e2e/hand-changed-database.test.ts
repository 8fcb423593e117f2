/** An attacker writes a key of their own into the database of a running service. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { changeByHand } from '../support/changed-by-hand.ts'
import { runServer, serverFolder, type TestServer, TOKEN } from '../support/server.ts'
import { testSigner } from '../support/signers.ts'

const { kid, spki } = testSigner('ES256', 'attacker').key

/** Copies a version under a key pair of the attacker. */
const SLIP_IN = `
  insert into key_versions select '${kid}', key, 9, algorithm, x'${Buffer.from(spki).toString('hex')}', uri,
    'retired', created_at, origin, published_at, 1000, 2000, null, null, null, 0, null, 1
    from key_versions where key = 'release' and version = 1;
  update counters set value = value + 1 where name = 'sequence'`

/** Any change makes the replica reread the store. */
async function makeChange({ address }: TestServer): Promise<void> {
  const answer = await fetch(`${address}/v1/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify({ key: 'release', publish: false }),
  })
  expect(answer.status).toBe(200)
}

/** All that is said of keys, as text. */
async function published({ address }: TestServer): Promise<string> {
  const history = await (await fetch(`${address}/trust/keys.json`)).json()
  const { payload } = history as { readonly payload: string }
  const set = await (await fetch(`${address}/.well-known/jwks.json`)).text()
  return Buffer.from(payload, 'base64').toString() + set
}

async function failedChecks({ address }: TestServer): Promise<readonly unknown[]> {
  const { checks } = (await (await fetch(`${address}/readyz`)).json()) as {
    readonly checks: readonly { readonly ok: boolean }[]
  }
  return checks.filter(({ ok }) => !ok)
}

test('a key written into the database is never published, now or after a restart', async () => {
  const folder = serverFolder()
  const server = await runServer(folder)
  await changeByHand(join(folder.folder, 'service.db'), SLIP_IN)
  await makeChange(server)

  expect(await published(server)).not.toContain(kid)
  expect(await failedChecks(server)).toMatchObject([
    { name: 'key states', ok: false, code: 'ERR_LOG_PROOF_INVALID' },
  ])
  const alerts = server.lines.filter((line) => /"level":50.*release@9/.test(line))
  expect(alerts).toHaveLength(1)

  await server[Symbol.asyncDispose]()
  const next = await runServer(folder)

  expect(await published(next)).not.toContain(kid)
  expect(await failedChecks(next)).toHaveLength(1)
})
