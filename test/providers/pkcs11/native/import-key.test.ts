import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { AlgorithmName } from '../../../../src/crypto/algorithms.ts'
import { type KeyWrapping, wrapKeyMaterial } from '../../../../src/crypto/key-wrap.ts'
import { fromKeyObject, parsePublicKeySpki } from '../../../../src/crypto/public-key.ts'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import type { MaterialImport } from '../../../../src/providers/key-material.ts'
import { createInProcess } from '../../../support/cryptoki.ts'
import { codeOfAsync } from '../../../support/errors.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'
import { readPrivateKeys } from '../../../support/token-objects.ts'

const hsm = createSoftHsm(['prod', 'other'])
const [token, other] = hsm.tokens
afterAll(hsm.remove)

const MESSAGE = Buffer.from('message')

const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey

/** Closed, and so logged out, when the test ends. */
function openProvider(pin = token.pin) {
  const provider = createInProcess({ readPin: () => Promise.resolve(pin) })
  onTestFinished(() => provider[Symbol.asyncDispose]())
  return provider
}

type Provider = ReturnType<typeof openProvider>

/** Wraps a key for the token under a label, as `key wrap` does. */
async function wrapFor(
  provider: Provider,
  label: string,
  privateKey: KeyObject,
  algorithm?: AlgorithmName,
): Promise<MaterialImport> {
  const uri = token.uriFor(label)
  const parameters = await provider.importParameters(uri)
  const material = privateKey.export({ type: 'pkcs8', format: 'der' })
  const wrapping: KeyWrapping = parameters.wrapping
  const wrapped = wrapKeyMaterial(material, wrapping, parsePublicKeySpki(parameters.wrappingKey))
  return { uri, wrapped, parameters, publicKey: fromKeyObject(privateKey, algorithm) }
}

test.each<readonly [AlgorithmName, KeyObject]>([
  ['ES256', ec('P-256')],
  ['ES384', ec('P-384')],
  ['ES512', ec('P-521')],
  ['PS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
])('a wrapped %s key signs in the token, and does nothing else there', async (name, privateKey) => {
  const provider = openProvider()
  const label = `imported-${name}`

  const uri = await provider.importMaterial(await wrapFor(provider, label, privateKey, name))

  const signer = await provider.open(uri, { algorithm: name })
  const expected = fromKeyObject(privateKey, name)
  expect(verifyMessage(expected, MESSAGE, await signer.sign(MESSAGE))).toBe(true)
  const keys = await readPrivateKeys(hsm, token)
  expect(keys).toContain(`${label} sensitive sign`)
  expect(keys.filter((text) => text.startsWith('countersign-wrapping-key'))).toEqual([])
})

test('a key that is not the expected one is destroyed again', async () => {
  const provider = openProvider()
  const request = await wrapFor(provider, 'forged', ec('P-256'))

  const forged = { ...request, publicKey: fromKeyObject(ec('P-256')) }

  expect(await codeOfAsync(() => provider.importMaterial(forged))).toBe('ERR_KEY_INVALID')
  const keys = await readPrivateKeys(hsm, token)
  expect(keys.filter((text) => text.startsWith('forged'))).toEqual([])
  // The wrapping key unwraps and does nothing else; it waits for the right key.
  expect(keys).toContain('countersign-wrapping-key sensitive unwrap')
  await expect(provider.importMaterial(request)).resolves.toBeDefined()
})

test('a damaged key, a key for another token and a taken name are refused', async () => {
  const provider = openProvider()
  const request = await wrapFor(provider, 'refused', ec('P-256'))
  const flipped = (index: number): MaterialImport => {
    const wrapped = Buffer.from(request.wrapped)
    wrapped[index] = (wrapped[index] ?? 0) ^ 1
    return { ...request, wrapped }
  }

  const refusals = [flipped(10), flipped(390), { ...request, wrapped: Buffer.alloc(0) }]
  for (const refused of refusals) {
    expect(await codeOfAsync(() => provider.importMaterial(refused))).toBe('ERR_KEY_INVALID')
  }
  const elsewhere = openProvider(other.pin)
  const moved = { ...request, uri: other.uriFor('refused') }
  expect(await codeOfAsync(() => elsewhere.importMaterial(moved))).toBe('ERR_KEY_INVALID')
  await provider.importMaterial(request)
  expect(await codeOfAsync(() => provider.importMaterial(request))).toBe('ERR_KEY_EXISTS')
})
