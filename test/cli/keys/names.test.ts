import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openKeys } from '../../../cli/keys/open.ts'
import { createEnvironment } from '../../support/cli.ts'
import { codeOfAsync } from '../../support/errors.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

/** A folder with an encrypted key and a configuration that names it. */
async function createNamedKey(settings = ''): Promise<{ config: string; path: string }> {
  const folder = createTempFolder()
  const path = join(folder, 'release.pem')
  const env = { COUNTERSIGN_PASSPHRASE: 'correct horse' }
  await using keys = openKeys(createEnvironment({ env }), {})
  const uri = { scheme: 'file', path } as const
  await (await keys.provider(uri)).create({ uri, algorithm: 'RS256', rsaBits: 2048 })
  const config = join(folder, 'countersign.yaml')
  const common = 'provider: file:release.pem, passphrase: env:RELEASE_PASS'
  writeFileSync(
    config,
    `keys:
  release: { use: artifact, algorithm: PS256, ${common} }
  sessions: { use: token, algorithm: RS256, ${common} }
  place: { use: artifact, provider: "awskms:///?region=eu-west-1" }
${settings}`,
  )
  return { config, path }
}

const PASS = { RELEASE_PASS: 'correct horse' }

test('a named key opens with its algorithm and the passphrase its reference points to', async () => {
  const { config } = await createNamedKey()
  await using keys = openKeys(createEnvironment({ env: PASS }), { config })

  const signer = await keys.open('release')

  expect(signer.key.algorithm.name).toBe('PS256')
  expect(await keys.find('release')).toMatchObject({ named: { name: 'release' } })
})

test('a passphrase in the environment overrides that of the configuration', async () => {
  const { config } = await createNamedKey()
  const env = { RELEASE_PASS: 'wrong', COUNTERSIGN_PASSPHRASE: 'correct horse' }
  await using keys = openKeys(createEnvironment({ env }), { config })

  expect((await keys.describe('release')).algorithm.name).toBe('PS256')
})

test('a wrong passphrase behind the reference is refused', async () => {
  const { config } = await createNamedKey()
  await using keys = openKeys(createEnvironment({ env: { RELEASE_PASS: 'wrong' } }), { config })

  expect(await codeOfAsync(() => keys.open('release'))).toBe('ERR_PASSPHRASE_WRONG')
})

test('a named key signs with no other algorithm than its own', async () => {
  const { config } = await createNamedKey()
  await using keys = openKeys(createEnvironment({ env: PASS }), { config })

  expect(await codeOfAsync(() => keys.open('release', { algorithm: 'RS256' }))).toBe('ERR_USAGE')
  expect(await codeOfAsync(() => keys.open('release', { algorithm: 'PS256' }))).toBe('accepted')
})

test('a key for tokens signs no artifact', async () => {
  const { config } = await createNamedKey()
  await using keys = openKeys(createEnvironment({ env: PASS }), { config })

  expect(await codeOfAsync(() => keys.open('sessions'))).toBe('ERR_KEY_NOT_USABLE')
  expect(await codeOfAsync(() => keys.describe('sessions'))).toBe('accepted')
})

test('a name of a key location opens no key', async () => {
  const { config } = await createNamedKey()
  await using keys = openKeys(createEnvironment(), { config })

  expect(await codeOfAsync(() => keys.open('place'))).toBe('ERR_CONFIG_INVALID')
})

test('a misspelt name is answered with the name that was meant', async () => {
  const { config } = await createNamedKey()
  await using keys = openKeys(createEnvironment(), { config })

  await expect(keys.open('relase')).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
    message: '"relase" is no key of the configuration and no file',
    hint: 'did you mean "release"?',
  })
  await expect(keys.open('something')).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
    reason: 'key-file-missing',
    details: { path: 'something' },
  })
})

test('a configuration with a mistake opens no key by name, and leaves references alone', async () => {
  const { config, path } = await createNamedKey('registri: {}\n')
  await using keys = openKeys(createEnvironment({ env: PASS }), { config })

  expect(await codeOfAsync(() => keys.open('release'))).toBe('ERR_CONFIG_INVALID')
  expect(await codeOfAsync(() => keys.describe(path.replace('.pem', '.pub')))).toBe('accepted')
})
