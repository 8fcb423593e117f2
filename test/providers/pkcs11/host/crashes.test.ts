/** A module that crashes, and a process that dies: what was under way is done again, and nothing twice. */
import { afterAll, expect, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import type { Signer } from '../../../../src/signing/signer.ts'
import { openBeside } from '../../../support/cryptoki.ts'
import {
  createFaultBench,
  MESSAGE,
  SILENCE_MS,
  withoutRests,
} from '../../../support/fault-module/fault-scene.ts'
import { CKA_LABEL, CKF_SERIAL_SESSION } from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import { testSigner } from '../../../support/signers.ts'

const bench = await createFaultBench('crashes')
const { faults } = bench

afterAll(bench.remove)

/** Processes that have called the module, in the order of their first call. */
function processes(): readonly number[] {
  return [...new Set(faults.calls().map(([pid]) => pid))]
}

function lastProcess(): number {
  return processes().at(-1) ?? 0
}

function isAllValid(signer: Signer, signatures: readonly Uint8Array[]): boolean {
  return signatures.every((made) => verifyMessage(signer.key, MESSAGE, made))
}

/** How many objects of a name the token holds. */
async function countObjects(name: string): Promise<number> {
  const { cryptoki, slot, release } = await openBeside(bench.hsm.modulePath, bench.token)
  const session = cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION)
  cryptoki.C_Login(session, 1, bench.token.pin)
  cryptoki.C_FindObjectsInit(session, [{ type: CKA_LABEL, value: name }])
  const found = cryptoki.C_FindObjects(session, 10).length
  cryptoki.C_FindObjectsFinal(session)
  cryptoki.C_CloseSession(session)
  release()
  return found
}

test.each(['C_Sign', 'C_SignInit'])('a signature whose %s crashes is made again', async (call) => {
  const { openKey } = bench.openProvider()
  const signer = await openKey()

  faults.set(call, 'crash', 1)

  expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
})

test.each(['C_Initialize', 'C_GetSlotList', 'C_OpenSession', 'C_Login', 'C_FindObjects'])(
  'a key whose %s crashes is opened by the next process',
  async (call) => {
    const { provider } = bench.openProvider()

    faults.set(call, 'crash', 1)

    expect((await provider.open(bench.uriFor('key'))).key.algorithm.name).toBe('ES256')
  },
)

test('a module that crashes at each signature is named, and signs once it is cured', async () => {
  const { openKey } = bench.openProvider({ startTimer: withoutRests })
  const signer = await openKey()

  faults.set('C_Sign', 'crash')
  const failed = await signer.sign(MESSAGE).catch((error: unknown) => error)
  faults.clear('C_Sign')

  expect(failed).toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: `the PKCS#11 module "${faults.path}" crashed while signing (SIGSEGV)`,
    details: { fault: 'crashed', end: 'SIGSEGV' },
  })
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

test('while a module that crashes all the time rests, calls are refused at once', async () => {
  let endRest: (() => void) | undefined
  const { provider } = bench.openProvider({
    startTimer: (run, milliseconds) => {
      if (milliseconds <= 1000) return withoutRests(run, milliseconds)
      if (milliseconds < SILENCE_MS) endRest = run
      return () => undefined
    },
  })
  const open = (): Promise<unknown> =>
    provider.open(bench.uriFor('key')).catch((error: unknown) => error)

  faults.set('C_Initialize', 'crash', 1000)
  while (endRest === undefined) await open()
  const starts = 1000 - faults.left('C_Initialize')
  const refused = await Promise.all(Array.from({ length: 50 }, open))

  expect(1000 - faults.left('C_Initialize')).toBe(starts)
  for (const outcome of refused) {
    expect(outcome).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE', retryAfterSeconds: 2 })
  }
  faults.clear('C_Initialize')
  endRest()
  expect(await open()).toHaveProperty('key')
})

test('of signatures under way when the process dies, each is made and verifies', async () => {
  const { openKey } = bench.openProvider()
  const signer = await openKey()
  const other = testSigner()
  const made: Uint8Array[] = []
  const deaths = 10

  const workers = Array.from({ length: 8 }, async () => {
    for (let count = 0; count < 25; count += 1) {
      made.push(await signer.sign(MESSAGE))
      if (made.length % 20 === 0) process.kill(lastProcess(), 'SIGKILL')
    }
  })
  const others = await Promise.all(Array.from({ length: 200 }, () => other.sign(MESSAGE)))
  await Promise.all(workers)

  expect(made).toHaveLength(200)
  expect(isAllValid(signer, made)).toBe(true)
  expect(others).toHaveLength(200)
  expect(processes().length).toBeGreaterThanOrEqual(deaths / 2)
})

test.each([
  ['before the key pair is generated', 'C_GenerateKeyPair'],
  ['after the key pair was generated', 'C_CloseSession'],
])('a key is created once though the module crashes %s', async (when, call) => {
  const { provider } = bench.openProvider()
  const name = `created ${when}`

  faults.set(call, 'crash', 1)
  const uri = await provider.create({ uri: bench.uriFor(name), algorithm: 'ES256' })

  expect(await (await provider.open(uri)).sign(MESSAGE)).toHaveLength(64)
  expect(faults.left(call)).toBe(0)
  expect(await countObjects(name)).toBe(2)
})

test('a key with a CKA_ID of the caller is not created again when the module crashes', async () => {
  const { provider } = bench.openProvider()
  const uri = { ...bench.uriFor('own id'), id: Buffer.from('0badcafe', 'hex') }

  faults.set('C_CloseSession', 'crash', 1)

  await expect(provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: expect.stringContaining('crashed while creating a key (SIGSEGV)') as string,
  })
})

test('a key pair is destroyed though the module crashes between its halves', async () => {
  const { provider } = bench.openProvider()
  const uri = await provider.create({ uri: bench.uriFor('destroyed'), algorithm: 'ES256' })
  const publicKey = await provider.describe(uri)

  faults.set('C_DestroyObject', 'crash', 1)
  await provider.destroy({ uri, publicKey })

  expect(await countObjects('destroyed')).toBe(0)
})

test('the diagnosis of a module that crashes names the check, the module and the signal', async () => {
  const { provider } = bench.openProvider({ startTimer: withoutRests })

  faults.set('C_SignInit', 'crash')
  const diagnosis = await provider.diagnose(bench.uriFor('key'))
  faults.clear('C_SignInit')

  expect(diagnosis.at(-1)).toMatchObject({
    check: 'signature',
    ok: false,
    code: 'ERR_PROVIDER_UNAVAILABLE',
    found: `the PKCS#11 module "${faults.path}" crashed while signing (SIGSEGV)`,
  })
})
