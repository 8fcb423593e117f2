import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AzureKeyVault, startAzureKeyVault, TENANT } from '../../support/azurekms/emulator.ts'
import { azureKey, watchAzureKms } from '../../support/azurekms/provider.ts'
import { startLoopbackServer } from '../../support/loopback-server.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const TOKEN = 'a-token-of-entra'
const END = Date.parse('2026-11-25T11:00:00Z') / 1000

let emulator: AzureKeyVault
let version = ''

beforeAll(async () => {
  emulator = await startAzureKeyVault()
  version = emulator.addVersion('release')
})

afterAll(async () => {
  await emulator[Symbol.asyncDispose]()
})

/** The emulator's address, and no credentials: no server of a machine answers, and no `az` is installed. */
function environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    COUNTERSIGN_AZUREKMS_ENDPOINT: emulator.url,
    AZURE_AUTHORITY_HOST: emulator.url,
    AZURE_POD_IDENTITY_AUTHORITY_HOST: 'http://127.0.0.1:1',
    PATH: createTempFolder(),
    ...more,
  }
}

/** Installs an `az` that notes its arguments in a file and runs a script. */
function installAz(env: Readonly<Record<string, string>>, script: string): string {
  const notes = join(createTempFolder(), 'arguments')
  const path = join(env['PATH'] ?? '', 'az')
  writeFileSync(path, `#!/bin/sh\necho "$@" >> '${notes}'\n${script}\n`)
  chmodSync(path, 0o755)
  return notes
}

async function signWith(env: Readonly<Record<string, string>>): Promise<number> {
  const signer = await watchAzureKms(env).provider.open(azureKey('release', version))
  return (await signer.sign(Buffer.from('a message'))).length
}

test('a client secret is exchanged once an hour, at the authority of the tenant', async () => {
  const { provider, pass } = watchAzureKms(emulator.env)
  const signer = await provider.open(azureKey('release', version))
  const before = emulator.logins.length

  pass(3500)
  await signer.sign(Buffer.from('one'))
  expect(emulator.logins).toHaveLength(before)
  pass(50)
  await Promise.all([signer.sign(Buffer.from('two')), signer.sign(Buffer.from('three'))])

  expect(emulator.logins).toHaveLength(before + 1)
  expect(emulator.logins.at(-1)).toMatchObject({
    path: `/${TENANT}/oauth2/v2.0/token`,
    grant_type: 'client_credentials',
    client_id: 'the-client',
    scope: 'https://vault.azure.net/.default',
  })
})

test('a federated token is read again for each login', async () => {
  const file = join(createTempFolder(), 'token')
  const client = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: 'pod' }
  const env = environment({ ...client, AZURE_FEDERATED_TOKEN_FILE: file })
  writeFileSync(file, 'first\n')
  const { provider, pass } = watchAzureKms(env)
  const signer = await provider.open(azureKey('release', version))

  writeFileSync(file, 'second\n')
  pass(3600)
  await signer.sign(Buffer.from('a message'))

  const assertions = emulator.logins.slice(-2).map((form) => form['client_assertion'])
  expect(assertions).toEqual(['first', 'second'])
})

test.each([
  { secret: 'x', tenant: TENANT },
  { secret: 'x', client: 'the-client' },
])('credentials that are not complete are refused: %j', async ({ secret, tenant, client }) => {
  const env = environment({
    AZURE_CLIENT_SECRET: secret,
    AZURE_TENANT_ID: tenant ?? '',
    AZURE_CLIENT_ID: client ?? '',
  })

  await expect(signWith(env)).rejects.toMatchObject({ code: 'ERR_CONFIG_INVALID' })
})

test('a platform gives its identity a token for the vault', async () => {
  const platform = await startLoopbackServer(() => ({
    status: 200,
    body: JSON.stringify({ access_token: TOKEN, expires_on: String(END) }),
  }))
  const env = environment({
    IDENTITY_ENDPOINT: `${platform.url}/msi/token`,
    IDENTITY_HEADER: 'the-header',
    AZURE_CLIENT_ID: 'assigned',
  })

  expect(await signWith(env)).toBe(64)

  expect(platform.requests).toHaveLength(1)
  expect(platform.requests[0]?.headers['x-identity-header']).toBe('the-header')
  expect(platform.requests[0]?.path).toBe(
    '/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net&client_id=assigned',
  )
})

test('the machine is asked where nothing else is there', async () => {
  const machine = await startLoopbackServer(() => ({
    status: 200,
    body: JSON.stringify({ access_token: TOKEN, expires_on: END }),
  }))
  const env = environment({ AZURE_POD_IDENTITY_AUTHORITY_HOST: machine.url })

  expect(await signWith(env)).toBe(64)

  expect(machine.requests[0]?.headers['metadata']).toBe('true')
  expect(machine.requests[0]?.path).toMatch(/^\/metadata\/identity\/oauth2\/token\?/)
})

test('the login of the Azure command line is used, for the tenant that is named', async () => {
  const env = environment({ AZURE_TENANT_ID: TENANT })
  const answer = JSON.stringify({ accessToken: TOKEN, expires_on: END })
  const notes = installAz(env, `echo '${answer}'`)

  expect(await signWith(env)).toBe(64)

  expect(readFileSync(notes, 'utf8')).toBe(
    `account get-access-token --output json --resource https://vault.azure.net --tenant=${TENANT}\n`,
  )
})

test.each([
  ['echo "Please run az login; token eyJsecret" >&2; exit 1', 'no token'],
  ['echo "{broken eyJsecret"', 'not JSON'],
  [`echo '{"tokenType":"Bearer"}'`, 'accessToken'],
])('a login of the Azure command line that fails is refused: %s', async (script, why) => {
  const env = environment()
  installAz(env, script)

  const thrown = await signWith(env).catch((error: unknown) => error)

  expect(thrown).toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
    message: expect.stringContaining(why) as string,
  })
  expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain('eyJsecret')
})

test('without credentials the error names the ways to have some', async () => {
  await expect(signWith(environment())).rejects.toMatchObject({
    code: 'ERR_NOT_AUTHENTICATED',
    hint: expect.stringContaining('AZURE_FEDERATED_TOKEN_FILE') as string,
  })
})
