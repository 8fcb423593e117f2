import { statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openFolderStorage } from '../../src/storage/folder-storage.ts'
import { codeOfAsync } from '../support/errors.ts'
import { createTempFolder } from '../support/temp-folder.ts'
import { describeStorageContract } from './storage-contract.ts'

const open = (folder: string, isPublic = false): ReturnType<typeof openFolderStorage> =>
  openFolderStorage(folder, { isPublic })

describeStorageContract('a folder', () => Promise.resolve(open(createTempFolder())))

test.each([
  { isPublic: false, file: 0o600, folder: 0o700 },
  { isPublic: true, file: 0o644, folder: 0o755 },
])('files and folders are for other users where public is $isPublic', async (modes) => {
  const folder = createTempFolder()
  await open(folder, modes.isPublic).write('a/b', Buffer.from('x'), { seen: undefined })

  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(modes.folder)
  expect(statSync(join(folder, 'a/b')).mode & 0o777).toBe(modes.file)
})

test('a folder that is missing, as of a volume that is not mounted, is not made', async () => {
  const storage = open(join(createTempFolder(), 'volume'))

  for (const key of ['checkpoint', 'tile/0/000']) {
    const written = storage.write(key, Buffer.from('x'), { seen: undefined })
    expect(await codeOfAsync(() => written)).toBe('ERR_FILE_WRITE')
  }
})
