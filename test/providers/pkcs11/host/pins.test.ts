/** PINs: each crosses to the process of a module when it logs in, and one that was refused is never tried again. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Pkcs11Uri } from '../../../../src/providers/pkcs11/uri.ts'
import { codeOfAsync } from '../../../support/errors.ts'
import { createFaultBench, MESSAGE } from '../../../support/fault-module/fault-scene.ts'
import { createTempFolder } from '../../../support/temp-folder.ts'

const bench = await createFaultBench('pins')
const { faults, token } = bench

afterAll(bench.remove)

const CKR_PIN_INCORRECT = 0xa0

/** What each login returned. */
function logins(): readonly number[] {
  return faults.calls().flatMap(([, name, value]) => (name === 'C_Login' ? [value] : []))
}

/** A key whose PIN is in a file. */
function withPinFile(pin: string): { readonly file: string; readonly uri: Pkcs11Uri } {
  const file = join(createTempFolder(), 'pin')
  writeFileSync(file, `${pin}\n`)
  return { file, uri: { ...bench.uriFor('key'), pinSource: `file:${file}` } }
}

test('a PIN that was refused is tried once, by whatever number of processes', async () => {
  const { provider } = bench.openProvider()
  const { uri } = withPinFile('wrong-pin')
  faults.watch()

  const before = await codeOfAsync(() => provider.open(uri))
  const pid = faults.calls().at(-1)?.[0] ?? 0
  process.kill(pid, 'SIGKILL')
  const codes = [
    await codeOfAsync(() => provider.open(uri)),
    await codeOfAsync(() => provider.open(uri)),
  ]

  expect([before, ...codes]).toEqual(['ERR_PIN_WRONG', 'ERR_PIN_WRONG', 'ERR_PIN_WRONG'])
  expect(logins()).toEqual([CKR_PIN_INCORRECT])
  expect(new Set(faults.calls().map(([process]) => process)).size).toBe(2)
})

test('a PIN file that is corrected works without a restart', async () => {
  const { provider } = bench.openProvider()
  const { file, uri } = withPinFile('another-wrong-pin')
  faults.watch()
  const refused = await codeOfAsync(() => provider.open(uri))

  writeFileSync(file, token.pin)
  const signer = await provider.open(uri)

  expect(refused).toBe('ERR_PIN_WRONG')
  expect(await signer.sign(MESSAGE)).toHaveLength(64)
  expect(logins()).toEqual([CKR_PIN_INCORRECT, 0])
})

test('a file that holds no PIN is refused with its own error, and nothing is tried', async () => {
  const { provider } = bench.openProvider()
  const { file, uri } = withPinFile('two\nlines')
  faults.watch()

  await expect(provider.open(uri)).rejects.toMatchObject({
    code: 'ERR_CONFIG_INVALID',
    message: `the PIN file "${file}" has several lines`,
  })
  expect(logins()).toEqual([])
})

test('many signatures need one login', async () => {
  const { openKey } = bench.openProvider()
  faults.watch()
  const signer = await openKey()

  await Promise.all(Array.from({ length: 20 }, () => signer.sign(MESSAGE)))

  expect(logins()).toEqual([0])
})

test('a PIN is in no argument, no variable and no error of the process of a module', async (context) => {
  if (!existsSync('/proc/self/environ')) context.skip('no /proc here')
  const { openKey } = bench.openProvider({ env: { COUNTERSIGN_PKCS11_PIN: token.pin } })
  faults.watch()
  const signer = await openKey()
  const pid = faults.calls().at(-1)?.[0] ?? 0
  const shown = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1'))

  faults.set('C_SignInit', 'return 5', 100)
  const error = await signer.sign(MESSAGE).catch((thrown: unknown) => thrown)
  faults.clear('C_SignInit')

  expect(shown.join('\n')).toContain('FAULT_MODULE_FOLDER')
  expect(shown.join('\n')).not.toContain(token.pin)
  expect(error).toMatchObject({ code: 'ERR_PROVIDER_UNAVAILABLE' })
  expect(JSON.stringify(error)).not.toContain(token.pin)
})

test('a PIN of a reference crosses to the process of a module as any other', async () => {
  const { provider } = bench.openProvider({ readPin: () => Promise.resolve(undefined) })

  const signer = await provider.open({ ...bench.uriFor('key'), pinValue: token.pin })

  expect(await signer.sign(MESSAGE)).toHaveLength(64)
})

test('a login that crashes the module is made by the next process', async () => {
  const { provider } = bench.openProvider()
  const { uri } = withPinFile(token.pin)

  faults.set('C_Login', 'crash', 1)

  expect(await (await provider.open(uri)).sign(MESSAGE)).toHaveLength(64)
})
