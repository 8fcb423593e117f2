import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createSecretSources } from '../../../cli/terminal/secrets.ts'
import { createEnvironment } from '../../support/cli.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const PIN = { variable: 'COUNTERSIGN_PKCS11_PIN', prompt: 'PIN of the token "prod": ' }

test('a passphrase file wins over the environment and loses its line end', async () => {
  const file = join(createTempFolder(), 'passphrase')
  writeFileSync(file, ' two words \r\n')
  const environment = createEnvironment({ env: { COUNTERSIGN_PASSPHRASE: 'other' } })

  const secrets = createSecretSources(environment, { passphraseFile: file })

  expect(await secrets.readPassphrase('key.pem')).toBe(' two words ')
})

test('an empty passphrase file is refused', async () => {
  const file = join(createTempFolder(), 'passphrase')
  writeFileSync(file, '\n')
  const secrets = createSecretSources(createEnvironment(), { passphraseFile: file })

  await expect(secrets.readPassphrase('key.pem')).rejects.toMatchObject({ code: 'ERR_USAGE' })
})

test('an empty variable holds no secret', async () => {
  const env = { COUNTERSIGN_PASSPHRASE: '', COUNTERSIGN_PKCS11_PIN: '' }
  const secrets = createSecretSources(createEnvironment({ env }), {})

  expect(await secrets.readPassphrase('key.pem')).toBeUndefined()
  expect(await secrets.readSecret(PIN)).toBeUndefined()
})

test('a PIN comes from the environment', async () => {
  const env = { COUNTERSIGN_PKCS11_PIN: '1234' }

  expect(await createSecretSources(createEnvironment({ env }), {}).readSecret(PIN)).toBe('1234')
})

test('a person at a terminal is asked, without echo', async () => {
  const environment = createEnvironment({ typed: ['sectet\b\b\bret\r'] })

  const secrets = createSecretSources(environment, {})

  expect(await secrets.readPassphrase('key.pem')).toBe('secret')
  expect(environment.said()).toBe('Passphrase of key.pem: \n')
})

test('--no-input never prompts', async () => {
  const environment = createEnvironment({ typed: ['secret\r'] }, ['--no-input'])

  expect(await createSecretSources(environment, {}).readPassphrase('key.pem')).toBeUndefined()
  expect(environment.said()).toBe('')
})

test('Ctrl-C at a question cancels', async () => {
  const secrets = createSecretSources(createEnvironment({ typed: ['sec\u0003'] }), {})

  await expect(secrets.readPassphrase('key.pem')).rejects.toMatchObject({ code: 'ERR_CANCELLED' })
})

test('a new passphrase is asked for twice', async () => {
  const environment = createEnvironment({ typed: ['secret\r', 'secret\r'] })

  const secrets = createSecretSources(environment, {})

  expect(await secrets.readNewPassphrase('key.pem')).toBe('secret')
  expect(environment.said()).toBe('Passphrase for key.pem (empty for none): \nAgain: \n')
})

test('two new passphrases that differ are refused', async () => {
  const secrets = createSecretSources(createEnvironment({ typed: ['secret\r', 'sceret\r'] }), {})

  await expect(secrets.readNewPassphrase('key.pem')).rejects.toMatchObject({ code: 'ERR_USAGE' })
})

test('a person may want no passphrase', async () => {
  const secrets = createSecretSources(createEnvironment({ typed: ['\r'] }), {})

  expect(await secrets.readNewPassphrase('key.pem')).toBeUndefined()
})

test('a new key is unencrypted only with --no-passphrase', async () => {
  const env = { COUNTERSIGN_PASSPHRASE: 'secret' }

  const silent = createSecretSources(createEnvironment(), {})
  const spoken = createSecretSources(createEnvironment({ env }), { passphrase: false })

  await expect(silent.readNewPassphrase('key.pem')).rejects.toMatchObject({ code: 'ERR_USAGE' })
  expect(await spoken.readNewPassphrase('key.pem')).toBeUndefined()
})
