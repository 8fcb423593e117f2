/** A module that hangs: its process is ended, and what was under way is done by the next. */
import { afterAll, expect, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import {
  createFaultBench,
  MESSAGE,
  SILENCE_MS,
  untilHung,
  withoutRests,
} from '../../../support/fault-module/fault-scene.ts'
import { ManualTimer } from '../../../support/manual-timer.ts'
import { testSigner } from '../../../support/signers.ts'

const bench = await createFaultBench('stalls')
const { faults } = bench

afterAll(bench.remove)

test.each(['C_Sign', 'C_SignInit'])(
  'a signature whose %s hangs is made by the next process',
  async (call) => {
    const { openKey, timer } = bench.openProvider()
    const signer = await openKey()

    faults.set(call, 'hang', 1)
    const signing = signer.sign(MESSAGE)
    await untilHung(bench, call)
    timer.advance(SILENCE_MS)

    expect(verifyMessage(signer.key, MESSAGE, await signing)).toBe(true)
  },
)

test.each([
  'C_GetSlotList',
  'C_OpenSession',
  'C_Login',
  'C_FindObjectsInit',
  'C_GetAttributeValue',
])('a key whose %s hangs is opened by the next process', async (call) => {
  const { provider, timer } = bench.openProvider()

  faults.set(call, 'hang', 1)
  const opening = provider.open(bench.uriFor('key'))
  await untilHung(bench, call)
  timer.advance(SILENCE_MS)

  expect((await opening).key.algorithm.name).toBe('ES256')
})

test('a module whose C_Initialize hangs is loaded by the next process', async () => {
  const { provider, timer } = bench.openProvider()

  faults.set('C_Initialize', 'hang', 1)
  const opening = provider.open(bench.uriFor('key'))
  await untilHung(bench, 'C_Initialize')
  timer.advance(30_000)

  expect((await opening).key.algorithm.name).toBe('ES256')
})

test('a signature whose C_Sign hangs each time is answered with the module and the deadline', async () => {
  const deadlines = new ManualTimer()
  const { openKey } = bench.openProvider({
    startTimer: (run, milliseconds) =>
      milliseconds < SILENCE_MS
        ? withoutRests(run, milliseconds)
        : deadlines.start(run, milliseconds),
  })
  const signer = await openKey()

  faults.set('C_Sign', 'hang', 1)
  const signing = signer.sign(MESSAGE)
  for (const next of [1, 1, 0]) {
    await untilHung(bench, 'C_Sign')
    faults.set('C_Sign', 'hang', next)
    deadlines.advance(SILENCE_MS)
  }

  await expect(signing).rejects.toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: `the PKCS#11 module "${faults.path}" did not answer within 4000 ms while signing`,
    details: { fault: 'stalled' },
  })
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

test('as many signatures run at a time as there are sessions, and other keys sign meanwhile', async () => {
  const { openKey, timer } = bench.openProvider()
  const signer = await openKey()
  const other = testSigner()

  faults.set('C_Sign', 'hang', 8)
  const signing = Array.from({ length: 20 }, () => signer.sign(MESSAGE))
  await untilHung(bench, 'C_Sign')
  const others = await Promise.all(Array.from({ length: 50 }, () => other.sign(MESSAGE)))
  timer.advance(SILENCE_MS)

  expect(others).toHaveLength(50)
  const signatures = await Promise.all(signing)
  expect(signatures.every((made) => verifyMessage(signer.key, MESSAGE, made))).toBe(true)
})

test('the loop of this process goes on while a call holds up the one of the module', async () => {
  const { openKey, timer } = bench.openProvider()
  const signer = await openKey()

  faults.set('C_SignInit', 'hang', 1)
  const signing = signer.sign(MESSAGE)
  await untilHung(bench, 'C_SignInit')
  let turns = 0
  while (turns < 1000) {
    await new Promise((resolve) => setImmediate(resolve))
    turns += 1
  }
  const isDone = await Promise.race([signing.then(() => true), Promise.resolve(false)])
  timer.advance(SILENCE_MS)

  expect(isDone).toBe(false)
  expect(verifyMessage(signer.key, MESSAGE, await signing)).toBe(true)
})

test('a caller whose signal is aborted does not wait for a call that hangs', async () => {
  const { openKey, timer } = bench.openProvider()
  const signer = await openKey()
  const caller = new AbortController()

  faults.set('C_Sign', 'hang', 1)
  const signing = signer.sign(MESSAGE, { signal: caller.signal })
  await untilHung(bench, 'C_Sign')
  caller.abort()

  await expect(signing).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  timer.advance(SILENCE_MS)
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

test('a call that is silent while others are answered has a deadline of its own', async () => {
  const { openKey, timer } = bench.openProvider()
  const signer = await openKey()

  faults.set('C_Sign', 'hang', 1)
  const signing = signer.sign(MESSAGE)
  await untilHung(bench, 'C_Sign')
  for (let round = 0; round < 5; round += 1) {
    await signer.sign(MESSAGE)
    timer.advance(SILENCE_MS - 1)
  }
  timer.advance(SILENCE_MS)

  expect(verifyMessage(signer.key, MESSAGE, await signing)).toBe(true)
})

test('a provider whose module hangs is closed all the same', async () => {
  const { openKey, provider, timer } = bench.openProvider()
  const signer = await openKey()

  faults.set('C_SignInit', 'hang', 1)
  const signing = signer.sign(MESSAGE).catch((error: unknown) => error)
  await untilHung(bench, 'C_SignInit')
  const closing = provider[Symbol.asyncDispose]()
  timer.advance(3000)
  await closing

  expect(await signing).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
})
