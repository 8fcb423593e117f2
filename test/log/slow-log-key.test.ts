/** The key of the transparency log is on the path of signatures: how long they wait for it, and what then. */
import { expect, test } from 'vitest'
import type { ProvenPlace } from '../../src/log/appender.ts'
import { createAppender } from '../../src/log/group-appender.ts'
import { TreeSigner } from '../../src/log/tree-signer.ts'
import type { Signer } from '../../src/signing/signer.ts'
import { codeOfAsync } from '../support/errors.ts'
import { LOG_START, signatureEntry } from '../support/log-entries.ts'
import { ManualTimer } from '../support/manual-timer.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { TRANSPARENCY_ORIGIN } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'

const KEY = testSigner('EdDSA', 'log')

/** An appender whose log key signs in this way. */
function createScene(sign: Signer['sign']): {
  readonly timer: ManualTimer
  readonly append: (index: number) => Promise<ProvenPlace>
} {
  const timer = new ManualTimer()
  const signer = new TreeSigner({
    origin: TRANSPARENCY_ORIGIN,
    openKeys: () => Promise.resolve({ signer: { key: KEY.key, sign } }),
  })
  const appender = createAppender({
    store: new MemoryLog(),
    admit: (_records, entries) => Promise.resolve(entries.map(() => undefined)),
    now: () => LOG_START,
    signer,
    maxWaitMs: 1000,
    startTimer: timer.start,
  })
  const append = (index: number): Promise<ProvenPlace> => {
    const leaf = { data: Buffer.from(`leaf ${index}`), labels: [] }
    return appender.append(signatureEntry(index), { leaf })
  }
  return { timer, append }
}

test('a log key that hangs delays only its own group, and only as long as a caller waits', async () => {
  let calls = 0
  const { append, timer } = createScene((message) => {
    calls += 1
    // Like a token that hangs: it does not notice the abort.
    return calls === 1 ? new Promise(() => undefined) : KEY.sign(message)
  })
  const late = codeOfAsync(() => append(0))
  await expect.poll(() => calls, { timeout: 30_000 }).toBe(1)
  timer.advance(1000)

  expect(await late).toBe('ERR_LOG_UNAVAILABLE')
  // Its leaf is durable, and proven with the next.
  expect((await append(1)).proof).toMatchObject({ index: 1, size: 2 })
})

test('a log key that refuses is named as the cause', async () => {
  const { append } = createScene(() => Promise.reject(new Error('throttled')))

  await expect(append(0)).rejects.toMatchObject({
    code: 'ERR_LOG_UNAVAILABLE',
    message: 'the key of the transparency log did not sign a checkpoint',
  })
})
