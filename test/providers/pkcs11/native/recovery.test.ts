import { afterAll, expect, onTestFinished, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import {
  CKA_LABEL,
  CKF_RW_SESSION,
  CKF_SERIAL_SESSION,
  CKU_USER,
  type Cryptoki,
} from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import { assertDigestSigner, type Signer } from '../../../../src/signing/signer.ts'
import {
  createInProcess,
  loadReplaced,
  openBeside,
  pkcs11Error,
  type Replacements,
} from '../../../support/cryptoki.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'

const hsm = createSoftHsm(['recovery'])
const [token] = hsm.tokens
const { pin, uriFor } = token

const maker = createInProcess({ readPin: () => Promise.resolve(pin) })
await maker.create({ uri: uriFor('key'), algorithm: 'ES256' })
const other = await openBeside(hsm.modulePath, token)

afterAll(async () => {
  other.release()
  await maker[Symbol.asyncDispose]()
  hsm.remove()
})

const MESSAGE = Buffer.from('message')

interface Watched {
  readonly signer: Signer
  /** Calls that reached the token, by name. */
  readonly calls: Record<'C_Login' | 'C_OpenSession' | 'C_FindObjectsInit', number>
}

/** Opens the key and counts, from then on, what it takes to go on. */
async function openWatched(name = 'key', replacements?: Replacements): Promise<Watched> {
  const calls = { C_Login: 0, C_OpenSession: 0, C_FindObjectsInit: 0 }
  const counting = (real: Cryptoki): Partial<Cryptoki> => ({
    C_Login: (...args) => {
      calls.C_Login += 1
      real.C_Login(...args)
    },
    C_OpenSession: (...args) => {
      calls.C_OpenSession += 1
      return real.C_OpenSession(...args)
    },
    C_FindObjectsInit: (...args) => {
      calls.C_FindObjectsInit += 1
      real.C_FindObjectsInit(...args)
    },
    ...replacements?.(real),
  })
  const readPin = () => Promise.resolve(pin)
  const provider = createInProcess({ readPin, loadModule: loadReplaced(counting) })
  onTestFinished(() => provider[Symbol.asyncDispose]())
  const signer = await provider.open(uriFor(name))
  await signer.sign(MESSAGE)
  Object.assign(calls, { C_Login: 0, C_OpenSession: 0, C_FindObjectsInit: 0 })
  return { signer, calls }
}

/** Logs the whole process out, as another library in it would. */
function logOut(): void {
  const session = other.cryptoki.C_OpenSession(other.slot, CKF_SERIAL_SESSION)
  ;(other.cryptoki as Cryptoki & { C_Logout(session: Buffer): void }).C_Logout(session)
  other.cryptoki.C_CloseSession(session)
}

function closeAllSessions(): void {
  const closing = other.cryptoki as Cryptoki & { C_CloseAllSessions(slot: Buffer): void }
  closing.C_CloseAllSessions(other.slot)
}

test('a warm key signs without any look-up', async () => {
  const { signer, calls } = await openWatched()

  await signer.sign(MESSAGE)

  expect(calls).toEqual({ C_Login: 0, C_OpenSession: 0, C_FindObjectsInit: 0 })
})

test('a key signs on after all its sessions were closed', async () => {
  const { signer, calls } = await openWatched()

  closeAllSessions()
  const signature = await signer.sign(MESSAGE)

  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  expect(calls).toMatchObject({ C_Login: 1, C_OpenSession: 1 })
})

test('a key signs on after the user was logged out', async () => {
  const { signer, calls } = await openWatched()

  logOut()
  const signature = await signer.sign(MESSAGE)

  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  expect(calls.C_Login).toBe(1)
})

test('a key signs digests on after all its sessions were closed', async () => {
  const { signer } = await openWatched()
  assertDigestSigner(signer)

  closeAllSessions()

  expect(await signer.signDigest(new Uint8Array(32))).toHaveLength(64)
})

test('a key signs on after the module was finalized', async () => {
  const { signer, calls } = await openWatched()

  other.cryptoki.C_Finalize()
  const signature = await signer.sign(MESSAGE)

  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
  expect(calls.C_Login).toBe(1)
})

test.each([
  ['all sessions were closed', closeAllSessions],
  ['the user was logged out', logOut],
])('many signatures under way when %s all succeed, after one login', async (_, fail) => {
  const { signer, calls } = await openWatched()
  await Promise.all(Array.from({ length: 20 }, () => signer.sign(MESSAGE)))
  calls.C_OpenSession = 0

  fail()
  const signatures = await Promise.all(Array.from({ length: 50 }, () => signer.sign(MESSAGE)))

  expect(
    signatures.filter((signature) => verifyMessage(signer.key, MESSAGE, signature)),
  ).toHaveLength(50)
  expect(calls.C_Login).toBe(1)
  expect(calls.C_OpenSession).toBeLessThanOrEqual(8)
})

test('a call that keeps failing is made twice, and is an outage in the end', async () => {
  let isBroken = false
  let attempts = 0
  const { signer, calls } = await openWatched('key', (real) => ({
    C_SignInit: (...args) => {
      attempts += 1
      if (isBroken) throw pkcs11Error(0x32, 'CKR_DEVICE_REMOVED')
      real.C_SignInit(...args)
    },
  }))

  isBroken = true
  attempts = 0

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
  expect(attempts).toBe(2)
  expect(calls.C_OpenSession).toBe(1)
  isBroken = false
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

test('a token removed from its slots is an outage, and is found again once it is back', async () => {
  let isGone = false
  const { signer } = await openWatched('key', (real) => ({
    C_GetSlotList: (tokenPresent) => (isGone ? [] : real.C_GetSlotList(tokenPresent)),
  }))

  isGone = true
  closeAllSessions()

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
    message: 'signing with token "recovery" failed: CKR_TOKEN_NOT_PRESENT (0xe0)',
  })
  isGone = false
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

test('a failure that a new session cannot fix is not retried', async () => {
  let attempts = 0
  let isBroken = false
  const { signer } = await openWatched('key', (real) => ({
    C_SignInit: (...args) => {
      attempts += 1
      if (isBroken) throw pkcs11Error(0x68, 'CKR_KEY_FUNCTION_NOT_PERMITTED')
      real.C_SignInit(...args)
    },
  }))

  isBroken = true
  attempts = 0

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_KEY_NOT_USABLE' })
  expect(attempts).toBe(1)
})

/** A module that loses its device for good: only a restart brings it back. */
async function openFragile() {
  const device = { isLost: false, restarts: 0 }
  const failing =
    <Args extends unknown[], Result>(call: (...args: Args) => Result) =>
    (...args: Args): Result => {
      if (device.isLost) throw pkcs11Error(0x30, 'CKR_DEVICE_ERROR')
      return call(...args)
    }
  const load = loadReplaced((real) => ({
    C_GetInfo: failing(() => real.C_GetInfo()),
    C_GetSlotList: failing((present: boolean) => real.C_GetSlotList(present)),
    C_SignInit: failing((...args: Parameters<Cryptoki['C_SignInit']>) => {
      real.C_SignInit(...args)
    }),
  }))
  const provider = createInProcess({
    readPin: () => Promise.resolve(pin),
    loadModule: async (path) => ({
      ...(await load(path)),
      restart: () => {
        device.restarts += 1
        device.isLost = false
      },
    }),
  })
  onTestFinished(() => provider[Symbol.asyncDispose]())
  return { device, provider, signer: await provider.open(uriFor('key')) }
}

test('many signatures under way when the device is lost need one restart of the module', async () => {
  const { device, signer } = await openFragile()
  await Promise.all(Array.from({ length: 20 }, () => signer.sign(MESSAGE)))

  device.isLost = true
  const signatures = await Promise.all(Array.from({ length: 50 }, () => signer.sign(MESSAGE)))

  expect(
    signatures.filter((signature) => verifyMessage(signer.key, MESSAGE, signature)),
  ).toHaveLength(50)
  expect(device.restarts).toBe(1)
})

test('a key is opened through a module that needs a restart first', async () => {
  const { device, provider } = await openFragile()

  device.isLost = true

  expect((await provider.open(uriFor('key'))).key.algorithm.name).toBe('ES256')
  expect(device.restarts).toBe(1)
})

test('another key in place of a pinned one signs nothing', async () => {
  const made = await maker.create({ uri: uriFor('replaced'), algorithm: 'ES256' })
  const { signer } = await openWatched('replaced')
  const session = other.cryptoki.C_OpenSession(other.slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
  other.cryptoki.C_FindObjectsInit(session, [{ type: CKA_LABEL, value: 'replaced' }])
  const halves = other.cryptoki.C_FindObjects(session, 10)
  other.cryptoki.C_FindObjectsFinal(session)
  for (const half of halves) other.cryptoki.C_DestroyObject(session, half)
  other.cryptoki.C_CloseSession(session)
  await maker.create({ uri: made, algorithm: 'ES256' })

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({
    code: 'ERR_PROVIDER_FAULT',
    message: expect.stringMatching(
      /^the token now holds another key as pkcs11:object=replaced;id=/,
    ) as string,
  })
  expect(halves).toHaveLength(2)
})

test('a PIN that was changed meanwhile is not tried again and again', async () => {
  let isChanged = false
  const logins: string[] = []
  const { signer } = await openWatched('key', (real) => ({
    C_Login: (session, user, given) => {
      logins.push(given ?? '')
      if (isChanged) throw pkcs11Error(0xa0, 'CKR_PIN_INCORRECT')
      real.C_Login(session, user, given)
    },
  }))

  isChanged = true
  logins.length = 0
  closeAllSessions()

  for (let attempt = 0; attempt < 3; attempt += 1) {
    await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PIN_WRONG' })
  }
  expect(logins).toHaveLength(1)
})

test('a login by another part of the process is accepted', async () => {
  const { signer, calls } = await openWatched()
  closeAllSessions()
  const session = other.cryptoki.C_OpenSession(other.slot, CKF_SERIAL_SESSION)
  other.cryptoki.C_Login(session, CKU_USER, pin)

  expect(await signer.sign(MESSAGE)).toHaveLength(64)

  expect(calls.C_Login).toBe(0)
  other.cryptoki.C_CloseSession(session)
})

test('closing one provider leaves the others of the process logged in', async () => {
  const { signer, calls } = await openWatched()
  const passing = createInProcess({ readPin: () => Promise.resolve(pin) })
  await passing.open(uriFor('key'))

  await passing[Symbol.asyncDispose]()

  expect(await signer.sign(MESSAGE)).toHaveLength(64)
  expect(calls.C_Login).toBe(0)
})
