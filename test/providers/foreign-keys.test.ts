import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parsePublicKeyPem } from '../../src/crypto/public-key.ts'
import { CountersignError } from '../../src/errors.ts'
import { createFileProvider } from '../../src/providers/file/provider.ts'
import { parseKeyUri } from '../../src/providers/key-uri.ts'
import { openEnvironment } from '../../src/providers/env/provider.ts'
import { openWeb } from '../../src/providers/https/provider.ts'
import { startRawServer } from '../support/raw-server.ts'
import { runAs } from '../support/runner/scene.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const provider = createFileProvider({ readPassphrase: () => Promise.resolve('secret') })

/** Runs shell commands in a new folder. */
function shell(script: string, folder = createTempFolder()): string {
  execFileSync('sh', ['-ec', script], { cwd: folder, stdio: ['ignore', 'ignore', 'ignore'] })
  return folder
}

const EC = 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem'
const RSA = 'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem'
const CERTIFICATE = `${EC}; openssl req -x509 -key key.pem -subj /CN=x -days 9`
const PUBOUT = 'openssl pkey -in key.pem -pubout'

async function errorOf(work: Promise<unknown>): Promise<CountersignError> {
  const error = await work.catch((thrown: unknown) => thrown)
  if (!CountersignError.is(error)) throw new Error('no error of ours', { cause: error })
  return error
}

test.each([
  ['a certificate', `${CERTIFICATE} -out 'a key'`],
  ['a certificate in DER', `${CERTIFICATE} -outform DER -out 'a key'`],
  ['a certificate request', `${EC}; openssl req -new -key key.pem -subj /CN=x -out 'a key'`],
  ['a PKCS#1 public key', `${RSA}; openssl rsa -in key.pem -RSAPublicKey_out -out 'a key'`],
  [
    'a PKCS#1 public key in DER',
    `${RSA}; openssl rsa -in key.pem -RSAPublicKey_out -outform DER -out 'a key'`,
  ],
  ['a public key in DER', `${EC}; ${PUBOUT} -outform DER -out 'a key'`],
  ['a private key in DER', `${EC}; openssl pkey -in key.pem -outform DER -out 'a key'`],
  ['base64 alone', `${EC}; ${PUBOUT} -outform DER | base64 > 'a key'`],
  ['UTF-16', `${EC}; (printf '\\376\\377'; ${PUBOUT} | iconv -t UTF-16BE) > 'a key'`],
  [
    'a compressed point',
    `${EC}; openssl ec -in key.pem -pubout -conv_form compressed -out 'a key'`,
  ],
  ['explicit parameters', `${EC}; openssl ec -in key.pem -pubout -param_enc explicit -out 'a key'`],
  ['an OpenSSH EC key', `${EC}; ssh-keygen -y -f key.pem > 'a key'`],
  ['an OpenSSH RSA key', `${RSA}; ssh-keygen -y -f key.pem > 'a key'`],
])(
  '%s is refused as a public key, by its name, and the hint makes the key',
  async (_form, make) => {
    const folder = shell(`umask 077; ${make}; openssl pkey -in key.pem -pubout -out expected`)
    const path = join(folder, 'a key')

    const error = await errorOf(provider.describe({ scheme: 'file', path }))

    expect(error.code).toBe('ERR_KEY_INVALID')
    expect(error.message).toContain(`"${path}"`)
    const command =
      /(?:\(printf|openssl|ssh-keygen|iconv|base64) .*/.exec(error.hint ?? '')?.[0] ?? ''
    shell(`(${command}) > made`, folder)
    const [made, expected] = ['made', 'expected'].map((name) =>
      parsePublicKeyPem(readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '')),
    )
    expect(made?.kid).toBe(expected?.kid)
  },
)

test('the hint for an Ed25519 key of OpenSSH makes its public key', async () => {
  const folder = shell("ssh-keygen -q -t ed25519 -N '' -f key")

  const { hint = '' } = await errorOf(
    provider.describe({ scheme: 'file', path: join(folder, 'key.pub') }),
  )
  shell(`${hint.slice(hint.indexOf('(printf'))} > made`, folder)

  const [, base64 = ''] = readFileSync(join(folder, 'key.pub'), 'utf8').split(' ')
  const made = parsePublicKeyPem(readFileSync(join(folder, 'made'), 'utf8'))
  expect(made.spki.subarray(-32)).toEqual(Buffer.from(base64, 'base64').subarray(-32))
})

test.each([
  ['OPENSSH PRIVATE KEY', 'ssh-keygen -p -m PKCS8'],
  ['ENCRYPTED SIGSTORE PRIVATE KEY', 'cosign public-key --key'],
  ['ENCRYPTED COSIGN PRIVATE KEY', 'cosign public-key --key'],
])('a private key as %s is refused with the way on', async (label, command) => {
  const path = join(createTempFolder(), 'key')
  writeFileSync(path, `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n`)

  const error = await errorOf(provider.open({ scheme: 'file', path }))

  expect(error.code).toBe('ERR_KEY_INVALID')
  expect(error.hint).toContain(command)
  expect(error.hint).toContain(path)
})

test('a private key in DER is refused with the command that makes PEM of it', async () => {
  const folder = shell(`${EC}; openssl pkey -in key.pem -outform DER -out der`)
  const path = join(folder, 'der')

  const { hint = '' } = await errorOf(provider.open({ scheme: 'file', path }))
  shell(`${hint.slice(hint.indexOf('openssl'))} > made`, folder)

  const made = await provider.describe({ scheme: 'file', path: join(folder, 'made') })
  const expected = await provider.describe({ scheme: 'file', path: join(folder, 'key.pem') })
  expect(made.kid).toBe(expected.kid)
})

test.each(['secp256k1', 'Ed448', 'X25519'])(
  'a public key of type %s is called so',
  async (type) => {
    const algorithm = type === 'secp256k1' ? 'EC -pkeyopt ec_paramgen_curve:secp256k1' : type
    const folder = shell(
      `openssl genpkey -algorithm ${algorithm} -out key.pem; openssl pkey -in key.pem -pubout -out key.pub`,
    )
    const path = join(folder, 'key.pub')

    const error = await errorOf(provider.describe({ scheme: 'file', path }))

    expect(error.message).toContain(`"${path}"`)
    expect(error.message).toContain(type)
  },
)

test('a JWK behind a byte order mark is read', async () => {
  const folder = shell(`${EC}; openssl pkey -in key.pem -pubout -out key.pub`)
  const key = await provider.describe({ scheme: 'file', path: join(folder, 'key.pub') })
  const jwk = key.keyObject.export({ format: 'jwk' })
  writeFileSync(join(folder, 'jwk'), `\uFEFF${JSON.stringify(jwk)}`)

  const read = await provider.describe({ scheme: 'file', path: join(folder, 'jwk') })

  expect(read.kid).toBe(key.kid)
})

const TEXTS: readonly (readonly [string, string])[] = [
  ['a certificate', `${CERTIFICATE} -out given`],
  ['a PKCS#1 public key', `${RSA}; openssl rsa -in key.pem -RSAPublicKey_out -out given`],
  ['base64 without PEM lines', `${EC}; ${PUBOUT} -outform DER | base64 > given`],
  ['an OpenSSH public key', `${EC}; ssh-keygen -y -f key.pem > given`],
  ['a private key', `${EC}; cp key.pem given`],
  ['a private key', `${EC}; openssl ec -in key.pem -out given`],
]

const BYTES: typeof TEXTS = [
  ['a certificate in DER', `${CERTIFICATE} -outform DER -out given`],
  ['a public key in DER', `${EC}; ${PUBOUT} -outform DER -out given`],
  ['UTF-16', `${EC}; (printf '\\376\\377'; ${PUBOUT} | iconv -t UTF-16BE) > given`],
]

/** Makes a key in a form that is not read, and the public key that is meant. */
function makeGiven(make: string): string {
  return shell(`umask 077; ${make}; ${PUBOUT} -out expected`)
}

/** Types the command of a hint, and compares what it prints with the key that is meant. */
async function assertLeadsOn(
  { hint = '' }: CountersignError,
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const command = hint.slice(hint.search(/(?:printf|curl|openssl|ssh-keygen|iconv|base64) /))
  const { stdout } = await promisify(execFile)('bash', ['-ec', command], {
    cwd: folder,
    env: { ...process.env, ...env },
  })
  const expected = parsePublicKeyPem(readFileSync(join(folder, 'expected'), 'utf8'))
  expect(parsePublicKeyPem(stdout.replace(/^\uFEFF/, '')).kid).toBe(expected.kid)
}

test.each(TEXTS)(
  '%s in the environment is named, and the hint works when typed',
  async (form, make) => {
    const folder = makeGiven(make)
    const env = { RELEASE: readFileSync(join(folder, 'given'), 'utf8') }
    const source = openEnvironment({ env })

    const error = await errorOf(source.describe(parseKeyUri('env://RELEASE')))

    expect(error.message).toBe(`cannot read the key "env://RELEASE": it is ${form}, expected PEM`)
    await assertLeadsOn(error, folder, env)
  },
)

test.each([...TEXTS, ...BYTES])(
  '%s at a web address is named, and the hint works when typed',
  async (form, make) => {
    const folder = makeGiven(make)
    const { origin } = await startRawServer((_, response) => {
      response.end(readFileSync(join(folder, 'given')))
    })
    const source = openWeb({ fetch })
    const url = `${origin}/release.pub?a=1&b='2'`

    const error = await errorOf(source.describe({ scheme: 'https', url }))

    expect(error.message).toBe(`cannot read the key "${url}": it is ${form}, expected PEM`)
    await assertLeadsOn(error, folder)
  },
)

test.each([...TEXTS, ...BYTES])(
  '%s as trust of a step is named, with its hint',
  async (form, make) => {
    const workspace = makeGiven(make)
    const inputs = { mode: 'verify', trust: 'given', 'subject-path': 'expected' }

    const step = await runAs('source', { workspace, inputs })

    const [annotation] = step.annotations
    expect(annotation?.title).toBe('countersign ERR_KEY_INVALID')
    const [message = '', hint = ''] = annotation?.message.split('\n') ?? []
    expect(message).toBe(`cannot read the key "given": it is ${form}, expected PEM`)
    await assertLeadsOn(new CountersignError('ERR_KEY_INVALID', message, { hint }), workspace)
  },
)

test('a byte order mark before a key is passed over, wherever the key is', async () => {
  const workspace = makeGiven(`${EC}; (printf '\\357\\273\\277'; ${PUBOUT}) > given`)
  const env = { RELEASE: readFileSync(join(workspace, 'given'), 'utf8') }
  const key = await openEnvironment({ env }).describe(parseKeyUri('env://RELEASE'))
  const inputs = { mode: 'verify', trust: 'given', 'subject-path': 'expected' }

  const step = await runAs('source', { workspace, inputs })

  expect(step.visibleLog).toContain(`the key of given (kid ${key.kid})`)
})

test.each([
  ['ENCRYPTED SIGSTORE PRIVATE KEY', "cosign's own encrypted form"],
  ['OPENSSH PRIVATE KEY', 'an OpenSSH private key'],
])('%s in the environment is called so', async (label, form) => {
  const env = { RELEASE: `-----BEGIN ${label}-----\nAAAA\n-----END ${label}-----\n` }

  const error = await errorOf(openEnvironment({ env }).describe(parseKeyUri('env://RELEASE')))

  expect(error.message).toContain(form)
  expect(error.hint).toContain('RELEASE.key')
})
