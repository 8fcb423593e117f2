/** What answers for a vault, or names one, gets no token that is of use elsewhere. */
import { expect, test } from 'vitest'
import { CLIENT_SECRET, startAzureKeyVault, VAULT } from '../support/azurekms/emulator.ts'
import { azureKey, watchAzureKms } from '../support/azurekms/provider.ts'
import { startLoopbackServer } from '../support/loopback-server.ts'
import { createSigningFolder } from '../support/signing-folder.ts'

const MESSAGE = Buffer.from('a message')

test.each([
  'resource="https://graph.microsoft.com"',
  'authorization="https://evil.example/t", resource="https://storage.azure.com"',
  'authorization="https://evil.example/t", scope="https://management.azure.com/.default"',
  'resource="https://vault.azure.net.evil.example"',
  'resource="https://evil.vault.azure.net"',
])('a challenge with %s is refused, and no token is asked for', async (parameters) => {
  await using emulator = await startAzureKeyVault()
  const version = emulator.addVersion('release')
  const { provider, requested } = watchAzureKms(emulator.env)
  const signer = await provider.open(azureKey('release', version))
  const [before, logins] = [requested.length, emulator.logins.length]
  const headers = { 'www-authenticate': `Bearer ${parameters}` }
  emulator.refuse('sign', { status: 401, headers })

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({
    code: 'ERR_PROVIDER_FAULT',
    details: expect.objectContaining({ cause: 'challenge-mismatch' }) as object,
  })

  expect(requested.slice(before)).toHaveLength(1)
  expect(emulator.logins).toHaveLength(logins)
})

test('the challenge of the vault itself is an ordinary refusal, after one new login', async () => {
  await using emulator = await startAzureKeyVault()
  const version = emulator.addVersion('release')
  const { provider } = watchAzureKms(emulator.env)
  const signer = await provider.open(azureKey('release', version))

  emulator.setToken('the-next-token')
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
  const resource =
    'Bearer authorization="https://evil.example/t", resource="https://vault.azure.net"'
  emulator.refuse('sign', { status: 401, headers: { 'www-authenticate': resource } })
  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })

  const paths = new Set(emulator.logins.map(({ path, scope }) => `${path ?? ''} ${scope ?? ''}`))
  expect(paths.size).toBe(1)
  expect([...paths][0]).toMatch(/ https:\/\/vault\.azure\.net\/\.default$/)
})

test('a redirect of a vault takes the token nowhere', async () => {
  await using emulator = await startAzureKeyVault()
  const version = emulator.addVersion('release')
  const thief = await startLoopbackServer(() => ({ status: 200, body: '{}' }))
  const { provider } = watchAzureKms(emulator.env)
  const signer = await provider.open(azureKey('release', version))
  emulator.refuse('sign', { status: 307, headers: { location: `${thief.url}/` } })

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })

  expect(thief.requests).toEqual([])
})

test.each(['evil.example', 'acme.vault.azure.net.evil.example', '169.254.169.254'])(
  'a reference to %s is refused before credentials are used',
  async (host) => {
    const authority = await startLoopbackServer(() => ({ status: 500 }))
    const env = {
      AZURE_AUTHORITY_HOST: authority.url,
      AZURE_TENANT_ID: 'acme.example',
      AZURE_CLIENT_ID: 'client',
      AZURE_CLIENT_SECRET: CLIENT_SECRET,
    }

    const { exitCode, stderr } = await createSigningFolder().run(
      `key show azurekms://${host}/release`,
      { env },
    )

    expect(exitCode).toBe(2)
    expect(stderr).toContain('ERR_KEY_URI_INVALID')
    expect(authority.requests).toEqual([])
  },
)

test('a token and a client secret that are echoed are in no error', async () => {
  await using emulator = await startAzureKeyVault()
  const echo = await startLoopbackServer(({ body }) => ({
    status: 400,
    body: JSON.stringify({ error: 'invalid_client', error_description: body.toString() }),
  }))
  const { provider } = watchAzureKms({ ...emulator.env, AZURE_AUTHORITY_HOST: echo.url })

  const thrown = await provider.describe(azureKey('release')).catch((error: unknown) => error)

  expect(thrown).toMatchObject({ code: 'ERR_NOT_AUTHENTICATED' })
  expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain(CLIENT_SECRET)
  expect(echo.requests[0]?.body.toString()).toContain(CLIENT_SECRET)
})

test.each([
  ['COUNTERSIGN_AZUREKMS_ENDPOINT', 'http://vault.example/'],
  ['COUNTERSIGN_AZUREKMS_ENDPOINT', `https://user:word@${VAULT}/`],
  ['AZURE_AUTHORITY_HOST', 'http://login.example/'],
  ['AZURE_TENANT_ID', '../../evil'],
])('no secret is sent where %s is %s', async (name, value) => {
  await using emulator = await startAzureKeyVault()
  const { provider } = watchAzureKms({ ...emulator.env, [name]: value })

  await expect(provider.describe(azureKey('release'))).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
  })

  expect(emulator.logins).toEqual([])
})
