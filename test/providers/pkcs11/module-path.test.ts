import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findModulePath } from '../../../src/providers/pkcs11/module-path.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

const suffix = process.platform === 'darwin' ? '.dylib' : '.so'

/** A folder with empty files of these names. */
function folderWith(...names: string[]): string {
  const folder = createTempFolder()
  for (const name of names) writeFileSync(join(folder, name), '')
  return folder
}

test('module-path names the module itself', async () => {
  const modulePath = join(folderWith('a.so'), 'a.so')

  expect(await findModulePath({ scheme: 'pkcs11', modulePath })).toBe(modulePath)
})

test('module-name finds lib<name> first, then the bare name, folder after folder', async () => {
  const first = folderWith(`tool-pkcs11${suffix}`)
  const second = folderWith(`libsofthsm2${suffix}`, `softhsm2${suffix}`)
  const moduleFolders = [first, second]

  const find = (moduleName: string) =>
    findModulePath({ scheme: 'pkcs11', moduleName }, { moduleFolders })

  expect(await find('softhsm2')).toBe(join(second, `libsofthsm2${suffix}`))
  expect(await find('tool-pkcs11')).toBe(join(first, `tool-pkcs11${suffix}`))
})

test('the default module serves references that name none, and only those', async () => {
  const folder = folderWith('default.so', `libother${suffix}`)
  const search = { defaultModulePath: join(folder, 'default.so'), moduleFolders: [folder] }

  expect(await findModulePath({ scheme: 'pkcs11' }, search)).toBe(join(folder, 'default.so'))
  expect(await findModulePath({ scheme: 'pkcs11', moduleName: 'other' }, search)).toBe(
    join(folder, `libother${suffix}`),
  )
})

test('a reference without any module says how to name one', async () => {
  await expect(findModulePath({ scheme: 'pkcs11' })).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
    hint: expect.stringContaining('module-path') as string,
  })
})

test('a relative module path is refused', async () => {
  await expect(findModulePath({ scheme: 'pkcs11', modulePath: 'lib/a.so' })).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
  })
})

test.each(['../evil', 'a/b', '.', '..', ''])(
  'the module name "%s" is refused',
  async (moduleName) => {
    const folder = createTempFolder()
    mkdirSync(join(folder, 'inside'))
    const search = { moduleFolders: [join(folder, 'inside')] }

    await expect(findModulePath({ scheme: 'pkcs11', moduleName }, search)).rejects.toMatchObject({
      code: 'ERR_KEY_URI_INVALID',
    })
  },
)

test('a module that is nowhere is named with where it was looked for', async () => {
  const folder = createTempFolder()

  await expect(
    findModulePath({ scheme: 'pkcs11', modulePath: join(folder, 'none.so') }),
  ).rejects.toMatchObject({ code: 'ERR_MODULE_UNAVAILABLE' })
  await expect(
    findModulePath({ scheme: 'pkcs11', moduleName: 'none' }, { moduleFolders: [folder] }),
  ).rejects.toMatchObject({
    code: 'ERR_MODULE_UNAVAILABLE',
    hint: expect.stringContaining(folder) as string,
  })
})
