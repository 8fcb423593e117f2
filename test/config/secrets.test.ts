import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inspectConfig, readConfig } from '../../src/config/load.ts'
import { describeProblem } from '../../src/config/problem.ts'
import { readSecret } from '../../src/config/secret.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTempFolder } from '../support/temp-folder.ts'

const SECRET = 'correct-horse-7293'

function place(text: string, name = 'countersign.yaml'): string {
  const file = join(createTempFolder(), name)
  writeFileSync(file, text)
  return file
}

test.each([
  ['a passphrase', `keys: { a: { use: artifact, provider: file:a.pem, passphrase: ${SECRET} } }`],
  ['a PIN', `keys: { a: { use: artifact, provider: "pkcs11:object=a?pin-value=${SECRET}" } }`],
  ['a PIN of a trusted key', `trust: { keys: ["pkcs11:object=a?pin-value=${SECRET}"] }`],
  ['a password of the store', `store: postgres://user:${SECRET}@db/countersign`],
  ['a password beside the address', `store: postgres://user@db/c?password=${SECRET}`],
  ['a password of an issuer', `issuer: https://user:${SECRET}@sign.example.com`],
])('%s in the file is refused and not repeated', async (_, text) => {
  const { problems } = await inspectConfig({ file: place(text), env: {} })

  expect(problems).toHaveLength(1)
  expect(problems.map(describeProblem).join()).not.toContain(SECRET)
  expect(JSON.stringify(problems)).not.toContain(SECRET)
})

test('what a reference points to is nowhere in the configuration', async () => {
  const secret = place(SECRET, 'secret')
  const file = place(
    `keys: { a: { use: artifact, provider: file:a, passphrase: "file:${secret}" } }`,
  )

  const config = await readConfig({ file, env: { COUNTERSIGN_PASSPHRASE: SECRET } })

  expect(JSON.stringify(config)).not.toContain(SECRET)
})

test('a secret is read from its file without the line end, or from its variable', async () => {
  expect(await readSecret(`file:${place(`${SECRET}\n`)}`, {})).toBe(SECRET)
  expect(await readSecret(`file:${place(`${SECRET}\r\n`)}`, {})).toBe(SECRET)
  expect(await readSecret('env:PASS', { PASS: SECRET })).toBe(SECRET)
})

test('a reference to nothing is refused', async () => {
  expect(await codeOfAsync(() => readSecret('env:PASS', {}))).toBe('ERR_CONFIG_INVALID')
  expect(await codeOfAsync(() => readSecret('env:PASS', { PASS: '' }))).toBe('ERR_CONFIG_INVALID')
  expect(await codeOfAsync(() => readSecret(`file:${place('\n')}`, {}))).toBe('ERR_CONFIG_INVALID')
  expect(await codeOfAsync(() => readSecret('file:/nowhere', {}))).toBe('ERR_FILE_READ')
  expect(await codeOfAsync(() => readSecret(`file:${place('x'.repeat(4097))}`, {}))).toBe(
    'ERR_INPUT_TOO_LARGE',
  )
})
