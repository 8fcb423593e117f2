import { spawnSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fromKeyObject } from '../../../src/crypto/public-key.ts'
import { verifyMessage } from '../../../src/crypto/verify.ts'
import { publicKeyPath } from '../../../src/providers/file/public-key-path.ts'
import { createFileProvider } from '../../../src/providers/file/provider.ts'
import { assertDigestSigner } from '../../../src/signing/signer.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

/** A provider whose every question for a passphrase gets one answer; keeps the questions. */
function provide(passphrase?: string, newPassphrase?: string) {
  const asked: string[] = []
  const provider = createFileProvider({
    readPassphrase: (path) => {
      asked.push(path)
      return Promise.resolve(passphrase)
    },
    readNewPassphrase: () => Promise.resolve(newPassphrase),
  })
  return { provider, asked }
}

function write(content: string | Buffer): { scheme: 'file'; path: string } {
  const path = join(createTempFolder(), 'key.pem')
  writeFileSync(path, content)
  return { scheme: 'file', path }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { privateKey: rsaKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const MESSAGE = Buffer.from('message')

function encrypt(key: KeyObject, passphrase: string): string {
  return key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString()
}

test.each([
  ['PKCS#8', privateKey.export({ type: 'pkcs8', format: 'pem' })],
  ['EC PRIVATE KEY', privateKey.export({ type: 'sec1', format: 'pem' })],
  ['RSA PRIVATE KEY', rsaKey.export({ type: 'pkcs1', format: 'pem' })],
  [
    'EC PARAMETERS before the key, as openssl ecparam writes',
    `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${privateKey.export({ type: 'sec1', format: 'pem' }).toString()}`,
  ],
  [
    'text around the key',
    `# mine\n${privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()}#`,
  ],
])('a key in a file with %s signs without a passphrase', async (_, pem) => {
  const { provider, asked } = provide()

  const signer = await provider.open(write(pem))

  expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  expect(asked).toEqual([])
})

test.each([
  ['PKCS#8', encrypt(privateKey, 'secret')],
  [
    "OpenSSL's older form",
    privateKey
      .export({ type: 'sec1', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
      .toString(),
  ],
])('an encrypted key in %s asks for its passphrase once', async (_, pem) => {
  const { provider, asked } = provide('secret')
  const uri = write(pem)

  const signer = await provider.open(uri)

  expect(verifyMessage(signer.key, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  expect(asked).toEqual([uri.path])
})

test('a wrong passphrase is tried once and not repeated in the error', async () => {
  const { provider, asked } = provide('wrong-secret')

  const error: unknown = await provider
    .open(write(encrypt(privateKey, 'secret')))
    .catch((thrown: unknown) => thrown)

  expect(error).toMatchObject({ code: 'ERR_PASSPHRASE_WRONG' })
  expect(JSON.stringify([error, String(error)])).not.toContain('wrong-secret')
  expect(asked).toHaveLength(1)
})

test('no wrong passphrase out of many reads as anything else', async () => {
  // One in 256 decrypts to noise with valid padding, which OpenSSL calls by other names.
  const uri = write(encrypt(privateKey, 'secret'))

  for (let attempt = 0; attempt < 400; attempt += 1) {
    await expect(provide(`wrong-${attempt}`).provider.open(uri)).rejects.toMatchObject({
      code: 'ERR_PASSPHRASE_WRONG',
    })
  }
})

test('an encrypted key without a passphrase says how to give one', async () => {
  await expect(provide().provider.open(write(encrypt(privateKey, 'secret')))).rejects.toMatchObject(
    {
      code: 'ERR_PASSPHRASE_WRONG',
      hint: expect.stringContaining('COUNTERSIGN_PASSPHRASE') as string,
    },
  )
})

test('a damaged encrypted key does not crash the provider', async () => {
  const pem = encrypt(privateKey, 'secret').replace(/\n[^\n]{10}/, '\nAAAAAAAAAA')

  await expect(provide('secret').provider.open(write(pem))).rejects.toMatchObject({
    code: 'ERR_PASSPHRASE_WRONG',
  })
})

const PUBLIC_PEM = fromKeyObject(privateKey).keyObject.export({ type: 'spki', format: 'pem' })

test('a public key is described, as PEM and as JWK, and does not sign', async () => {
  const { provider } = provide()
  const { kid, keyObject } = fromKeyObject(privateKey)

  const pem = write(PUBLIC_PEM)
  const jwk = write(JSON.stringify(keyObject.export({ format: 'jwk' })))

  expect((await provider.describe(pem)).kid).toBe(kid)
  expect((await provider.describe(jwk)).kid).toBe(kid)
  await expect(provider.open(pem)).rejects.toMatchObject({
    code: 'ERR_KEY_INVALID',
    message: `"${pem.path}" holds no private key`,
  })
})

test.each([
  ['nothing', ''],
  ['bytes that are no PEM', Buffer.alloc(200, 0xff)],
  ['an empty key', '-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n'],
  ['a cut key', privateKey.export({ type: 'pkcs8', format: 'pem' }).slice(0, 80)],
  ['two keys', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString().repeat(2)],
  [
    'an OpenSSH key',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAA==\n-----END OPENSSH PRIVATE KEY-----',
  ],
  [
    'a key on an unsupported curve',
    generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    }),
  ],
  [
    'a key that cannot sign',
    generateKeyPairSync('x25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
  ],
])('a file with %s is refused', async (_, content) => {
  await expect(provide().provider.open(write(content))).rejects.toMatchObject({
    code: 'ERR_KEY_INVALID',
  })
})

test('a file that is too large is not read', async () => {
  await expect(provide().provider.open(write(Buffer.alloc(65 * 1024)))).rejects.toMatchObject({
    code: 'ERR_INPUT_TOO_LARGE',
  })
})

test('a folder is not a key', async () => {
  await expect(
    provide().provider.open({ scheme: 'file', path: createTempFolder() }),
  ).rejects.toMatchObject({ code: 'ERR_FILE_READ' })
})

test('a reference of another scheme is a mistake of the caller', async () => {
  await expect(provide().provider.open({ scheme: 'env', name: 'KEY' })).rejects.toThrow(TypeError)
})

test('two signatures over one digest differ: their nonces are hedged', async () => {
  const signer = await provide().provider.open(
    write(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  )
  assertDigestSigner(signer)
  const digest = new Uint8Array(32).fill(7)

  expect(await signer.signDigest(digest)).not.toEqual(await signer.signDigest(digest))
})

test('create writes a private file and its public half beside it', async () => {
  const folder = createTempFolder()
  const path = join(folder, 'key.pem')

  const uri = await provide().provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })

  expect(readdirSync(folder).sort()).toEqual(['key.pem', 'key.pub'])
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readFileSync(path, 'utf8')).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
  const { kid } = await provide().provider.describe(uri)
  const publicHalf = { scheme: 'file', path: join(folder, 'key.pub') } as const
  expect((await provide().provider.describe(publicHalf)).kid).toBe(kid)
})

test('create encrypts the private key if there is a passphrase', async () => {
  const path = join(createTempFolder(), 'key.pem')
  const { provider } = provide('secret', 'secret')

  const uri = await provider.create({ uri: { scheme: 'file', path }, algorithm: 'ES256' })

  const pem = readFileSync(path, 'utf8')
  expect(pem).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/)
  expect(createPrivateKey({ key: pem, passphrase: 'secret' }).asymmetricKeyType).toBe('ec')
  expect((await provider.open(uri)).key.algorithm.name).toBe('ES256')
})

test.each([
  [2048, 2048],
  [undefined, 3072],
] as const)('create asked for RSA keys of %s bits makes them of %i', async (rsaBits, made) => {
  const path = join(createTempFolder(), 'key.pem')
  const { provider } = provide()

  const uri = await provider.create({ uri: { scheme: 'file', path }, algorithm: 'PS256', rsaBits })

  const { keyObject } = await provider.describe(uri)
  expect(keyObject.asymmetricKeyDetails?.modulusLength).toBe(made)
})

test.each(['key.pem', 'key.pub'])(
  'create leaves an old %s as it is, and nothing new',
  async (old) => {
    const folder = createTempFolder()
    writeFileSync(join(folder, old), 'old')
    const uri = { scheme: 'file', path: join(folder, 'key.pem') } as const

    await expect(provide().provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject({
      code: 'ERR_KEY_EXISTS',
    })
    expect(readdirSync(folder)).toEqual([old])
    expect(readFileSync(join(folder, old), 'utf8')).toBe('old')
  },
)

test('create does not write through a dangling link', async () => {
  const folder = createTempFolder()
  symlinkSync(join(folder, 'elsewhere'), join(folder, 'key.pem'))
  const uri = { scheme: 'file', path: join(folder, 'key.pem') } as const

  await expect(provide().provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject({
    code: 'ERR_KEY_EXISTS',
  })
  expect(readdirSync(folder)).toEqual(['key.pem'])
})

test('exactly one of several concurrent creations of a key succeeds', async () => {
  const folder = createTempFolder()
  const uri = { scheme: 'file', path: join(folder, 'key.pem') } as const
  const { provider } = provide()

  const outcomes = await Promise.allSettled(
    Array.from({ length: 5 }, () => provider.create({ uri, algorithm: 'ES256' })),
  )

  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(readdirSync(folder).sort()).toEqual(['key.pem', 'key.pub'])
  const publicHalf = { scheme: 'file', path: join(folder, 'key.pub') } as const
  expect((await provider.describe(uri)).kid).toBe((await provider.describe(publicHalf)).kid)
})

test('create in a missing folder leaves nothing', async () => {
  const folder = createTempFolder()
  const uri = { scheme: 'file', path: join(folder, 'missing', 'key.pem') } as const

  await expect(provide().provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject({
    code: 'ERR_FILE_WRITE',
  })
  expect(readdirSync(folder)).toEqual([])
})

test('create on a full disk leaves neither half', async (context) => {
  const folder = createTempFolder()
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folder])
  context.skip(mounted.status !== 0, 'a small tmpfs can be mounted only by root')
  onTestFinished(() => void spawnSync('umount', [folder]))
  // Room for one page: the private half fits, the public one does not.
  writeFileSync(join(folder, 'filler'), Buffer.alloc(12 * 1024))
  const uri = { scheme: 'file', path: join(folder, 'key.pem') } as const

  await expect(provide().provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject({
    code: 'ERR_FILE_WRITE',
    message: expect.stringContaining('no space left') as string,
  })
  expect(readdirSync(folder)).toEqual(['filler'])
})

test('an unreadable key file is an error with the reason', async () => {
  const { path } = write('x')

  await expect(
    provide().provider.open({ scheme: 'file', path: join(path, 'key.pem') }),
  ).rejects.toMatchObject({
    code: 'ERR_FILE_READ',
    message: expect.stringContaining('a part of the path is not a folder') as string,
  })
})

test('the diagnosis of a good key file looks at everything and finds it good', async () => {
  const uri = write(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  chmodSync(uri.path, 0o600)

  const diagnoses = await provide().provider.diagnose(uri)

  expect(diagnoses.map(({ check, ok }) => [check, ok])).toEqual([
    ['key', true],
    ['signature', true],
    ['permissions', true],
  ])
})

test('the diagnosis of a key file readable by others says how to fix it', async () => {
  const uri = write(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  chmodSync(uri.path, 0o640)

  expect((await provide().provider.diagnose(uri)).at(-1)).toEqual({
    check: 'permissions',
    ok: false,
    code: 'ERR_NOT_ALLOWED',
    found: `others may use "${uri.path}": its mode is 0640`,
    hint: `keep it to yourself: chmod 600 ${uri.path}`,
  })
})

test('the diagnosis stops at a passphrase that is missing', async () => {
  const diagnoses = await provide().provider.diagnose(write(encrypt(privateKey, 'secret')))

  expect(diagnoses.map(({ check, ok }) => [check, ok])).toEqual([['key', false]])
})

test.each([
  ['key.pem', 'key.pub'],
  ['key.key', 'key.pub'],
  ['key', 'key.pub'],
  ['a.b/release.v2.pem', 'a.b/release.v2.pub'],
  ['.pem', '.pem.pub'],
  ['dir/.key', 'dir/.key.pub'],
  ['key.pub', 'key.pub.pub'],
])('the public half of %s is %s', (path, expected) => {
  expect(publicKeyPath(path)).toBe(expected)
})

test('a key is not created at the path of a folder', async () => {
  const folder = createTempFolder()
  mkdirSync(join(folder, 'key.pem'))
  const uri = { scheme: 'file', path: join(folder, 'key.pem') } as const

  await expect(provide().provider.create({ uri, algorithm: 'ES256' })).rejects.toMatchObject({
    code: 'ERR_KEY_EXISTS',
  })
})
