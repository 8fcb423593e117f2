/** Rows that an attacker with the database puts into the index of labels. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { readAudit } from '../support/audit-log.ts'
import { changeByHand } from '../support/changed-by-hand.ts'
import { runServer, serverFolder, TOKEN } from '../support/server.ts'

const DIGESTS = ['one', 'another'].map((text) => digestOf(Buffer.from(text)))

const hashOf = (label: string): string =>
  createHash('sha256').update(label).digest('hex').slice(0, 14)

interface Scene {
  readonly find: (label: string) => Promise<readonly (readonly string[])[]>
  readonly sql: (statements: string) => Promise<void>
}

/** A service that signed two files. */
async function start(): Promise<Scene> {
  const folder = serverFolder()
  const { address: url } = await runServer(folder)
  const authorization = `Bearer ${TOKEN}`
  for (const digest of DIGESTS) {
    const answer = await fetch(`${url}/v1/keys/release/signatures`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ artifacts: [{ digest, kind: 'file', name: 'app.tgz' }] }),
    })
    expect(answer.status).toBe(200)
  }
  return {
    find: async (label) => {
      const found = await readAudit({ url, authorization }, label)
      return found.map(({ entry }) => (entry.type === 'signature' ? entry.digests : [entry.type]))
    },
    sql: (statements) => changeByHand(join(folder.folder, 'service.db'), statements),
  }
}

test('an entry is not listed under a label that it does not have', async () => {
  const { find, sql } = await start()
  const [one = '', another = ''] = DIGESTS
  await sql(`insert or ignore into log_labels (log, part, label, idx)
    select 0, part, x'${hashOf(`digest:${one}`)}', idx from log_labels;
    insert or ignore into log_labels (log, part, label, idx)
    select 0, 0, x'${hashOf('state:made-up')}', idx from log_entries where log = 0`)

  expect(await find(`digest:${one}`)).toEqual([[one]])
  expect(await find(`digest:${another}`)).toEqual([[another]])
  expect(await find('state:made-up')).toEqual([])
})

test('a block without an entry of the label lists nothing', async () => {
  const { find, sql } = await start()
  await sql(
    `insert into log_labels (log, part, label, idx) values (0, 1, x'${hashOf('key:other')}', 0)`,
  )

  expect(await find('key:other')).toEqual([])
  expect(await find('type:signature')).toEqual(DIGESTS.toReversed().map((digest) => [digest]))
})
