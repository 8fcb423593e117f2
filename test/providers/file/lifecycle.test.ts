import { existsSync, linkSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFileProvider } from '../../../src/providers/file/provider.ts'
import type { CreateOnceRequest } from '../../../src/providers/key-lifecycle.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const provider = createFileProvider({ readPassphrase: () => Promise.resolve(undefined) })

function request(path: string, isRepeated = false): CreateOnceRequest {
  return { uri: { scheme: 'file', path }, algorithm: 'ES256', mark: '1'.repeat(32), isRepeated }
}

test('a missing folder is created as private to its owner', async () => {
  const folder = join(createTempFolder(), 'deep', 'keys')

  await provider.createOnce(request(join(folder, 'release-1.pem')))

  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(statSync(join(folder, 'release-1.pem')).mode & 0o777).toBe(0o600)
})

test('a public half that was not written is written when the making is repeated', async () => {
  const folder = createTempFolder()
  const path = join(folder, 'release-1.pem')
  await provider.createOnce(request(path))
  const publicHalf = readFileSync(join(folder, 'release-1.pub'), 'utf8')
  rmSync(join(folder, 'release-1.pub'))

  await provider.createOnce(request(path, true))

  expect(readFileSync(join(folder, 'release-1.pub'), 'utf8')).toBe(publicHalf)
})

test('a second name of the private key, left by a crash, is removed by repeating the creation', async () => {
  const folder = createTempFolder()
  const path = join(folder, 'release-1.pem')
  await provider.createOnce(request(path))
  linkSync(path, join(folder, '.release-1.pem.0123456789ab.tmp'))

  await provider.createOnce(request(path, true))

  expect(readdirSync(folder).toSorted()).toEqual(['release-1.pem', 'release-1.pub'])
})

test('destroy removes the private half and keeps the public one', async () => {
  const folder = createTempFolder()
  const path = join(folder, 'release-1.pem')
  const uri = await provider.createOnce(request(path))

  await provider.destroy({ uri, publicKey: await provider.describe(uri) })

  expect(existsSync(path)).toBe(false)
  expect(existsSync(join(folder, 'release-1.pub'))).toBe(true)
})

test('destroy leaves a file alone that holds another key', async () => {
  const folder = createTempFolder()
  const uri = await provider.createOnce(request(join(folder, 'release-1.pem')))
  const other = await provider.createOnce(request(join(folder, 'release-2.pem')))

  await expect(
    provider.destroy({ uri, publicKey: await provider.describe(other) }),
  ).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
  expect(existsSync(join(folder, 'release-1.pem'))).toBe(true)
})
