/** What each return value is cured by, in a real module: the calls that were made show it. */
import { existsSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import { RETURN_VALUES } from '../../../../src/providers/pkcs11/native/return-values.ts'
import {
  createFaultBench,
  MESSAGE,
  withoutRests,
} from '../../../support/fault-module/fault-scene.ts'

const bench = await createFaultBench('values')
const { faults } = bench

afterAll(bench.remove)

/** Calls that show a cure, and processes. */
function cures(): Readonly<Record<string, number>> {
  const calls = faults.calls()
  const count = (name: string): number => calls.filter(([, called]) => called === name).length
  return {
    signatures: count('C_SignInit'),
    searches: Math.min(1, count('C_FindObjectsInit')),
    sessions: Math.min(1, count('C_OpenSession')),
    logins: count('C_Login'),
    processes: new Set(calls.map(([pid]) => pid)).size,
  }
}

/** What a cure takes: the failed call and the good one, and what comes between. */
const NOTHING = { signatures: 2, searches: 0, sessions: 0, logins: 0, processes: 1 }
const EXPECTED = {
  retry: NOTHING,
  'find-key': { ...NOTHING, searches: 1 },
  // The user is still logged in, so that there is nothing to do but to look.
  'log-in': { ...NOTHING, searches: 1 },
  reopen: { ...NOTHING, searches: 1, sessions: 1, logins: 1 },
  restart: { ...NOTHING, searches: 1, sessions: 1, logins: 1 },
} as const

const outages = [...RETURN_VALUES].flatMap(([value, { name, remedy }]) =>
  remedy === 'operator' ? [] : [[name, value, remedy] as const],
)
const refusals = [...RETURN_VALUES].flatMap(([value, { name, code, remedy }]) =>
  remedy === 'operator' ? [[name, value, code] as const] : [],
)

test('every return value that passes is cured, with no more than it takes', async () => {
  const { openKey } = bench.openProvider()
  const signer = await openKey()

  for (const [name, value, remedy] of [...outages, ['vendor', 0x80000001, 'reopen'] as const]) {
    faults.watch()
    faults.set('C_SignInit', `return ${value}`, 1)
    const signature = await signer.sign(MESSAGE)

    expect(verifyMessage(signer.key, MESSAGE, signature), name).toBe(true)
    expect(cures(), name).toEqual(EXPECTED[remedy])
  }
})

test('every return value that lasts is an error of its own, after one attempt', async () => {
  const { openKey } = bench.openProvider()
  const signer = await openKey()

  for (const [name, value, code] of refusals) {
    faults.watch()
    faults.set('C_SignInit', `return ${value}`, 1)
    const error = await signer.sign(MESSAGE).catch((thrown: unknown) => thrown)

    expect(error, name).toMatchObject({
      code,
      message: expect.stringContaining(`${name} (0x${value.toString(16)})`) as string,
    })
    expect(cures(), name).toEqual({ ...NOTHING, signatures: 1 })
  }
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

test('a value that fresh sessions do not cure is cured by a fresh process', async () => {
  const { openKey } = bench.openProvider()
  const signer = await openKey()

  faults.watch()
  // As often as one process tries.
  faults.set('C_SignInit', 'return 48', 2)
  const signature = await signer.sign(MESSAGE)

  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  expect(cures()).toMatchObject({ signatures: 3, processes: 2 })
})

test('a value that nothing cures does not start one process after the other', async () => {
  const { openKey } = bench.openProvider()
  const signer = await openKey()

  faults.watch()
  faults.set('C_SignInit', 'return 48')
  const errors = await Promise.all(
    Array.from({ length: 20 }, () => signer.sign(MESSAGE).catch((error: unknown) => error)),
  )
  faults.clear('C_SignInit')

  for (const error of errors) expect(error).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
  expect(cures()['processes']).toBeLessThanOrEqual(2)
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

const CALLS = [
  'C_GetInfo',
  'C_GetSlotList',
  'C_GetTokenInfo',
  'C_OpenSession',
  'C_GetSessionInfo',
  'C_Login',
  'C_FindObjectsInit',
  'C_FindObjects',
  'C_FindObjectsFinal',
  'C_GetAttributeValue',
  'C_GetMechanismInfo',
  'C_SignInit',
  'C_Sign',
]

test.each(['DEVICE_ERROR 48', 'SESSION_HANDLE_INVALID 179', 'vendor 2147483649'])(
  'one CKR_%s in any call is not seen by a caller',
  async (text) => {
    const value = Number(text.split(' ')[1])
    const { provider } = bench.openProvider({ startTimer: withoutRests })

    for (const call of CALLS) {
      faults.set(call, `return ${value}`, 1)
      const signer = await provider.open(bench.uriFor('key')).catch((error: unknown) => {
        throw new Error(`${call} is seen`, { cause: error })
      })

      expect(await signer.sign(MESSAGE), call).toHaveLength(64)
      // One that this key had no need of.
      faults.clear(call)
    }
  },
)

test.each(['C_Initialize', ...CALLS])(
  'one CKR_GENERAL_ERROR in %s is not seen by the first caller',
  async (call) => {
    const { provider } = bench.openProvider()

    faults.set(call, 'return 5', 1)
    const signer = await provider.open(bench.uriFor('key'))

    expect(await signer.sign(MESSAGE)).toHaveLength(64)
    faults.clear(call)
  },
)

test('a key whose token is away is an outage, and signs on when it is back', async () => {
  const { openKey } = bench.openProvider({ startTimer: withoutRests })
  const signer = await openKey()
  const folder = join(dirname(bench.hsm.configPath), 'tokens')

  renameSync(folder, `${folder}.away`)
  const errors = await Promise.all(
    Array.from({ length: 10 }, () => signer.sign(MESSAGE).catch((error: unknown) => error)),
  )
  renameSync(`${folder}.away`, folder)

  expect(existsSync(folder)).toBe(true)
  for (const error of errors) expect(error).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
  const signature = await signer.sign(MESSAGE)
  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
})

test('idle sessions are used once a minute, and those that died are replaced before a caller meets them', async () => {
  const { openKey, timer } = bench.openProvider()
  const signer = await openKey()

  faults.watch()
  timer.advance(60_000)
  await expect.poll(() => faults.calls().map(([, name]) => name)).toContain('C_GetSessionInfo')
  faults.set('C_GetSessionInfo', 'return 176', 1)
  await expect.poll(() => timer.running).toBe(1)
  timer.advance(60_000)
  await expect.poll(() => faults.left('C_GetSessionInfo')).toBe(0)
  faults.watch()
  await signer.sign(MESSAGE)

  expect(cures()).toMatchObject({ signatures: 1, logins: 1 })
})
