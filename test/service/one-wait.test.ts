/** What a signature waits for: counted, since how long it takes is the machine's. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOf } from '../../src/crypto/digest.ts'
import { openStore } from '../../src/store/open-store.ts'
import type { Store } from '../../src/store/store.ts'
import { startService, WORKFLOW_CREDENTIALS } from '../support/service.ts'
import { createTempFolder } from '../support/temp-folder.ts'

/** The same store, which counts its transactions. */
function counted(store: Store): { readonly store: Store; readonly count: () => number } {
  let transactions = 0
  const transaction: Store['transaction'] = (work) => {
    transactions += 1
    return store.transaction(work)
  }
  const counting = new Proxy(store, {
    get: (target, name) => {
      if (name === 'transaction') return transaction
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
  return { store: counting, count: () => transactions }
}

interface Answer {
  readonly results: readonly {
    readonly bundle: {
      readonly verificationMaterial: {
        readonly tlogEntries: readonly { readonly inclusionProof: { readonly treeSize: string } }[]
      }
    }
  }[]
}

test('a signature waits for one transaction, which has it in both logs, and leaves with its proof', async () => {
  await using opened = await openStore(`sqlite:${join(createTempFolder(), 'service.db')}`)
  const { count, store } = counted(opened)
  const { app } = await startService({ parts: { store } })
  const before = count()

  const answer = await app.inject({
    method: 'POST',
    url: '/v1/keys/release/signatures',
    headers: WORKFLOW_CREDENTIALS,
    payload: { artifacts: [{ digest: digestOf(Buffer.from('one')), kind: 'file', name: 'a' }] },
  })

  expect(answer.statusCode).toBe(200)
  expect(count() - before).toBe(1)
  expect([(await store.log.head()).size, (await store.transparencyLog.head()).size]).toEqual([1, 1])
  const [result] = answer.json<Answer>().results
  expect(result?.bundle.verificationMaterial.tlogEntries).toMatchObject([
    { inclusionProof: { treeSize: '1' } },
  ])
})
