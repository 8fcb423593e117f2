import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test } from 'vitest'
import { explain } from '../../../src/providers/pkcs11/explain.ts'
import { toPkcs11Failure } from '../../../src/providers/pkcs11/native/errors.ts'
import { RETURN_VALUES } from '../../../src/providers/pkcs11/native/return-values.ts'
import { CountersignError, type ErrorCode } from '../../../src/errors.ts'
import { type ExpectedCause, type FailedCheck, failedChecks } from '../../support/causes/staging.ts'
import { pkcs11Error } from '../../support/cryptoki.ts'
import { COMPILE_CACHE } from '../../support/command-line.ts'
import { createFaultBench } from '../../support/fault-module/fault-scene.ts'
import { createTempFolder } from '../../support/temp-folder.ts'
import { addCertificate, makeCertifiedKey } from '../../support/token-objects.ts'

const bench = await createFaultBench('prod')
const { faults, hsm, token } = bench
const CALLS = new Set<string>()

afterEach(() => {
  faults.clear(...CALLS)
})
afterAll(bench.remove)

const OUTAGE = 'ERR_PROVIDER_UNAVAILABLE'
const UNAVAILABLE = 'ERR_MODULE_UNAVAILABLE'
const env = {
  ...(process.env as Record<string, string>),
  ...faults.env,
  // Many processes are started from source: they share what that takes.
  NODE_COMPILE_CACHE: COMPILE_CACHE,
  COUNTERSIGN_PKCS11_PIN: token.pin,
}

/** What doctor finds wrong with a key on the token, through the module with faults. */
function failures(
  {
    object = 'key',
    label = 'prod',
    modulePath = faults.path,
  }: Partial<Record<'object' | 'label' | 'modulePath', string>> = {},
  changes: Readonly<Record<string, string>> = {},
): Promise<readonly FailedCheck[]> {
  const uri = `pkcs11:token=${label};object=${object}?module-path=${modulePath}`
  return failedChecks(uri, { env: { ...env, ...changes } })
}

function expectCause(
  found: readonly FailedCheck[],
  { cause, layer, code, cure }: ExpectedCause,
): void {
  expect(found[0]).toMatchObject({ cause, layer, code })
  for (const text of cure) expect(found[0]?.hint).toContain(text)
}

const row = (
  cause: string,
  layer: string,
  code: ErrorCode,
  ...cure: readonly string[]
): ExpectedCause => ({ cause, layer, code, cure })
const tool = (args: string): string =>
  `pkcs11-tool ${args} --module ${faults.path} --token-label prod`

test.each([
  ['C_Login', 'return 160', row('pin-wrong', 'PIN', 'ERR_PIN_WRONG', 'was tried once')],
  [
    'C_Login',
    'return 164',
    row('pin-locked', 'PIN', 'ERR_PIN_LOCKED', tool('--login --login-type so --init-pin')),
  ],
  [
    'C_Login',
    'return 163',
    row('pin-expired', 'PIN', 'ERR_PIN_WRONG', tool('--login --change-pin')),
  ],
  [
    'C_Login',
    'return 258',
    row('pin-uninitialized', 'PIN', 'ERR_PIN_WRONG', tool('--login --login-type so --init-pin')),
  ],
  [
    'C_GetMechanismInfo',
    'return 112',
    row('mechanism-missing', 'mechanism', 'ERR_ALGORITHM_UNSUPPORTED', tool('-M')),
  ],
  [
    'C_SignInit',
    'return 104',
    row('not-permitted', 'key attributes', 'ERR_KEY_NOT_USABLE', 'CKA_SIGN'),
  ],
  [
    'C_Initialize',
    'return 5',
    row(
      'initialize-failed',
      'module configuration',
      OUTAGE,
      `pkcs11-tool -I --module ${faults.path}`,
    ),
  ],
  ['C_SignInit', 'return 2147483939', row('vendor-fault', 'token', OUTAGE, '0x80000123', 'vendor')],
  ['C_SignInit', 'crash', row('module-crashed', 'module', OUTAGE, tool('-O'))],
  ['C_Initialize', 'crash', row('module-crashed', 'module', OUTAGE)],
  [
    'C_FindObjectsInit',
    'hang',
    row('module-stalled', 'module', OUTAGE, `pkcs11-tool -T --module ${faults.path}`),
  ],
] as const)(
  'a module whose %s does "%s" is named with its cause',
  async (call, fault, expected) => {
    CALLS.add(call)
    faults.set(call, fault)

    const found = await failures({}, { COUNTERSIGN_PKCS11_TIMEOUT: fault === 'hang' ? '1' : '' })

    expectCause(found, expected)
    // Doctor is what was run: it does not advise itself.
    expect(found[0]?.hint).not.toContain('countersign doctor')
  },
)

test('tokens and keys that are absent, twice, or a certificate alone are told apart', async () => {
  const { privateKey, certificate: der } = makeCertifiedKey(
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
  )
  hsm.importKey(token, privateKey, 'twin', '01')
  hsm.importKey(token, privateKey, 'twin', '02')
  await addCertificate(hsm, token, { label: 'card', id: '03', der })

  expectCause(
    await failures({ label: 'other' }),
    row('token-absent', 'token', 'ERR_TOKEN_NOT_FOUND', 'pkcs11:token=prod', '-L'),
  )
  expectCause(
    await failures({ object: 'missing' }),
    row('key-absent', 'key', 'ERR_KEY_NOT_FOUND', 'object=key', tool('--login -O')),
  )
  expectCause(
    await failures({ object: 'twin' }),
    row('key-ambiguous', 'key reference', 'ERR_KEY_URI_INVALID', 'id=%01', 'id=%02'),
  )
  expectCause(
    await failures({ object: 'card' }),
    row('certificate-only', 'key', 'ERR_KEY_NOT_FOUND', 'private key of the certificate'),
  )
})

test('a PIN that is missing, and a token that needs one, are a matter of the PIN', async () => {
  expectCause(
    await failures({}, { COUNTERSIGN_PKCS11_PIN: '' }),
    row('pin-missing', 'PIN', 'ERR_PIN_WRONG', 'pin-source=file:'),
  )
})

/** Builds a library of one line of C. */
function build(name: string, code: string, ...flags: readonly string[]): string {
  const folder = createTempFolder()
  const source = join(folder, 'source.c')
  writeFileSync(source, code)
  const path = join(folder, name)
  const { status } = spawnSync('g++', ['-shared', '-fPIC', '-x', 'c', source, '-o', path, ...flags])
  if (status !== 0) throw new Error('g++ is missing: apt-get install g++')
  return path
}

/** A module for another machine: its file says so in two bytes. */
function foreignModule(): string {
  const bytes = readFileSync(hsm.modulePath)
  bytes.writeUInt16LE(process.arch === 'arm64' ? 62 : 183, 18)
  return written('foreign.so', bytes)
}

function written(name: string, bytes: string | Uint8Array): string {
  const path = join(createTempFolder(), name)
  writeFileSync(path, bytes)
  return path
}

function needingModule(): string {
  const dependency = build('libneeded.so', 'int needed(void) { return 0; }')
  const code = 'extern int needed(void); int C_GetFunctionList(void *p) { return needed(); }'
  return build('module.so', code, `-L${join(dependency, '..')}`, '-lneeded', '-Wl,--no-as-needed')
}

test.each([
  [
    'no module',
    () => '/nowhere/module.so',
    row('module-missing', 'module file', UNAVAILABLE, 'apt-get install softhsm2'),
  ],
  [
    'of another processor',
    foreignModule,
    row('module-wrong-architecture', 'module file', UNAVAILABLE, process.arch, 'file /'),
  ],
  [
    'a script',
    () => written('module.so', '#!/bin/sh\nexec pkcs11-tool "$@"\n'.repeat(20)),
    row('module-not-library', 'module file', UNAVAILABLE, 'file /'),
  ],
  [
    'another library',
    () => build('module.so', 'int other;'),
    row('module-not-pkcs11', 'module file', UNAVAILABLE, 'nm -D /'),
  ],
  [
    'one that lacks a library',
    needingModule,
    row('module-dependency-missing', 'module file', UNAVAILABLE, 'ldd /', 'LD_LIBRARY_PATH'),
  ],
] as readonly (readonly [string, () => string, ExpectedCause])[])(
  'of a module file, it is told that it is %s',
  async (_what, make, expected) => {
    const modulePath = make()

    const found = await failures({ modulePath })

    expectCause(found, expected)
    expect(found).toHaveLength(1)
  },
)

test('no module at all is a matter of the key reference', async () => {
  const found = await failedChecks('pkcs11:token=prod;object=key', { env })

  expectCause(found, row('module-unnamed', 'key reference', 'ERR_KEY_URI_INVALID', 'module-path'))
})

test('SoftHSM without its configuration, and without tokens, is told apart', async () => {
  const { modulePath } = hsm
  const empty = createTempFolder()
  const conf = written('softhsm2.conf', `directories.tokendir = ${empty}\n`)

  const unconfigured = await failures(
    { modulePath },
    { SOFTHSM2_CONF: '/nonexistent/softhsm2.conf' },
  )
  const tokenless = await failures({ modulePath }, { SOFTHSM2_CONF: conf })

  expectCause(
    unconfigured,
    row(
      'softhsm-configuration',
      'module configuration',
      OUTAGE,
      'SOFTHSM2_CONF',
      'softhsm2-util --show-slots',
    ),
  )
  expectCause(
    tokenless,
    row('token-none', 'token', 'ERR_TOKEN_NOT_FOUND', 'pkcs11-tool -L --module'),
  )
})

/** The error of a call that a module failed, as every command gets it. */
async function explained(
  value: number,
  modulePath = '/usr/lib/vendor/module.so',
): Promise<CountersignError> {
  const failure = toPkcs11Failure(pkcs11Error(value), 'signing with token "prod"')
  return (await explain(failure, { modulePath, token: 'prod' })) as CountersignError
}

test('each return value of the specification has a cause of the same code', async () => {
  for (const [value, { name, code }] of RETURN_VALUES) {
    const error = await explained(value)

    expect(error.code, name).toBe(code)
    expect(error.details['cause'], name).toMatch(/^(?!unknown)/)
    expect(error.hint, name).toBeDefined()
  }
})

// What no software token does: their values are those of the specification, section 5.1.
test.each([
  [0x02, 'host-memory'],
  [0x05, 'device-failed'],
  [0x0a, 'locking-broken'],
  [0x21, 'key-type-wrong'],
  [0x31, 'token-full'],
  [0x54, 'function-unsupported'],
  [0x62, 'key-size-unsupported'],
  [0x103, 'login-unsupported'],
  [0x104, 'other-user-logged-in'],
  [0x150, 'public-half-differs'],
  [0x200, 'rejected-at-token'],
  [0x203, 'key-exhausted'],
  [0xb1, 'sessions-exhausted'],
  [0xb3, 'session-lost'],
  [0xd0, 'template-refused'],
  [0xe0, 'token-removed'],
  [0xe1, 'token-unrecognized'],
  [0xe2, 'token-write-protected'],
  [0x7f, 'unknown-value'],
] as const)('the return value %i is %s', async (value, cause) => {
  expect((await explained(value)).details['cause']).toBe(cause)
})

// What a test cannot make as any user: the site is named, and its text is that of the linker.
test.each([
  ['module-unloadable', 'Permission denied', 'module-unreadable'],
  ['module-unloadable', 'something new', 'module-unloadable'],
  ['addon-missing', '', 'addon-missing'],
  ['addon-unbuilt', '', 'addon-unbuilt'],
  ['pin-refused-before', '', 'pin-refused-before'],
])('of a failure that is %s with "%s", the cause is %s', async (site, text, cause) => {
  const failure = new CountersignError('ERR_MODULE_UNAVAILABLE', text, { details: { cause: site } })
  const error = (await explain(failure, {
    modulePath: '/usr/lib/my module.so',
  })) as CountersignError

  expect(error.details).toMatchObject({ cause })
  expect(error.hint).toBeDefined()
  if (error.hint?.includes('/usr/lib') === true)
    expect(error.hint).toContain("'/usr/lib/my module.so'")
})

test('a p11-kit client whose server is gone is no fault of the token', async () => {
  const error = await explained(0x30, '/usr/lib/pkcs11/p11-kit-client.so')

  expect(error).toMatchObject({ code: OUTAGE, details: { cause: 'p11-kit-server-down' } })
  expect(error.hint).toContain('P11_KIT_SERVER_ADDRESS')
})
