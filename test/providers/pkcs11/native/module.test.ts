import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ensureInitialized, loadModule } from '../../../../src/providers/pkcs11/native/module.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'
import { createTempFolder } from '../../../support/temp-folder.ts'

const hsm = createSoftHsm(['module'])

afterAll(hsm.remove)

test('a file that is not a library is refused', async () => {
  const path = join(createTempFolder(), 'module.so')
  writeFileSync(path, 'not a library')

  await expect(loadModule(path)).rejects.toMatchObject({ code: 'ERR_MODULE_UNAVAILABLE' })
})

test('a library that is not a PKCS#11 module is refused', async () => {
  await expect(loadModule(process.execPath)).rejects.toMatchObject({
    code: 'ERR_MODULE_UNAVAILABLE',
  })
})

test('a module is loaded once and finalized after its last use', async () => {
  const [first, second] = await Promise.all([
    loadModule(hsm.modulePath),
    loadModule(hsm.modulePath),
  ])
  expect(second.cryptoki).toBe(first.cryptoki)

  first.release()
  first.release()
  expect(second.cryptoki.C_GetInfo()).toBeTypeOf('object')

  second.release()
  expect(() => second.cryptoki.C_GetInfo()).toThrow('CKR_CRYPTOKI_NOT_INITIALIZED')
})

test('a module initialized by other code is not finalized', async () => {
  const other = await loadModule(hsm.modulePath)
  other.release()
  other.cryptoki.C_Initialize({ flags: 2 })

  const ours = await loadModule(hsm.modulePath)
  ours.release()

  expect(other.cryptoki.C_GetInfo()).toBeTypeOf('object')
  other.cryptoki.C_Finalize()
})

test('a module finalized by other code is initialized again', async () => {
  const module = await loadModule(hsm.modulePath)
  module.cryptoki.C_Finalize()

  ensureInitialized(module.cryptoki)

  expect(module.cryptoki.C_GetInfo()).toBeTypeOf('object')
  module.release()
})

test.each([
  { what: 'installed', code: 'ERR_MODULE_NOT_FOUND', reason: 'addon-missing' },
  { what: 'built', code: 'MODULE_NOT_FOUND', reason: 'addon-unbuilt' },
])('where pkcs11js is not $what, the cause is $reason', ({ what, code, reason }) => {
  const program = `
    import { registerHooks } from 'node:module'
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === 'pkcs11js') throw Object.assign(new Error('no'), { code: '${code}' })
        return next(specifier, context)
      },
    })
    const { loadModule } = await import('./src/providers/pkcs11/native/module.ts')
    await loadModule('/nowhere.so').catch(({ code, message, details }) => console.log(JSON.stringify({ code, message, cause: details.cause })))
  `
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: join(import.meta.dirname, '../../../..'),
    encoding: 'utf8',
  })

  expect(JSON.parse(stdout)).toEqual({
    code: 'ERR_MODULE_UNAVAILABLE',
    message: `PKCS#11 support is not ${what}`,
    cause: reason,
  })
})

test('a module restarts only if no sessions are open', async () => {
  const module = await loadModule(hsm.modulePath)
  const leave = module.enter()
  const [slot] = module.cryptoki.C_GetSlotList(true)
  const session = module.cryptoki.C_OpenSession(slot ?? Buffer.alloc(8), 4)

  module.restart()
  expect(module.cryptoki.C_GetSessionInfo(session)).toHaveProperty('state')

  leave()
  leave()
  module.restart()
  expect(() => module.cryptoki.C_GetSessionInfo(session)).toThrow('CKR_SESSION_HANDLE_INVALID')
  expect(module.cryptoki.C_GetInfo()).toBeTypeOf('object')
  module.release()
})
