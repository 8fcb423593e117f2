import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openKeys } from '../../../cli/keys/open.ts'
import { parseKeyUri } from '../../../src/providers/key-uri.ts'
import { createEnvironment } from '../../support/cli.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

async function createKey(path: string, passphrase: string): Promise<void> {
  const env = { COUNTERSIGN_PASSPHRASE: passphrase }
  await using keys = openKeys(createEnvironment({ env }), {})
  const uri = parseKeyUri(path)
  await (await keys.provider(uri)).create({ uri, algorithm: 'ES256' })
}

test('an encrypted key opens with the passphrase a person types', async () => {
  const path = join(createTempFolder(), 'release.pem')
  await createKey(path, 'correct horse')
  await using keys = openKeys(createEnvironment({ typed: ['correct horse\r'] }), {})

  const signer = await keys.open(path)

  expect(signer.key.kid).toBe((await keys.describe(path.replace('.pem', '.pub'))).kid)
})

test('an encrypted key without any passphrase says where to give it', async () => {
  const path = join(createTempFolder(), 'release.pem')
  await createKey(path, 'correct horse')
  await using keys = openKeys(createEnvironment(), {})

  await expect(keys.open(path)).rejects.toMatchObject({
    code: 'ERR_PASSPHRASE_WRONG',
    hint: expect.stringContaining('COUNTERSIGN_PASSPHRASE') as unknown,
  })
})

test('keys are closed with their command', async () => {
  const path = join(createTempFolder(), 'release.pem')
  await createKey(path, 'correct horse')
  const keys = openKeys(createEnvironment(), {})
  const provider = await keys.provider(parseKeyUri(path))

  await keys[Symbol.asyncDispose]()

  await expect(provider.describe(parseKeyUri(path))).rejects.toMatchObject({
    code: 'ERR_PROVIDER_UNAVAILABLE',
  })
})
