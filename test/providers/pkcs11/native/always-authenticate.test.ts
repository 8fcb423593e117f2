import { afterAll, expect, onTestFinished, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import {
  CKU_CONTEXT_SPECIFIC,
  CKU_USER,
  type Cryptoki,
} from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import {
  createInProcess,
  loadReplaced,
  pkcs11Error,
  type Replacements,
} from '../../../support/cryptoki.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'
import { makeAlwaysAuthenticatingKey } from '../../../support/token-objects.ts'

const hsm = createSoftHsm(['piv'])
const [token] = hsm.tokens
const { pin, uriFor } = token
await makeAlwaysAuthenticatingKey(hsm, token, 'signature')
afterAll(hsm.remove)

const MESSAGE = Buffer.from('message')

type Login = readonly [user: number, pin: string | undefined]

/** A provider and the logins that reached the token. */
function watch(readPin: () => string | undefined, replacements?: Replacements) {
  const logins: Login[] = []
  const provider = createInProcess({
    readPin: () => Promise.resolve(readPin()),
    loadModule: loadReplaced((real: Cryptoki) => ({
      ...replacements?.(real),
      C_Login: (session, user, given) => {
        logins.push([user, given])
        ;(replacements?.(real).C_Login ?? real.C_Login.bind(real))(session, user, given)
      },
    })),
  })
  onTestFinished(() => provider[Symbol.asyncDispose]())
  return { provider, logins }
}

test('a key that asks for a login for each signature gets one for each', async () => {
  const { provider, logins } = watch(() => pin)
  const signer = await provider.open(uriFor('signature'))

  const signatures = [await signer.sign(MESSAGE), await signer.sign(MESSAGE)]

  expect(signatures.map((one) => verifyMessage(signer.key, MESSAGE, one))).toEqual([true, true])
  expect(logins).toEqual([
    [CKU_USER, pin],
    [CKU_CONTEXT_SPECIFIC, pin],
    [CKU_CONTEXT_SPECIFIC, pin],
  ])
})

test('50 signatures at once each get their login', async () => {
  const { provider, logins } = watch(() => pin)
  const signer = await provider.open(uriFor('signature'))
  const messages = Array.from({ length: 50 }, (_, index) => Buffer.from(`message ${index}`))

  const signatures = await Promise.all(messages.map((message) => signer.sign(message)))

  const isGood = (message: Buffer, index: number): boolean =>
    verifyMessage(signer.key, message, signatures[index] ?? Buffer.alloc(0))
  expect(messages.filter(isGood)).toHaveLength(50)
  expect(logins.filter(([user]) => user === CKU_CONTEXT_SPECIFIC)).toHaveLength(50)
})

test('concurrent signatures with a wrong PIN make one attempt', async () => {
  let current = pin
  const { provider, logins } = watch(() => current)
  const signer = await provider.open(uriFor('signature'))
  current = 'wrong-pin'

  const asked = Array.from({ length: 20 }, () => signer.sign(MESSAGE))

  for (const outcome of await Promise.allSettled(asked)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_PIN_WRONG' } })
  }
  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PIN_WRONG' })
  expect(logins.filter(([, given]) => given === 'wrong-pin')).toHaveLength(1)
})

test('the right PIN signs after a wrong one', async () => {
  const pins = [pin, 'wrong-pin']
  const { provider } = watch(() => pins.shift() ?? pin)
  const signer = await provider.open(uriFor('signature'))
  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PIN_WRONG' })

  const signatures = await Promise.all(Array.from({ length: 10 }, () => signer.sign(MESSAGE)))

  for (const one of signatures) expect(verifyMessage(signer.key, MESSAGE, one)).toBe(true)
})

test('no PIN is tried for a signature when a wrong one would lock the token', async () => {
  let flags = 0
  const { provider, logins } = watch(
    () => pin,
    (real) => ({
      C_GetTokenInfo: (slot) => {
        const info = real.C_GetTokenInfo(slot)
        return { ...info, flags: info.flags | flags }
      },
    }),
  )
  const signer = await provider.open(uriFor('signature'))
  flags = 0x20000

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PIN_LOCKED' })
  expect(logins).toEqual([[CKU_USER, pin]])
})

test('a token with a PIN pad asks for each PIN itself', async () => {
  const { provider, logins } = watch(
    () => {
      throw new Error('asked for a PIN')
    },
    (real) => ({
      C_GetTokenInfo: (slot) => {
        const info = real.C_GetTokenInfo(slot)
        return { ...info, flags: info.flags | 0x100 }
      },
      C_Login: (session, user) => {
        real.C_Login(session, user, pin)
      },
    }),
  )
  const signer = await provider.open(uriFor('signature'))

  expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  expect(logins).toEqual([
    [CKU_USER, undefined],
    [CKU_CONTEXT_SPECIFIC, undefined],
  ])
})

test.each([
  ['CKR_USER_TYPE_INVALID', 0x103],
  ['CKR_FUNCTION_NOT_SUPPORTED', 0x54],
])('a token without such a login (%s) refuses for good, and by name', async (name, code) => {
  const { provider } = watch(
    () => pin,
    (real) => ({
      C_Login: (session, user, given) => {
        if (user === CKU_CONTEXT_SPECIFIC) throw pkcs11Error(code, name)
        real.C_Login(session, user, given)
      },
    }),
  )
  const signer = await provider.open(uriFor('signature'))

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({
    code: 'ERR_OPERATION_UNSUPPORTED',
    retryable: false,
    message: expect.stringContaining('CKA_ALWAYS_AUTHENTICATE') as string,
    details: { cause: 'always-authenticate', layer: 'key' },
    hint: 'use a key without CKA_ALWAYS_AUTHENTICATE',
  })
})

test('the diagnosis of such a key ends with a good signature', async () => {
  const { provider } = watch(() => pin)

  const diagnoses = await provider.diagnose(uriFor('signature'))

  expect(diagnoses.at(-1)).toMatchObject({ check: 'signature', ok: true })
})
