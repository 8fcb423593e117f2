import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { checkNode } from '../../../cli/doctor/machine.ts'
import { NODE_RANGE } from '../../../cli/node-range.ts'
import { type CliResult, type CliWorld, countersign, documentOf, NOW } from '../../support/cli.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { readProjectFile } from '../../support/project.ts'
import { ACCOUNT } from '../../support/registry/accounts.ts'
import { refuse } from '../../support/registry/faults.ts'
import { createRegistryDouble } from '../../support/registry/registry-double.ts'
import { createSigningFolder } from '../../support/signing-folder.ts'
import { createSoftHsm } from '../../support/softhsm.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

interface DoctorDocument {
  readonly checks: readonly {
    readonly subject: string
    readonly check: string
    readonly status: string
    readonly code?: string
  }[]
}

/** Each check with its outcome, of those about one subject. */
function outcomes(result: CliResult, subject: string): Readonly<Record<string, string>> {
  const { checks } = documentOf<DoctorDocument>(result)
  const about = checks.filter((one) => one.subject === subject)
  return Object.fromEntries(about.map(({ check, status, code }) => [check, code ?? status]))
}

const doctor = (args: readonly string[], world?: CliWorld): Promise<CliResult> =>
  countersign(['doctor', '--json', ...args], world)

/** A network of nothing but clocks that differ from ours. */
function clockAt(seconds: number): typeof fetch {
  const date = new Date(NOW.getTime() + seconds * 1000).toUTCString()
  return () => Promise.resolve(new Response(null, { status: 404, headers: { date } }))
}

test('without a target, machine and configuration are checked, and the clock is unknown', async () => {
  const result = await countersign(['doctor'])

  expect(result).toEqual({
    exitCode: 0,
    stdout: `PASSED  2 checks, 1 could not be checked
✓ machine node        ${process.version}
✓ configuration file  none; using defaults
? clock offset        nothing to compare it with
  hint  name a server whose clock is right: --clock-url https://…
`,
    stderr: '',
  })
})

test('a configuration with a mistake is found, and ends with 2', async () => {
  const config = join(createTempFolder(), 'countersign.yaml')
  writeFileSync(config, 'kyes: {}')

  const result = await countersign(['doctor', '--config', config])

  expect(result.exitCode).toBe(2)
  expect(result.stdout).toContain(
    `✗ configuration file  ${config}:1:1: kyes: unknown setting "kyes" [ERR_CONFIG_INVALID]
  hint  did you mean "keys"?
`,
  )
})

test.each([
  ['v24.15.0', 'pass'],
  ['v24.21.0', 'pass'],
  ['v26.0.0', 'pass'],
  ['v30.1.2', 'pass'],
  ['v24.14.9', 'fail'],
  ['v25.9.0', 'fail'],
  ['v22.20.0', 'fail'],
])('Node %s is found to %s', async (version, status) => {
  expect(await checkNode(version)).toMatchObject({ status })
})

test('doctor asks for the Node that the package asks for', () => {
  const { engines } = JSON.parse(readProjectFile('package.json')) as { engines: { node: string } }

  expect(NODE_RANGE).toBe(engines.node)
})

describe('of a key file', () => {
  test('all is well with a key that signs and is its owner’s alone', async () => {
    const folder = createSigningFolder()
    const key = folder.key('release')
    chmodSync(key, 0o600)

    const result = await doctor([key])

    expect(result.exitCode).toBe(0)
    expect(outcomes(result, 'key')).toEqual({ key: 'pass', signature: 'pass', permissions: 'pass' })
  })

  test('a missing file ends with 6, a missing passphrase with 8', async () => {
    const folder = createSigningFolder()
    await folder.run('key create @release.pem', { env: { COUNTERSIGN_PASSPHRASE: 'secret' } })

    const missing = await doctor([folder.path('other.pem')])
    const locked = await doctor([folder.path('release.pem')])

    expect(missing.exitCode).toBe(6)
    expect(outcomes(missing, 'key')).toEqual({ key: 'ERR_KEY_NOT_FOUND' })
    expect(locked.exitCode).toBe(8)
    expect(outcomes(locked, 'key')).toEqual({ key: 'ERR_PASSPHRASE_WRONG' })
  })

  test('a key that others can read is found out', async () => {
    const folder = createSigningFolder()
    const key = folder.key('release')
    chmodSync(key, 0o644)

    const { exitCode, stdout } = await countersign(['doctor', key])

    expect(exitCode).toBe(8)
    expect(stdout).toContain(`hint  keep it to yourself: chmod 600 ${key}\n`)
  })

  test('a name is checked as the key it stands for', async () => {
    const folder = createSigningFolder()
    chmodSync(folder.key('made', 'RS256'), 0o600)
    const entry = '{ use: artifact, algorithm: PS256, provider: "file:made.pem" }'
    const config = folder.write('countersign.yaml', `keys: { release: ${entry} }`)

    const { exitCode, stdout } = await countersign(['doctor', 'release', '--config', config])

    expect(exitCode).toBe(0)
    expect(stdout).toContain('a test signature with PS256 verifies')
  })

  test('a public key is reported as one', async () => {
    const folder = createSigningFolder()
    folder.key('release')
    const env = { RELEASE: readFileSync(folder.path('release.pub'), 'utf8') }

    const result = await countersign(['doctor', 'env://RELEASE'], { env })

    expect(result.exitCode).toBe(0)
    expect(result.stdout).toContain('a public key, for verification only')
  })

  test('a meaningless reference is a finding, too', async () => {
    const result = await doctor(['ftp://key'])

    expect(result.exitCode).toBe(2)
    expect(outcomes(result, 'key')).toEqual({ reference: 'ERR_KEY_URI_INVALID' })
  })
})

describe('of a key in AWS KMS', () => {
  let double: KmsDouble
  const reference = (): string => `awskms://${double.endpoint}/alias/release`

  beforeEach(async () => {
    double = await startKmsDouble()
    stubKmsEnvironment(double.credentials)
  })

  afterEach(async () => {
    vi.unstubAllEnvs()
    await double[Symbol.asyncDispose]()
  })

  test('a key that may sign passes every check, and KMS gives the time', async () => {
    double.setAlias('alias/release', await double.addKey({ spec: 'ECC_NIST_P256' }))

    const result = await doctor([reference()])

    expect(result.exitCode).toBe(0)
    expect(outcomes(result, 'key')).toMatchObject({ 'sign-permission': 'pass', clock: 'pass' })
    expect(outcomes(result, 'clock')).toEqual({})
  })

  test('a missing key ends with 6', async () => {
    const result = await doctor([reference()])

    expect(result.exitCode).toBe(6)
    expect(outcomes(result, 'key')).toMatchObject({ key: 'ERR_KEY_NOT_FOUND' })
  })

  test('a disabled key ends with 6 and says how it is enabled', async () => {
    const key = await double.addKey({ spec: 'ECC_NIST_P256' })
    double.setAlias('alias/release', key)
    key.state = 'Disabled'

    const result = await countersign(['doctor', reference()])

    expect(result.exitCode).toBe(6)
    expect(result.stdout).toMatch(
      /^✗ key key-state +Disabled \[ERR_KEY_NOT_USABLE\]\n {2}cause {2}key state \(disabled\)\n {2}hint {3}enable it/m,
    )
  })

  test('a key that may not be used ends with 8 and says which permission is missing', async () => {
    double.setAlias('alias/release', await double.addKey({ spec: 'ECC_NIST_P256' }))
    double.deny('Sign')

    const result = await doctor([reference()])

    expect(result.exitCode).toBe(8)
    expect(outcomes(result, 'key')).toMatchObject({ 'sign-permission': 'ERR_NOT_ALLOWED' })
    expect(result.stdout).toContain('kms:Sign')
  })
})

describe('of a key on a token', () => {
  const hsm = createSoftHsm(['doctor'])
  const [token] = hsm.tokens
  const uri = `pkcs11:token=doctor;object=release?module-path=${hsm.modulePath}`
  afterAll(hsm.remove)

  test('all is well with a key that signs', async () => {
    const env = { COUNTERSIGN_PKCS11_PIN: token.pin, SOFTHSM2_CONF: hsm.configPath }
    await countersign(['key', 'create', uri], { env })

    const result = await doctor([uri], { env })

    expect(result.exitCode).toBe(0)
    expect(outcomes(result, 'key')).toMatchObject({ pin: 'pass', signature: 'pass' })
  })

  test('a wrong PIN ends with 8, a missing token with 6, a missing module with 2', async () => {
    const env = { COUNTERSIGN_PKCS11_PIN: '0000', SOFTHSM2_CONF: hsm.configPath }

    const wrong = await doctor([uri], { env })
    const tokenless = await doctor([uri.replace('token=doctor', 'token=other')], { env })
    const moduleless = await doctor([uri.replace(hsm.modulePath, '/nowhere.so')], { env })

    expect([wrong.exitCode, tokenless.exitCode, moduleless.exitCode]).toEqual([8, 6, 2])
    expect(outcomes(wrong, 'key')).toMatchObject({ token: 'pass', pin: 'ERR_PIN_WRONG' })
  })
})

describe('of a registry', () => {
  const network: CliWorld = { fetch, now: new Date() }

  function loggedIn(host: string): CliWorld {
    const folder = createTempFolder()
    const auth = Buffer.from(`${ACCOUNT.username}:${ACCOUNT.password}`).toString('base64')
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }))
    return { ...network, env: { DOCKER_CONFIG: folder } }
  }

  test('a registry that accepts uploads passes, and nothing is left in it', async () => {
    const double = await createRegistryDouble({ auth: 'bearer' })

    const result = await doctor(['--registry', `oci://${double.host}/app`], loggedIn(double.host))

    expect(result.exitCode).toBe(0)
    expect(outcomes(result, 'registry')).toEqual({ reachable: 'pass', writable: 'pass' })
    expect(double.repository('app').uploads.size).toBe(0)
    expect(outcomes(result, 'clock')).toEqual({ offset: 'pass' })
  })

  test('one that wants a login ends with 8', async () => {
    const { host } = await createRegistryDouble({ auth: 'basic' })
    const world = { ...network, env: { DOCKER_CONFIG: createTempFolder(), HOME: '/nowhere' } }

    const result = await doctor(['--registry', `${host}/app`], world)

    expect(result.exitCode).toBe(8)
    expect(outcomes(result, 'registry')).toEqual({ reachable: 'ERR_NOT_AUTHENTICATED' })
  })

  test('one that may only be read ends with 8', async () => {
    const { host } = await createRegistryDouble({ auth: 'bearer', isPushAllowed: false })

    const result = await doctor(['--registry', `${host}/app`], loggedIn(host))

    expect(result.exitCode).toBe(8)
    expect(outcomes(result, 'registry')).toEqual({ reachable: 'pass', writable: 'ERR_NOT_ALLOWED' })
  })

  test('a malformed server address ends with 7', async () => {
    const faults = [{ on: /./, answer: refuse(404) }]
    const { host } = await createRegistryDouble({ faults })

    const result = await doctor(['--registry', `${host}/app`], network)

    expect(result.exitCode).toBe(7)
    expect(outcomes(result, 'registry')).toEqual({ reachable: 'ERR_REGISTRY_PROTOCOL' })
  })

  test('the worst of several findings decides how it ends', async () => {
    const faults = [{ on: /./, answer: refuse(404) }]
    const { host } = await createRegistryDouble({ faults })

    const result = await doctor(['/nowhere.pem', '--registry', `${host}/app`], network)

    expect(result.exitCode).toBe(6)
  })

  test.each(['app', 'acme/app', 'oci://', 'https://registry.lab/app'])(
    'the name "%s" is refused as a registry',
    async (name) => {
      const result = await doctor(['--registry', name])

      expect(result.exitCode).toBe(2)
      expect(documentOf(result)).toMatchObject({ error: { code: 'ERR_REFERENCE_INVALID' } })
    },
  )
})

describe('of the clock', () => {
  const url = ['--clock-url', 'https://time.example.com']

  test.each([
    [0, 'within 1 s of time.example.com'],
    [60, 'within 61 s of time.example.com'],
    [-60, 'within 60 s of time.example.com'],
  ])('a difference of %d s is accepted', async (seconds, found) => {
    const { exitCode, stdout } = await countersign(['doctor', ...url], { fetch: clockAt(seconds) })

    expect(exitCode).toBe(0)
    expect(stdout).toContain(`✓ clock offset        ${found}`)
  })

  test.each([
    [3600, 'this machine is 3600 s behind time.example.com'],
    [-3600, 'this machine is 3599 s ahead of time.example.com'],
  ])('a difference of %d s ends with 2', async (seconds, found) => {
    const { exitCode, stdout } = await countersign(['doctor', ...url], { fetch: clockAt(seconds) })

    expect(exitCode).toBe(2)
    expect(stdout).toContain(`✗ clock offset        ${found} [ERR_CONFIG_INVALID]`)
  })

  test('without an answer it is unknown, and no failure', async () => {
    const offline: typeof fetch = () => Promise.reject(new TypeError('fetch failed'))
    const silent: typeof fetch = () => Promise.resolve(new Response())

    for (const fetch of [offline, silent]) {
      const result = await doctor(url, { fetch })

      expect(result.exitCode).toBe(0)
      expect(outcomes(result, 'clock')).toEqual({ offset: 'unknown' })
    }
  })

  test('a malformed address is refused', async () => {
    const result = await doctor(['--clock-url', 'ntp://time.example.com'])

    expect(result.exitCode).toBe(2)
    expect(documentOf(result)).toMatchObject({ error: { code: 'ERR_USAGE' } })
  })
})

test('doctor --help tells what it looks at', async () => {
  expect((await countersign(['doctor', '--help'])).stdout).toMatchSnapshot()
})
