import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createCheckpointer } from '../../src/log/checkpointer.ts'
import { createAppender } from '../../src/log/group-appender.ts'
import { openStoredLog } from '../../src/log/source.ts'
import { verifyLog } from '../../src/log/verify-log.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Store, StoreTransaction } from '../../src/store/store.ts'
import { signatureEntry } from '../support/log-entries.ts'
import { LOG_KEY, LOG_ORIGIN, testTreeSigner } from '../support/signed-log.ts'
import { createPostgres } from '../support/postgres.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const COUNT = 700

async function appendTogether(stores: readonly Store[]): Promise<void> {
  const replicas = stores.map((store) => ({
    appender: createAppender<StoreTransaction>({
      store,
      admit: (_records, entries) => Promise.resolve(entries.map(() => undefined)),
      now: () => signatureEntry(0).time,
      signer: testTreeSigner(),
      maxWaitMs: 60_000,
    }),
    checkpointer: createCheckpointer({
      log: store.log,
      signer: testTreeSigner(LOG_ORIGIN),
      keep: (checkpoint) => store.transaction(({ log }) => log.putCheckpoint(checkpoint)),
      onError: (error) => {
        throw error
      },
    }),
  }))
  const entry = signatureEntry(0)
  const appended = await Promise.all(
    Array.from({ length: COUNT }, async (_, index) => {
      const replica = replicas[index % replicas.length]
      const placed = await replica?.appender.append({ ...entry, requestId: `request-${index}` })
      if (index % 50 === 0) await replica?.checkpointer.checkpoint()
      return placed?.index
    }),
  )
  for (const { checkpointer } of replicas) await checkpointer.checkpoint()

  expect(new Set(appended).size).toBe(COUNT)
  for (const store of stores) {
    const source = openStoredLog(store.log)
    const report = await verifyLog({ source, log: { keys: [LOG_KEY] } })
    expect(report.entries).toEqual({ signature: COUNT })
  }
}

test('requests that append and sign at the same time leave one log that verifies', async () => {
  await using store = await openStore(`sqlite:${join(createTempFolder(), 'log.db')}`)

  await appendTogether([store, store])
})

test('replicas on one PostgreSQL leave one log that verifies', async () => {
  const server = await createPostgres()
  onTestFinished(() => server.stop())
  const url = await server.createDatabase()
  await using one = await openStore(url, { migrate: true })
  await using two = await openStore(url, { migrate: true })

  await appendTogether([one, two])
})
