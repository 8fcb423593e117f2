import { generateKeyPairSync } from 'node:crypto'
import { afterAll, expect, test } from 'vitest'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import {
  CKA_CLASS,
  CKA_DECRYPT,
  CKA_DERIVE,
  CKA_EXTRACTABLE,
  CKA_LABEL,
  CKA_PRIVATE,
  CKA_SENSITIVE,
  CKA_SIGN,
  CKA_TOKEN,
  CKA_UNWRAP,
  CKF_SERIAL_SESSION,
  CKO_PRIVATE_KEY,
} from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import { returnValueOf } from '../../../../src/providers/pkcs11/native/errors.ts'
import { CKR_USER_ALREADY_LOGGED_IN } from '../../../../src/providers/pkcs11/native/return-values.ts'
import { parsePkcs11Uri, serializePkcs11Uri } from '../../../../src/providers/pkcs11/uri.ts'
import {
  createInProcess,
  loadReplaced,
  openBeside,
  pkcs11Error,
} from '../../../support/cryptoki.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'
import { removePublicHalf } from '../../../support/token-objects.ts'

const hsm = createSoftHsm(['main', 'twin', 'twin'])
const [token, twin, otherTwin] = hsm.tokens
const { pin, uriFor } = token
const readPin = (label: string) =>
  Promise.resolve(hsm.tokens.find((candidate) => candidate.label === label)?.pin)
const provider = createInProcess({ readPin })
const key = await provider.create({ uri: uriFor('key'), algorithm: 'ES256' })

afterAll(async () => {
  await provider[Symbol.asyncDispose]()
  hsm.remove()
})

const MESSAGE = Buffer.from('message')

/** Reads flags of the private key of a name, past the provider. */
async function readFlags(name: string, types: readonly number[]): Promise<boolean[]> {
  const { cryptoki, slot, release } = await openBeside(hsm.modulePath, token)
  const session = cryptoki.C_OpenSession(slot, CKF_SERIAL_SESSION)
  cryptoki.C_FindObjectsInit(session, [
    { type: CKA_CLASS, value: CKO_PRIVATE_KEY },
    { type: CKA_LABEL, value: name },
  ])
  const [handle] = cryptoki.C_FindObjects(session, 2)
  cryptoki.C_FindObjectsFinal(session)
  if (handle === undefined) throw new Error('no such key')
  const flags = types.map(
    (type) => cryptoki.C_GetAttributeValue(session, handle, [{ type }])[0]?.value?.[0] === 1,
  )
  cryptoki.C_CloseSession(session)
  release()
  return flags
}

test.each(['ES256', 'RS256', 'EdDSA'] as const)(
  'a new %s key is sensitive, never extractable, for signing only, and stays',
  async (algorithm) => {
    const name = `flags-${algorithm}`
    await provider.create({ uri: uriFor(name), algorithm })

    const flags = await readFlags(name, [
      CKA_TOKEN,
      CKA_PRIVATE,
      CKA_SENSITIVE,
      CKA_SIGN,
      CKA_EXTRACTABLE,
      ...(algorithm === 'RS256' ? [CKA_DECRYPT, CKA_UNWRAP] : [CKA_DERIVE]),
    ])

    expect(flags.slice(0, 4)).toEqual([true, true, true, true])
    expect(flags.slice(4)).not.toContain(true)
  },
)

test('create answers a URI with an id of its own, without the PIN it was given', async () => {
  const asked = { ...uriFor('named'), pinValue: pin }

  const made = await provider.create({ uri: asked, algorithm: 'ES256' })

  expect(made).toMatchObject({ token: 'main', object: 'named' })
  expect(made).not.toHaveProperty('pinValue')
  expect(key).toHaveProperty('id')
  expect(made).not.toMatchObject({ id: key.scheme === 'pkcs11' ? key.id : undefined })
  expect(await provider.describe(made)).toMatchObject({ algorithm: { name: 'ES256' } })
})

test('create takes the id it is given, once', async () => {
  const id = Buffer.from('c0ffee', 'hex')

  const made = await provider.create({ uri: { ...uriFor('with-id'), id }, algorithm: 'ES256' })

  expect(made).toMatchObject({ id })
  await expect(
    provider.create({ uri: { ...uriFor('with-id-2'), id }, algorithm: 'ES256' }),
  ).rejects.toMatchObject({ code: 'ERR_KEY_EXISTS' })
})

test('create asks for a name', async () => {
  const nameless = { scheme: 'pkcs11', token: 'main', modulePath: hsm.modulePath } as const

  await expect(provider.create({ uri: nameless, algorithm: 'ES256' })).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
    hint: expect.stringContaining('object=') as string,
  })
})

test('create leaves nothing on the token when the new key does not sign', async () => {
  const broken = createInProcess({
    readPin,
    loadModule: loadReplaced(() => ({ C_SignAsync: () => Promise.resolve(Buffer.alloc(64)) })),
  })

  await expect(broken.create({ uri: uriFor('broken'), algorithm: 'ES256' })).rejects.toMatchObject({
    code: 'ERR_PROVIDER_FAULT',
  })

  await expect(provider.open(uriFor('broken'))).rejects.toMatchObject({ code: 'ERR_KEY_NOT_FOUND' })
  await expect(provider.describe(uriFor('broken'))).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
  })
  await broken[Symbol.asyncDispose]()
})

test('a token without the mechanism makes and opens no key of that kind', async () => {
  const { cryptoki, release } = await openBeside(hsm.modulePath, token)
  const old = createInProcess({
    readPin,
    loadModule: loadReplaced((real) => ({
      C_GetMechanismInfo: (slot, mechanism) =>
        real.C_GetMechanismInfo(slot, mechanism === 0x1041 ? 0x7fffffff : mechanism),
    })),
  })

  const refusal = { code: 'ERR_ALGORITHM_UNSUPPORTED' }
  await expect(old.create({ uri: uriFor('old'), algorithm: 'ES256' })).rejects.toMatchObject(
    refusal,
  )
  await expect(old.open(uriFor('key'))).rejects.toMatchObject(refusal)
  expect(cryptoki.C_GetInfo()).toBeTypeOf('object')
  await old[Symbol.asyncDispose]()
  release()
})

test('200 signatures at once are all good', async () => {
  const signer = await provider.open(key)
  const messages = Array.from({ length: 200 }, (_, index) => Buffer.from(`message ${index}`))

  const signatures = await Promise.all(messages.map((message) => signer.sign(message)))

  const isGood = (message: Buffer, index: number): boolean =>
    verifyMessage(signer.key, message, signatures[index] ?? Buffer.alloc(0))
  expect(messages.filter(isGood)).toHaveLength(200)
})

test('a caller that aborts while others sign is released', async () => {
  const single = createInProcess({ readPin, maxSessions: 1 })
  const signer = await single.open(key)
  const caller = new AbortController()

  const others = Array.from({ length: 10 }, () => signer.sign(MESSAGE))
  const gone = signer.sign(MESSAGE, { signal: caller.signal })
  caller.abort()

  await expect(gone).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
  expect(await Promise.all(others)).toHaveLength(10)
  await single[Symbol.asyncDispose]()
})

test('disposal lets the signatures under way finish', async () => {
  const passing = createInProcess({ readPin })
  const signer = await passing.open(key)
  const underWay = signer.sign(MESSAGE)
  await Promise.resolve()

  await passing[Symbol.asyncDispose]()

  expect(verifyMessage(signer.key, MESSAGE, await underWay)).toBe(true)
  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
})

test('a missing token is named, with those that are there', async () => {
  await expect(provider.open({ ...uriFor('key'), token: 'nowhere' })).rejects.toMatchObject({
    code: 'ERR_TOKEN_NOT_FOUND',
    message: 'no token matches token=nowhere',
    hint: expect.stringContaining('token=main') as string,
  })
})

test('a token that shows nothing before the login describes its keys after it', async () => {
  const logins: string[] = []
  const shy = createInProcess({
    readPin,
    loadModule: loadReplaced((real) => ({
      C_GetSessionInfo: () => ({ state: 0 }),
      C_Login: (session, user, given) => {
        logins.push(given ?? '')
        try {
          real.C_Login(session, user, given)
        } catch (error) {
          // The other provider of this file has logged in the whole process.
          expect(returnValueOf(error)).toBe(CKR_USER_ALREADY_LOGGED_IN)
        }
      },
      C_FindObjectsInit: (session, template) => {
        if (logins.length === 0) throw pkcs11Error(0x101, 'CKR_USER_NOT_LOGGED_IN')
        real.C_FindObjectsInit(session, template)
      },
    })),
  })

  expect((await shy.describe(key)).kid).toBe((await provider.describe(key)).kid)
  expect(logins).toEqual([pin])
  await shy[Symbol.asyncDispose]()
})

test('two tokens of one label are distinguished by slot-id or serial', async () => {
  const twins = twin.uriFor('key')
  await expect(provider.open(twins)).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
    message: '2 tokens match token=twin',
    details: { cause: 'token-ambiguous', layer: 'key reference' },
    hint: expect.stringMatching(/pkcs11:token=twin;serial=.*;slot-id=/) as string,
  })

  const first = { ...twins, slotId: twin.slotId, pinValue: twin.pin }
  const second = { ...twins, slotId: otherTwin.slotId, pinValue: otherTwin.pin }
  await provider.create({ uri: first, algorithm: 'ES256' })
  await provider.create({ uri: second, algorithm: 'ES256' })

  const kids = await Promise.all(
    [first, second].map(async (uri) => (await provider.open(uri)).key.kid),
  )
  expect(kids[0]).not.toBe(kids[1])
})

test('two keys of one label are distinguished by their id', async () => {
  for (const id of ['aa', 'bb']) hsm.importKey(token, newRsaPem(), 'double', id)

  const double = createInProcess({ readPin })
  await expect(double.open(uriFor('double'))).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
    hint: expect.stringMatching(
      /pkcs11:object=double;id=%(AA|BB) pkcs11:object=double;id=%(AA|BB)/,
    ) as string,
  })
  const one = await double.open({ ...uriFor('double'), id: Buffer.from([0xaa]) })
  const two = await double.open({ ...uriFor('double'), id: Buffer.from([0xbb]) })
  expect(one.key.kid).not.toBe(two.key.kid)
  expect(verifyMessage(two.key, MESSAGE, await two.sign(MESSAGE))).toBe(true)
  await double[Symbol.asyncDispose]()
})

function newRsaPem(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

test('a missing key is named, with those that are there', async () => {
  await expect(provider.open(uriFor('nowhere'))).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
    message: 'no private key matches pkcs11:object=nowhere',
    hint: expect.stringContaining('object=key') as string,
  })
})

test('an unknown attribute is refused, not ignored', async () => {
  const uri = parsePkcs11Uri(serializePkcs11Uri(uriFor('key')).replace('token=', 'tokne='))

  await expect(provider.open(uri)).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
    message: 'unknown PKCS#11 attribute "tokne"',
  })
})

test.each(['cert', 'secret-key', 'data', 'unknown'])('type=%s means no key pair', async (type) => {
  await expect(provider.open({ ...uriFor('key'), type })).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
  })
})

test('a reference of another scheme is a mistake of the caller', async () => {
  await expect(provider.open({ scheme: 'file', path: 'key.pem' })).rejects.toThrow(TypeError)
})

test('a private key without its public half is not opened', async () => {
  await provider.create({ uri: uriFor('half'), algorithm: 'ES256' })
  await removePublicHalf(hsm, token, 'half')

  await expect(provider.open(uriFor('half'))).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
    message: 'the token holds no public key or certificate for pkcs11:object=half',
  })
})

test('an RSA private key carries its public half itself', async () => {
  await provider.create({ uri: uriFor('rsa-half'), algorithm: 'RS256', rsaBits: 2048 })
  const { kid } = await provider.describe(uriFor('rsa-half'))
  await removePublicHalf(hsm, token, 'rsa-half')

  expect((await provider.open(uriFor('rsa-half'))).key.kid).toBe(kid)
  expect((await provider.describe(uriFor('rsa-half'))).kid).toBe(kid)
})

test('the diagnosis of a good key looks at everything and finds it good', async () => {
  const diagnoses = await provider.diagnose(key)

  expect(diagnoses.map(({ check, ok }) => [check, ok])).toEqual([
    ['module', true],
    ['token', true],
    ['pin', true],
    ['key', true],
    ['signature', true],
  ])
})

test.each([
  ['module', { modulePath: '/nowhere/module.so' }],
  ['token', { token: 'nowhere' }],
  ['key', { object: 'nowhere' }],
] as const)('the diagnosis stops at the %s that is missing', async (check, missing) => {
  const diagnoses = await provider.diagnose({ ...uriFor('key'), ...missing })

  expect(diagnoses.at(-1)).toMatchObject({
    check,
    ok: false,
    hint: expect.any(String) as string,
  })
})
