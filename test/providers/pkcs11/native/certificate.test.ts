import { createPublicKey } from 'node:crypto'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { fromKeyObject } from '../../../../src/crypto/public-key.ts'
import { verifyMessage } from '../../../../src/crypto/verify.ts'
import { createInProcess } from '../../../support/cryptoki.ts'
import { createSoftHsm } from '../../../support/softhsm.ts'
import {
  addCertificate,
  type CertifiedKey,
  makeCertifiedKey,
  removePublicHalf,
} from '../../../support/token-objects.ts'

const hsm = createSoftHsm(['card'])
const [token] = hsm.tokens
const { pin, uriFor } = token
afterAll(hsm.remove)

const MESSAGE = Buffer.from('message')
const EC = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256']
const SECP256K1 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:secp256k1']
const RSA = ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']

/** Brings the private half of a key alone onto the token. */
async function importPrivateHalf(key: CertifiedKey, label: string, id: string): Promise<void> {
  hsm.importKey(token, key.privateKey, label, id)
  await removePublicHalf(hsm, token, label)
}

/** Closed, and so logged out, when the test ends. */
function openProvider(readPin = () => Promise.resolve<string | undefined>(pin)) {
  const provider = createInProcess({ readPin })
  onTestFinished(() => provider[Symbol.asyncDispose]())
  return provider
}

function kidOf({ privateKey }: CertifiedKey): string {
  return fromKeyObject(createPublicKey(privateKey)).kid
}

test.each([
  ['an EC', 'ec', '01', EC],
  ['an RSA', 'rsa', '02', RSA],
  ['an Ed25519', 'ed', '03', ['-algorithm', 'ED25519']],
])('%s key signs whose public half is only in a certificate', async (_, label, id, genpkey) => {
  const made = makeCertifiedKey(...genpkey)
  await importPrivateHalf(made, label, id)
  await addCertificate(hsm, token, { label: 'by another name', id, der: made.certificate })

  const signer = await openProvider().open(uriFor(label))
  const signature = await signer.sign(MESSAGE)

  expect(signer.key.kid).toBe(kidOf(made))
  expect(verifyMessage(signer.key, MESSAGE, signature)).toBe(true)
})

test('a certificate without an id is found by its label', async () => {
  const made = makeCertifiedKey(...EC)
  await importPrivateHalf(made, 'labelled', '10')
  await addCertificate(hsm, token, { label: 'labelled', id: '', der: made.certificate })

  expect((await openProvider().open(uriFor('labelled'))).key.kid).toBe(kidOf(made))
})

test('a certificate of another id is not that of the key, whatever its label', async () => {
  await importPrivateHalf(makeCertifiedKey(...EC), 'foreign', '11')
  const { certificate: der } = makeCertifiedKey(...EC)
  await addCertificate(hsm, token, { label: 'foreign', id: '12', der })

  await expect(openProvider().open(uriFor('foreign'))).rejects.toMatchObject({
    code: 'ERR_KEY_NOT_FOUND',
    details: { cause: 'public-half-missing', layer: 'key' },
    hint: expect.stringContaining('certificate') as string,
  })
})

test('the certificate alone is read without a PIN', async () => {
  const made = makeCertifiedKey(...EC)
  await importPrivateHalf(made, 'shown', '13')
  await addCertificate(hsm, token, { label: 'shown', id: '13', der: made.certificate })
  const provider = openProvider(() => Promise.reject(new Error('asked for a PIN')))

  expect((await provider.describe(uriFor('shown'))).kid).toBe(kidOf(made))
})

test('several certificates of one key count as one', async () => {
  const made = makeCertifiedKey(...EC)
  await importPrivateHalf(made, 'renewed', '14')
  for (const label of ['old', 'new']) {
    await addCertificate(hsm, token, { label, id: '14', der: made.certificate })
  }

  expect((await openProvider().open(uriFor('renewed'))).key.kid).toBe(kidOf(made))
  expect((await openProvider().describe(uriFor('renewed'))).kid).toBe(kidOf(made))
})

test('certificates of one id and different keys are refused', async () => {
  const made = makeCertifiedKey(...EC)
  await importPrivateHalf(made, 'mixed', '15')
  for (const { certificate: der } of [made, makeCertifiedKey(...EC)]) {
    await addCertificate(hsm, token, { label: 'mixed', id: '15', der })
  }

  await expect(openProvider().open(uriFor('mixed'))).rejects.toMatchObject({
    code: 'ERR_KEY_URI_INVALID',
    message: 'the certificates are of different keys',
    details: { cause: 'certificates-differ', layer: 'key' },
  })
})

test('a certificate of another key releases no signature', async () => {
  await importPrivateHalf(makeCertifiedKey(...EC), 'wrong', '16')
  const { certificate: der } = makeCertifiedKey(...EC)
  await addCertificate(hsm, token, { label: 'wrong', id: '16', der })

  const signer = await openProvider().open(uriFor('wrong'))

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
})

test('an RSA key is identified by its own numbers, whatever a certificate says', async () => {
  const made = makeCertifiedKey(...RSA)
  await importPrivateHalf(made, 'own-numbers', '17')
  const { certificate: der } = makeCertifiedKey(...RSA)
  await addCertificate(hsm, token, { label: 'own-numbers', id: '17', der })

  expect((await openProvider().open(uriFor('own-numbers'))).key.kid).toBe(kidOf(made))
})

test.each<[string, string, () => Uint8Array]>([
  ['of another type', '18', () => makeCertifiedKey(...RSA).certificate],
  [
    'with bytes after it',
    '19',
    () => Buffer.concat([makeCertifiedKey(...EC).certificate, MESSAGE]),
  ],
  ['that is cut off', '1a', () => makeCertifiedKey(...EC).certificate.subarray(0, 100)],
  ['with an unsupported curve', '1b', () => makeCertifiedKey(...SECP256K1).certificate],
])('a certificate %s is refused for good', async (why, id, make) => {
  await importPrivateHalf(makeCertifiedKey(...EC), why, id)
  await addCertificate(hsm, token, { label: why, id, der: make() })

  const signed = openProvider()
    .open(uriFor(why))
    .then((signer) => signer.sign(MESSAGE))

  await expect(signed).rejects.toMatchObject({ code: 'ERR_KEY_INVALID', retryable: false })
})

test('a certificate of a smaller key releases no signature', async () => {
  const p384 = ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']
  await importPrivateHalf(makeCertifiedKey(...p384), 'larger', '1c')
  const { certificate: der } = makeCertifiedKey(...EC)
  await addCertificate(hsm, token, { label: 'larger', id: '1c', der })

  const signer = await openProvider().open(uriFor('larger'))

  await expect(signer.sign(MESSAGE)).rejects.toMatchObject({ code: 'ERR_PROVIDER_FAULT' })
})
