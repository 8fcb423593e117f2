import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { Cryptoki } from '../../../../src/providers/pkcs11/native/cryptoki.ts'
import type { KeyDiagnostics, KeyProvider } from '../../../../src/providers/provider.ts'
import {
  createInProcess,
  type InProcessOptions,
  loadReplaced,
  pkcs11Error,
  type Replacements,
} from '../../../support/cryptoki.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'
import { createTempFolder } from '../../../support/temp-folder.ts'

const hsm = createSoftHsm(['login'])
const [token] = hsm.tokens
const { pin, uriFor } = token

const maker = createInProcess({ readPin: () => Promise.resolve(pin) })
await maker.create({ uri: uriFor('key'), algorithm: 'ES256' })
await maker[Symbol.asyncDispose]()

afterAll(hsm.remove)

interface Watched {
  readonly provider: KeyProvider & KeyDiagnostics
  /** PINs that reached the token. */
  readonly tried: (string | undefined)[]
}

/** A provider whose logins are counted; closed, and so logged out, when the test ends. */
function watch(options: Partial<InProcessOptions>, replacements?: Replacements): Watched {
  const tried: (string | undefined)[] = []
  const counting = (real: Cryptoki): Partial<Cryptoki> => ({
    C_Login: (session, user, given) => {
      tried.push(given)
      real.C_Login(session, user, given)
    },
    ...replacements?.(real),
  })
  const provider = createInProcess({
    readPin: () => Promise.resolve(pin),
    ...options,
    loadModule: loadReplaced(counting),
  })
  onTestFinished(() => provider[Symbol.asyncDispose]())
  return { provider, tried }
}

/** What the token says of itself, with more flags set. */
function withFlags(flags: number): Replacements {
  return (real) => ({
    C_GetTokenInfo: (slot) => {
      const info = real.C_GetTokenInfo(slot)
      return { ...info, flags: info.flags | flags }
    },
  })
}

const MESSAGE = Buffer.from('message')

test('many keys and signatures need one login', async () => {
  const { provider, tried } = watch({})

  const signers = await Promise.all([1, 2, 3].map(() => provider.open(uriFor('key'))))
  await Promise.all(signers.flatMap((signer) => [signer.sign(MESSAGE), signer.sign(MESSAGE)]))

  expect(tried).toEqual([pin])
})

test('a wrong PIN is tried once, however often the key is asked for', async () => {
  const { provider, tried } = watch({ readPin: () => Promise.resolve('wrong-pin') })

  const refusal = { code: 'ERR_PIN_WRONG' }
  await expect(provider.open(uriFor('key'))).rejects.toMatchObject(refusal)
  await expect(provider.open(uriFor('key'))).rejects.toMatchObject(refusal)
  await expect(
    Promise.all([provider.open(uriFor('key')), provider.open(uriFor('key'))]),
  ).rejects.toMatchObject(refusal)
  expect(tried).toEqual(['wrong-pin'])
})

test('concurrent logins with a wrong PIN make one attempt', async () => {
  const { provider, tried } = watch({ readPin: () => Promise.resolve('wrong-pin') })

  const asked = Array.from({ length: 10 }, () => provider.open(uriFor('key')))

  for (const outcome of await Promise.allSettled(asked)) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ERR_PIN_WRONG' } })
  }
  expect(tried).toEqual(['wrong-pin'])
})

test('the right PIN is tried after a wrong one', async () => {
  const pins = ['wrong-pin', pin]
  const { provider, tried } = watch({ readPin: () => Promise.resolve(pins.shift()) })
  await expect(provider.open(uriFor('key'))).rejects.toMatchObject({ code: 'ERR_PIN_WRONG' })

  const signer = await provider.open(uriFor('key'))

  expect(await signer.sign(MESSAGE)).toHaveLength(64)
  expect(tried).toEqual(['wrong-pin', pin])
})

test('no message or detail of a refused PIN repeats it', async () => {
  const { provider } = watch({ readPin: () => Promise.resolve('wrong-pin') })

  const error: unknown = await provider.open(uriFor('key')).catch((thrown: unknown) => thrown)

  expect(error).toBeInstanceOf(Error)
  expect(JSON.stringify([error, String(error)])).not.toContain('wrong-pin')
})

test('no PIN is tried when a wrong one would lock the token', async () => {
  const { provider, tried } = watch({}, withFlags(0x20000))

  await expect(provider.open(uriFor('key'))).rejects.toMatchObject({
    code: 'ERR_PIN_LOCKED',
    details: { cause: 'pin-last-try', layer: 'PIN' },
    hint: expect.stringContaining('log in once with the right PIN') as string,
  })
  expect(tried).toEqual([])
})

test('no PIN is tried when the token is locked', async () => {
  const { provider, tried } = watch({}, withFlags(0x40000))

  await expect(provider.open(uriFor('key'))).rejects.toMatchObject({
    code: 'ERR_PIN_LOCKED',
    details: { cause: 'pin-locked', layer: 'PIN' },
  })
  expect(tried).toEqual([])
})

test.each([undefined, ''])('a key needs a PIN; %j does not count', async (none) => {
  const { provider, tried } = watch({ readPin: () => Promise.resolve(none) })

  await expect(provider.open(uriFor('key'))).rejects.toMatchObject({
    code: 'ERR_PIN_WRONG',
    hint: expect.stringContaining('COUNTERSIGN_PKCS11_PIN') as string,
  })
  expect(tried).toEqual([])
})

test('a token with a PIN pad asks for the PIN itself', async () => {
  const logins: (string | undefined)[] = []
  const { provider } = watch(
    { readPin: () => Promise.reject(new Error('asked for a PIN')) },
    (real) => ({
      ...withFlags(0x100)(real),
      C_Login: (session, user, given) => {
        logins.push(given)
        real.C_Login(session, user, pin)
      },
    }),
  )

  const signer = await provider.open(uriFor('key'))

  expect(await signer.sign(MESSAGE)).toHaveLength(64)
  expect(logins).toEqual([undefined])
})

test('the public key is read without a PIN', async () => {
  const { provider, tried } = watch({ readPin: () => Promise.reject(new Error('asked for a PIN')) })

  expect((await provider.describe(uriFor('key'))).algorithm.name).toBe('ES256')
  expect(tried).toEqual([])
})

test('the PIN of the reference comes before any other', async () => {
  const { provider, tried } = watch({ readPin: () => Promise.reject(new Error('asked for a PIN')) })

  await provider.open({ ...uriFor('key'), pinValue: pin })

  expect(tried).toEqual([pin])
})

test.each(['file:', 'file://', ''])('pin-source=%s/path is a file', async (prefix) => {
  const path = join(createTempFolder(), 'pin')
  writeFileSync(path, `${pin}\n`)
  const { provider, tried } = watch({ readPin: () => Promise.reject(new Error('asked for a PIN')) })

  await provider.open({ ...uriFor('key'), pinSource: `${prefix}${path}` })

  expect(tried).toEqual([pin])
})

test.each([
  ['a line end', '\n'],
  ['CR LF', '\r\n'],
  ['two line ends', '\n\n'],
  ['CR LF and a blank line', '\r\n\r\n'],
])('a PIN file with %s after the PIN is read', async (_, ending) => {
  const path = join(createTempFolder(), 'pin')
  writeFileSync(path, `${pin}${ending}`)
  const { provider, tried } = watch({})

  await provider.open({ ...uriFor('key'), pinSource: path })

  expect(tried).toEqual([pin])
})

test('a PIN file with a byte order mark is read', async () => {
  const path = join(createTempFolder(), 'pin')
  writeFileSync(path, `\uFEFF${pin}\r\n`)
  const { provider, tried } = watch({})

  await provider.open({ ...uriFor('key'), pinSource: path })

  expect(tried).toEqual([pin])
})

test.each([
  ['in UTF-16', Buffer.from('\uFEFFpin-0-login\r\n', 'utf16le'), 'is not UTF-8 text'],
  ['in UTF-16 without a mark', Buffer.from('pin-0-login', 'utf16le'), 'holds control characters'],
  ['of two lines', 'pin-0-login\nother', 'has several lines'],
  ['with a comment', '# PIN\npin-0-login\n', 'has several lines'],
  ['with a blank before the PIN', ' pin-0-login', 'begins or ends with a blank'],
  ['with a blank after the PIN', 'pin-0-login \r\n', 'begins or ends with a blank'],
])('a PIN file %s is refused before a login, and not repeated', async (_, content, why) => {
  const path = join(createTempFolder(), 'pin')
  writeFileSync(path, content)
  const { provider, tried } = watch({})

  const error: unknown = await provider
    .open({ ...uriFor('key'), pinSource: path })
    .catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: `the PIN file "${path}" ${why}`,
  })
  expect(JSON.stringify([error, String(error)])).not.toContain('pin-0-login')
  expect(tried).toEqual([])
})

test('a PIN of the environment is tried without the line end after it', async () => {
  const { provider, tried } = watch({ readPin: () => Promise.resolve(`${pin}\n`) })

  await provider.open(uriFor('key'))

  expect(tried).toEqual([pin])
})

test.each([
  ['CKR_PIN_INVALID', 0xa1],
  ['CKR_PIN_LEN_RANGE', 0xa2],
])('a PIN that is refused with %s is not tried again', async (name, code) => {
  let tries = 0
  const { provider } = watch({}, () => ({
    C_Login: () => {
      tries += 1
      throw pkcs11Error(code, name)
    },
  }))

  await expect(provider.open(uriFor('key'))).rejects.toMatchObject({ code: 'ERR_PIN_WRONG' })
  await expect(provider.open(uriFor('key'))).rejects.toMatchObject({ code: 'ERR_PIN_WRONG' })

  expect(tries).toBe(1)
})

test.each(['|cat /run/pin', 'https://example.com/pin', 'pin.txt', 'file:pin.txt'])(
  'pin-source=%s is refused',
  async (pinSource) => {
    const { provider, tried } = watch({})

    await expect(provider.open({ ...uriFor('key'), pinSource })).rejects.toMatchObject({
      code: 'ERR_KEY_URI_INVALID',
      hint: expect.stringContaining('pin-source=file:') as string,
    })
    expect(tried).toEqual([])
  },
)

test('a pin-source that is missing or holds no PIN is an error of the file', async () => {
  const folder = createTempFolder()
  writeFileSync(join(folder, 'large'), 'x'.repeat(2000))
  const { provider, tried } = watch({})

  const open = (name: string) => provider.open({ ...uriFor('key'), pinSource: join(folder, name) })

  await expect(open('missing')).rejects.toMatchObject({ code: 'ERR_FILE_READ' })
  await expect(open('large')).rejects.toMatchObject({ code: 'ERR_INPUT_TOO_LARGE' })
  expect(tried).toEqual([])
})

test('a caller that aborts does not wait for a PIN', async () => {
  const caller = new AbortController()
  const { provider } = watch({
    readPin: () => {
      caller.abort()
      return new Promise(() => undefined)
    },
  })

  await expect(provider.open(uriFor('key'), { signal: caller.signal })).rejects.toMatchObject({
    code: 'ERR_CANCELLED',
  })
})

test('a wrong PIN stops the diagnosis at the PIN, after one attempt', async () => {
  const { provider, tried } = watch({ readPin: () => Promise.resolve('wrong-pin') })

  const diagnoses = await provider.diagnose(uriFor('key'))

  expect(diagnoses.map(({ check, ok }) => [check, ok])).toEqual([
    ['module', true],
    ['token', true],
    ['pin', false],
  ])
  expect(tried).toEqual(['wrong-pin'])
})
