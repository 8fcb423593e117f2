import { expect, test } from 'vitest'
import { CountersignError } from '../../src/errors.ts'
import type { Admit, ProvenPlace } from '../../src/log/appender.ts'
import type { LogEntry } from '../../src/log/entry.ts'
import { openCheckpoint } from '../../src/formats/checkpoint.ts'
import { parseEntry } from '../../src/log/entry-format.ts'
import { type AppenderOptions, createAppender } from '../../src/log/group-appender.ts'
import { leafHash, verifyInclusion } from '../../src/crypto/merkle.ts'
import { TreeSigner } from '../../src/log/tree-signer.ts'
import { codeOfAsync } from '../support/errors.ts'
import { LOG_START, signatureEntry } from '../support/log-entries.ts'
import { ManualTimer } from '../support/manual-timer.ts'
import { MemoryLog, type MemoryTransaction } from '../support/memory-log.ts'
import { testTreeSigner, TRANSPARENCY_KEY, TRANSPARENCY_ORIGIN } from '../support/signed-log.ts'
import { testSigner } from '../support/signers.ts'

const admitAll: Admit<MemoryTransaction> = (_records, entries) =>
  Promise.resolve(entries.map(() => undefined))

interface Scene extends Disposable {
  readonly log: MemoryLog
  readonly timer: ManualTimer
  readonly appender: ReturnType<typeof createAppender>
  /** Lets commits that wait go on. */
  readonly open: () => void
}

/** An appender whose commits wait for `open` where `isStuck`. */
function createScene(
  options: Partial<AppenderOptions<MemoryTransaction>> & { readonly isStuck?: boolean } = {},
): Scene {
  const { isStuck = false, ...rest } = options
  const log = new MemoryLog()
  const timer = new ManualTimer()
  const gate = Promise.withResolvers<undefined>()
  if (isStuck) log.beforeCommit = () => gate.promise
  const appender = createAppender<MemoryTransaction>({
    store: log,
    admit: admitAll,
    now: () => LOG_START,
    signer: testTreeSigner(),
    startTimer: timer.start,
    ...rest,
  })
  const open = (): void => {
    gate.resolve(undefined)
  }
  return { log, timer, appender, open, [Symbol.dispose]: open }
}

const append = (
  { appender }: Scene,
  index: number,
  signal?: AbortSignal,
): Promise<{ readonly index: number }> =>
  appender.append(signatureEntry(index), signal === undefined ? {} : { signal })

const range = (length: number): readonly number[] => Array.from({ length }, (_, index) => index)

test('an entry is durable once its caller gets it', async () => {
  using scene = createScene()
  const { index } = await append(scene, 0)

  expect(index).toBe(0)
  expect(await scene.log.log.entries(0, 9)).toHaveLength(1)
})

test('entries of the same moment share one commit', async () => {
  using scene = createScene()
  const appended = await Promise.all(range(20).map((index) => append(scene, index)))

  expect(appended.map(({ index }) => index)).toEqual(range(20))
  expect(scene.log.commits).toBe(1)
})

test('entries of one turn of the event loop share a commit within that turn', async () => {
  using scene = createScene()
  const inTurn = (index: number): Promise<unknown> =>
    new Promise((resolve) => {
      // Each a task of its own, as requests are that arrive together.
      setImmediate(() => {
        resolve(append(scene, index))
      })
    })
  await Promise.all(range(20).map(inTurn))

  expect(scene.log.commits).toBe(1)
})

test('while one commit runs, the next group collects', async () => {
  using scene = createScene({ isStuck: true })
  const first = append(scene, 0)
  await new Promise(setImmediate)
  const others = range(10).map((index) => append(scene, index + 1))
  await new Promise(setImmediate)
  scene.open()
  await Promise.all([first, ...others])

  expect(scene.log.commits).toBe(2)
})

test('a group is never larger than it may be', async () => {
  using scene = createScene({ maxGroup: 4 })
  await Promise.all(range(10).map((index) => append(scene, index)))

  expect(scene.log.commits).toBe(3)
})

test('a refused caller is refused alone, and the log records the denial in its place', async () => {
  const revoked = new CountersignError('ERR_KEY_REVOKED', 'the version is revoked')
  const admit: Admit<MemoryTransaction> = (_records, entries) =>
    Promise.resolve(
      entries.map(({ requestId }) => (requestId === 'request-1' ? revoked : undefined)),
    )
  using scene = createScene({ admit })
  const codes = range(3).map((index) => codeOfAsync(() => append(scene, index)))

  expect(await Promise.all(codes)).toEqual(['accepted', 'ERR_KEY_REVOKED', 'accepted'])
  const logged = (await scene.log.log.entries(0, 9)).map(parseEntry)
  expect(logged.map(({ type }) => type)).toEqual(['signature', 'denial', 'signature'])
  expect(logged[1]).toEqual({
    type: 'denial',
    time: LOG_START,
    requestId: 'request-1',
    caller: signatureEntry(1).caller,
    action: 'sign',
    resource: 'release',
    code: 'ERR_KEY_REVOKED',
    reason: 'the version is revoked',
  })
})

test('an admission that does not decide on every entry admits none', async () => {
  using scene = createScene({ admit: () => Promise.resolve([]) })

  expect(await codeOfAsync(() => append(scene, 0))).toBe('ERR_LOG_UNAVAILABLE')
  expect(await scene.log.log.head()).toMatchObject({ size: 0 })
})

test('a wrong clock admits nothing, not even a denial, and is reported as such', async () => {
  const wrong = new CountersignError('ERR_CLOCK', 'the clock is off')
  using scene = createScene({ admit: () => Promise.reject(wrong) })

  expect(await codeOfAsync(() => append(scene, 0))).toBe('ERR_CLOCK')
  expect(await scene.log.log.head()).toMatchObject({ size: 0 })
})

test('admission sees the log with its head locked', async () => {
  const admit: Admit<MemoryTransaction> = async ({ log }, entries) => {
    await log.putTiles([])
    return entries.map(() => undefined)
  }
  using scene = createScene({ admit })

  expect(await codeOfAsync(() => append(scene, 0))).toBe('accepted')
})

test('a failed commit is reported to every caller in it, and the next one proceeds', async () => {
  using scene = createScene()
  scene.log.beforeCommit = () => Promise.reject(new Error('disk full'))
  const codes = range(3).map((index) => codeOfAsync(() => append(scene, index)))
  expect(new Set(await Promise.all(codes))).toEqual(new Set(['ERR_LOG_UNAVAILABLE']))
  scene.log.beforeCommit = () => Promise.resolve()

  expect(await append(scene, 3)).toEqual({ index: 0 })
  expect(scene.timer.running).toBe(0)
})

test('a caller waits no longer than its limit, and gets no success afterwards', async () => {
  using scene = createScene({ isStuck: true, maxWaitMs: 1000 })
  const late = append(scene, 0).then(
    () => 'appended',
    (error: unknown) =>
      CountersignError.is(error) ? `${error.code} ${String(error.retryable)}` : '',
  )
  await new Promise(setImmediate)
  scene.timer.advance(999)
  expect(scene.timer.running).toBe(1)
  scene.timer.advance(1)
  expect(await late).toBe('ERR_LOG_UNAVAILABLE true')
  scene.open()
  await append(scene, 1)

  expect(await late).toBe('ERR_LOG_UNAVAILABLE true')
  // It was in the commit already: an entry of a signature that was never handed out.
  expect(await scene.log.log.head()).toMatchObject({ size: 2 })
})

test('an entry whose caller aborted while it waited is not written', async () => {
  using scene = createScene({ isStuck: true, maxWaitMs: 1000 })
  const first = codeOfAsync(() => append(scene, 0))
  await new Promise(setImmediate)
  const second = codeOfAsync(() => append(scene, 1))
  scene.timer.advance(1000)
  expect([await first, await second]).toEqual(['ERR_LOG_UNAVAILABLE', 'ERR_LOG_UNAVAILABLE'])
  scene.open()
  await append(scene, 2)

  const logged = (await scene.log.log.entries(0, 9)).map(parseEntry)
  expect(logged.map(({ requestId }) => requestId)).toEqual(['request-0', 'request-2'])
})

test('a caller may abort, before and while it waits', async () => {
  using scene = createScene({ isStuck: true })
  const controller = new AbortController()
  const first = append(scene, 0)
  await new Promise(setImmediate)
  const leaving = codeOfAsync(() => append(scene, 1, controller.signal))
  controller.abort()

  expect(await leaving).toBe('ERR_CANCELLED')
  expect(await codeOfAsync(() => append(scene, 2, controller.signal))).toBe('ERR_CANCELLED')
  scene.open()
  await first
  expect(await scene.log.log.head()).toMatchObject({ size: 1 })
})

test('entries over the queue limit are refused at once, and aborted callers free their slots', async () => {
  using scene = createScene({ isStuck: true, maxQueue: 2 })
  const controller = new AbortController()
  const first = append(scene, 0)
  await new Promise(setImmediate)
  const waiting = append(scene, 1)
  const leaving = codeOfAsync(() => append(scene, 2, controller.signal))

  expect(await codeOfAsync(() => append(scene, 3))).toBe('ERR_OVERLOADED')
  controller.abort()
  expect(await leaving).toBe('ERR_CANCELLED')
  const last = append(scene, 4)
  scene.open()
  expect(await Promise.all([first, waiting, last])).toHaveLength(3)
})

test('an entry that is too long is refused before it waits', async () => {
  using scene = createScene()
  const digests = Array.from({ length: 1000 }, () => `sha256:${'0'.repeat(64)}`)
  const code = await codeOfAsync(() => scene.appender.append({ ...signatureEntry(0), digests }))

  expect(code).toBe('ERR_INPUT_TOO_LARGE')
  expect(scene.timer.running).toBe(0)
})

test('closing writes the waiting entries and accepts no more', async () => {
  using scene = createScene({ isStuck: true })
  const waiting = range(3).map((index) => append(scene, index))
  const closed = scene.appender[Symbol.asyncDispose]()

  expect(await codeOfAsync(() => append(scene, 3))).toBe('ERR_LOG_UNAVAILABLE')
  scene.open()
  await closed
  expect(await Promise.all(waiting)).toHaveLength(3)
})

/** The key of a log, which counts what it signs, and fails where it is broken. */
class CountingKey {
  readonly #key = testSigner('EdDSA', 'log')
  signs = 0
  isBroken = false
  readonly signer = new TreeSigner({
    origin: TRANSPARENCY_ORIGIN,
    openKeys: () => Promise.resolve({ signer: { ...this.#key, sign: (text) => this.#sign(text) } }),
  })

  #sign(text: Uint8Array): Promise<Uint8Array> {
    this.signs += 1
    if (!this.isBroken) return this.#key.sign(text)
    return Promise.reject(new CountersignError('ERR_THROTTLED', 'the KMS is busy'))
  }
}

const leafOf = (index: number): { data: Uint8Array; labels: string[] } => ({
  data: Buffer.from(`{"leaf":${index}}`),
  labels: [],
})

const appendProven = ({ appender }: Scene, index: number): Promise<ProvenPlace> =>
  appender.append(signatureEntry(index), { leaf: leafOf(index) })

test('a group gets one checkpoint, under which each of its leaves is proven', async () => {
  const key = new CountingKey()
  using scene = createScene({ signer: key.signer })
  await Promise.all(range(10).map((index) => appendProven(scene, index)))
  const places = await Promise.all(range(300).map((index) => appendProven(scene, 10 + index)))

  expect(key.signs).toBe(scene.log.commits)
  for (const [place, { proof, publicIndex }] of places.entries()) {
    if (proof === undefined) throw new Error(`entry ${place} has no proof`)
    const { checkpoint, hashes, index, leaf, root, size } = proof
    const signed = openCheckpoint(Buffer.from(checkpoint), { keys: [TRANSPARENCY_KEY] })
    expect(signed).toMatchObject({ root, size })
    expect([index, Buffer.from(leaf)]).toEqual([publicIndex, leafOf(10 + place).data])
    verifyInclusion({ index, size, leaf: leafHash(leaf), root, proof: hashes })
  }
})

test('an entry without a public leaf costs no checkpoint and has no proof', async () => {
  const key = new CountingKey()
  using scene = createScene({ signer: key.signer })
  const denial: LogEntry = {
    ...signatureEntry(0),
    type: 'denial',
    action: 'sign',
    resource: 'release',
    code: 'ERR_NOT_ALLOWED',
    reason: 'no policy permits it',
  }

  expect(await scene.appender.append(denial)).toEqual({ index: 0 })
  expect(key.signs).toBe(0)
  expect((await scene.log.transparencyLog.head()).size).toBe(0)
})

test('a refused entry has no leaf, and the entries beside it are proven', async () => {
  const revoked = new CountersignError('ERR_KEY_REVOKED', 'the version is revoked')
  const admit: Admit<MemoryTransaction> = (_records, entries) =>
    Promise.resolve(
      entries.map(({ requestId }) => (requestId === 'request-1' ? revoked : undefined)),
    )
  using scene = createScene({ admit })
  const [first, second, third] = await Promise.allSettled(
    range(3).map((index) => appendProven(scene, index)),
  )

  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'ERR_KEY_REVOKED' } })
  expect(first).toMatchObject({ value: { publicIndex: 0, proof: { index: 0, size: 2 } } })
  expect(third).toMatchObject({ value: { publicIndex: 1, proof: { index: 1, size: 2 } } })
  const leaves = await scene.log.transparencyLog.entries(0, 9)
  expect(leaves.map((leaf) => Buffer.from(leaf))).toEqual([leafOf(0).data, leafOf(2).data])
})

test('a group without a checkpoint is not released, and the next group continues behind it', async () => {
  const key = new CountingKey()
  using scene = createScene({ signer: key.signer })
  key.isBroken = true
  expect(await codeOfAsync(() => appendProven(scene, 0))).toBe('ERR_LOG_UNAVAILABLE')
  key.isBroken = false

  expect(await appendProven(scene, 1)).toMatchObject({ index: 1, proof: { index: 1, size: 2 } })
})

test('nothing is released on a transparency log that shrank or was changed', async () => {
  const release = async (tamper: Parameters<MemoryLog['tamper']>[0]): Promise<string> => {
    using scene = createScene()
    await appendProven(scene, 0)
    await appendProven(scene, 1)
    scene.log.tamper(tamper)
    return await codeOfAsync(() => appendProven(scene, 2))
  }

  expect(await release(() => undefined)).toBe('accepted')
  expect(
    await release((_, transparency) => {
      transparency.head = { ...transparency.head, size: 1 }
    }),
  ).toBe('ERR_LOG_UNAVAILABLE')
  expect(
    await release((_, transparency) => {
      transparency.head = { ...transparency.head, root: Buffer.alloc(32) }
    }),
  ).toBe('ERR_LOG_UNAVAILABLE')
})
