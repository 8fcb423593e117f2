/** An attacker between the two people of a key ceremony: each file of it is replaced on its way. */
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type CliResult, countersign, documentOf } from '../support/cli.ts'
import { type KmsDouble, startKmsDouble } from '../support/kms/double.ts'
import { stubKmsEnvironment } from '../support/kms/stub-environment.ts'
import { createTempFolder } from '../support/temp-folder.ts'

type Facts = Readonly<Record<string, string>>

let double: KmsDouble
let folder: string
let now: number
let names: number

beforeEach(async () => {
  now = Date.now()
  names = 0
  folder = createTempFolder()
  double = await startKmsDouble({ now: () => now })
  stubKmsEnvironment(double.credentials)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await double[Symbol.asyncDispose]()
})

const at = (name: string): string => join(folder, name)

function run(line: string): Promise<CliResult> {
  return countersign([...line.split(' '), '--json'])
}

const code = (result: CliResult): unknown =>
  documentOf<{ readonly error?: { readonly code: string } }>(result).error?.code

/** An empty key of its own, with the parameters for it; answers its reference and fingerprint. */
async function emptyKey(options = ''): Promise<Facts> {
  names += 1
  const asked = `awskms://${double.endpoint}/alias/key-${names}`
  const made = await run(`key create ${asked} --origin external${options}`)
  const { reference = '' } = documentOf<Facts>(made)
  const given = await run(`key import-parameters ${reference} --output ${at(`${names}.json`)}`)
  return { ...documentOf<Facts>(given), reference, parameters: at(`${names}.json`) }
}

function newKey(name: string, namedCurve = 'P-256'): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve })
  writeFileSync(at(name), privateKey.export({ type: 'pkcs8', format: 'pem' }))
  return at(name)
}

async function wrap(path: string, { parameters, wrappingFingerprint }: Facts): Promise<Facts> {
  const output = `${path}.wrapped`
  const line = `key wrap ${path} --parameters ${parameters} --wrapping-fingerprint ${wrappingFingerprint} --output ${output}`
  return { ...documentOf<Facts>(await run(line)), output }
}

function importKey({ reference, parameters }: Facts, wrapped: Facts): Promise<CliResult> {
  const { output, fingerprint } = wrapped
  const files = `--parameters ${parameters} --wrapped ${output}`
  return run(`key import-material ${reference} ${files} --fingerprint ${fingerprint}`)
}

test('a wrapping key that was replaced on its way wraps nothing', async () => {
  const kms = await emptyKey()
  const attacker = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey
  const document = JSON.parse(readFileSync(kms['parameters'] ?? '', 'utf8')) as Facts
  const wrappingKey = attacker.export({ type: 'spki', format: 'der' }).toString('base64')
  writeFileSync(at('forged.json'), JSON.stringify({ ...document, wrappingKey }))

  const wrapped = await wrap(newKey('own.pem'), { ...kms, parameters: at('forged.json') })

  expect(wrapped).toMatchObject({ ok: false, error: { code: 'ERR_IDENTITY_MISMATCH' } })
  expect(() => readFileSync(wrapped['output'] ?? '')).toThrow('ENOENT')
})

test('a wrapped key that was replaced on its way is not imported', async () => {
  const kms = await emptyKey()
  const own = await wrap(newKey('own.pem'), kms)
  const other = await wrap(newKey('other.pem'), kms)

  const replaced = await importKey(kms, { ...own, output: other['output'] ?? '' })

  expect(code(replaced)).toBe('ERR_IDENTITY_MISMATCH')
  expect(double.calls.get('ImportKeyMaterial')).toBeUndefined()
})

test('a wrapped key that names the public key of another is never taken for it', async () => {
  const kms = await emptyKey()
  const own = await wrap(newKey('own.pem'), kms)
  const other = await wrap(newKey('other.pem'), kms)
  const read = ({ output = '' }: Facts): Facts => JSON.parse(readFileSync(output, 'utf8')) as Facts
  const { wrapped = '' } = read(other)
  writeFileSync(at('forged.json'), JSON.stringify({ ...read(own), wrapped }))

  const imported = await importKey(kms, { ...own, output: at('forged.json') })

  expect(code(imported)).toBe('ERR_KEY_INVALID')
  expect(imported.stdout).toContain('never use it')
})

test('material for another key, of another type, damaged or late is refused', async () => {
  const kms = await emptyKey()
  const other = await emptyKey()
  const own = await wrap(newKey('own.pem'), kms)
  const larger = await wrap(newKey('larger.pem', 'P-384'), kms)
  const reference = kms['reference'] ?? ''

  expect(code(await importKey({ ...other, reference }, own))).toBe('ERR_KEY_INVALID')
  expect(code(await importKey({ ...kms, reference: other['reference'] ?? '' }, own))).toBe(
    'ERR_KEY_INVALID',
  )
  expect(code(await importKey(kms, larger))).toBe('ERR_KEY_INVALID')
  const again = await run(`key import-parameters ${reference} --output ${at('again.json')}`)
  expect(again.exitCode).toBe(0)
  const mixed = await importKey({ reference, parameters: at('again.json') }, own)
  expect(code(mixed)).toBe('ERR_KEY_INVALID')
  expect(mixed.stdout).toContain('InvalidCiphertextException')
  now += 25 * 3_600_000
  const late = await importKey(kms, own)
  expect(code(late)).toBe('ERR_KEY_INVALID')
  expect(late.stdout).toContain('ExpiredImportTokenException')
  expect(double.calls.get('Sign')).toBeUndefined()
})

test('an empty key signs nothing, and a key that KMS made takes no material', async () => {
  const kms = await emptyKey()
  writeFileSync(at('app'), 'an app')

  const signed = await run(`sign ${at('app')} --key ${kms['reference'] ?? ''}`)
  const made = await run(`key create awskms://${double.endpoint}/alias/own`)
  const own = documentOf<{ readonly key: Facts }>(made).key['reference'] ?? ''
  const given = await run(`key import-parameters ${own} --output ${at('own.json')}`)

  expect(code(signed)).toBe('ERR_KEY_NOT_USABLE')
  expect(given.exitCode).not.toBe(0)
  expect(given.stdout).toContain('UnsupportedOperationException')
})
