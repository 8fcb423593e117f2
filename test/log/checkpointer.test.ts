import { expect, test } from 'vitest'
import type { CountersignError } from '../../src/errors.ts'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import { logVerifierKey } from '../../src/formats/note-key.ts'
import { appendEntries } from '../../src/log/append.ts'
import { type Checkpointer, createCheckpointer } from '../../src/log/checkpointer.ts'
import { type LogKeys, TreeSigner } from '../../src/log/tree-signer.ts'
import { EMPTY_ROOT } from '../../src/crypto/merkle.ts'
import { codeOfAsync } from '../support/errors.ts'
import { ManualTimer } from '../support/manual-timer.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { signatureEntries } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'

const ORIGIN = 'log.example/countersign'
const signer = testSigner('EdDSA', 'log')

interface Scene {
  readonly log: MemoryLog
  readonly timer: ManualTimer
  readonly errors: CountersignError[]
  readonly checkpointer: Checkpointer
  readonly append: (count: number) => Promise<void>
  /** Size of the newest checkpoint, opened with the log's key. */
  readonly signedSize: () => Promise<number | undefined>
}

function createScene(log = new MemoryLog(), keys: LogKeys = { signer }): Scene {
  const timer = new ManualTimer()
  const errors: CountersignError[] = []
  const checkpointer = createCheckpointer({
    log: log.log,
    signer: new TreeSigner({ origin: ORIGIN, openKeys: () => Promise.resolve(keys) }),
    keep: (checkpoint) => log.transaction((records) => records.log.putCheckpoint(checkpoint)),
    startTimer: timer.start,
    onError: (error) => errors.push(error),
  })
  return {
    log,
    timer,
    errors,
    checkpointer,
    append: async (count) => {
      const { size } = await log.log.head()
      const entries = signatureEntries(count, size)
      await log.transaction((records) => appendEntries(records, entries))
    },
    signedSize: async () => {
      const stored = await log.log.checkpoint()
      const key = logVerifierKey(ORIGIN, keys.signer.key)
      return stored && openCheckpoint(Buffer.from(stored.note), { keys: [key] }).size
    },
  }
}

test('an empty log is signed too, so that readers find a checkpoint', async () => {
  const { checkpointer, signedSize } = createScene()
  await checkpointer.checkpoint()

  expect(await signedSize()).toBe(0)
})

test('a checkpoint is signed at the start and at every interval in which the log grew', async () => {
  const scene = createScene()
  await scene.append(3)
  scene.checkpointer.start()
  await scene.timer.untilRunning()
  expect(await scene.signedSize()).toBe(3)

  await scene.append(300)
  scene.timer.advance(999)
  await scene.timer.untilRunning()
  expect(await scene.signedSize()).toBe(3)

  scene.timer.advance(1)
  await scene.timer.untilRunning()
  expect(await scene.signedSize()).toBe(303)
  expect(scene.errors).toEqual([])
})

test('a log that did not grow is not signed again', async () => {
  const scene = createScene()
  await scene.append(3)
  const first = await scene.checkpointer.checkpoint()
  const { commits } = scene.log

  expect(await scene.checkpointer.checkpoint()).toEqual(first)
  expect(scene.log.commits).toBe(commits)
})

test('closing signs the last entries and stops', async () => {
  const scene = createScene()
  scene.checkpointer.start()
  await scene.timer.untilRunning()
  await scene.append(2)
  await scene.checkpointer[Symbol.asyncDispose]()

  expect(await scene.signedSize()).toBe(2)
  expect(scene.timer.running).toBe(0)
})

test('a checkpoint of another replica is continued, and never replaced by a smaller one', async () => {
  const one = createScene()
  const two = createScene(one.log)
  await one.append(3)
  await one.checkpointer.checkpoint()
  await one.append(4)
  await two.checkpointer.checkpoint()
  await one.checkpointer.checkpoint()

  expect(await one.signedSize()).toBe(7)
})

test('a log with removed entries is not signed', async () => {
  const scene = createScene()
  await scene.append(7)
  await scene.checkpointer.checkpoint()
  const other = createScene()
  await other.append(5)
  const head = await other.log.log.head()
  scene.log.tamper((state) => {
    state.head = head
    state.checkpoint = undefined
  })

  expect(await codeOfAsync(() => scene.checkpointer.checkpoint())).toBe('ERR_LOG_PROOF_INVALID')
})

test('a rewritten log is not signed, by this replica or the next', async () => {
  const scene = createScene()
  await scene.append(7)
  const { note } = await scene.checkpointer.checkpoint()
  const other = createScene()
  await other.log.transaction((records) => appendEntries(records, signatureEntries(9, 100)))
  other.log.tamper((state) => {
    state.checkpoint = { size: 7, note }
  })

  const next = createScene(other.log)
  expect(await codeOfAsync(() => next.checkpointer.checkpoint())).toBe('ERR_LOG_PROOF_INVALID')
})

test('tiles that do not lead to the root are not signed', async () => {
  const scene = createScene()
  await scene.append(7)
  scene.log.tamper((state) => {
    state.head = { ...state.head, root: EMPTY_ROOT }
  })

  expect(await codeOfAsync(() => scene.checkpointer.checkpoint())).toBe('ERR_LOG_PROOF_INVALID')
})

test('a failure is reported and retried', async () => {
  const scene = createScene()
  scene.log.beforeCommit = () => Promise.reject(new Error('gone'))
  scene.checkpointer.start()
  await scene.timer.untilRunning()
  expect(scene.errors.map(({ code }) => code)).toEqual(['ERR_INTERNAL'])
  scene.log.beforeCommit = () => Promise.resolve()
  scene.timer.advance(1000)
  await scene.timer.untilRunning()

  expect(await scene.signedSize()).toBe(0)
})

test('a new key continues from what an earlier key signed, if that key is configured', async () => {
  const scene = createScene()
  await scene.append(3)
  await scene.checkpointer.checkpoint()
  const next = { signer: testSigner('EdDSA', 'next') }
  await scene.append(1)

  const unaware = createScene(scene.log, next)
  expect(await codeOfAsync(() => unaware.checkpointer.checkpoint())).toBe('ERR_NOTE_INVALID')
  const heir = createScene(scene.log, { ...next, earlier: [signer.key] })
  await heir.checkpointer.checkpoint()
  expect(await heir.signedSize()).toBe(4)
})

test('a log key other than Ed25519 is refused', async () => {
  const { checkpointer } = createScene(new MemoryLog(), { signer: testSigner('ES256') })

  expect(await codeOfAsync(() => checkpointer.checkpoint())).toBe('ERR_ALGORITHM_UNSUPPORTED')
})
