import { expect, test } from 'vitest'
import {
  assertFingerprint,
  findTrustKey,
  fingerprintOf,
  parseFingerprint,
} from '../../src/client/trust-pin.ts'
import { codeOf } from '../support/errors.ts'
import { signHistory } from '../support/publications.ts'
import { testSigner } from '../support/signers.ts'

const first = testSigner('ES256', 'trust 1')
const second = testSigner('ES384', 'trust 2')
const fingerprint = fingerprintOf(first.key)

test('a fingerprint is read as people copy it', () => {
  const hex = fingerprint.slice(7)
  const colons = hex.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:')

  for (const text of [fingerprint, hex, hex.toUpperCase(), `SHA256:${colons}`, ` ${hex} `]) {
    expect(parseFingerprint(text)).toBe(fingerprint)
  }
  for (const text of ['', 'sha256:', hex.slice(1), `${hex}0`, `sha512:${hex}`]) {
    expect(codeOf(() => parseFingerprint(text))).toBe('ERR_USAGE')
  }
})

test('the trust key that signed is found among those that a publication names', async () => {
  const trustKeys = [first.key, second.key]
  const publication = await signHistory({ sequence: 1, versions: [], trustKeys }, second)

  expect(findTrustKey(publication).kid).toBe(second.key.kid)
})

test('a publication that names no signer of its own pins nothing', async () => {
  const others = await signHistory({ sequence: 1, versions: [], trustKeys: [first.key] }, second)
  const none = await signHistory({ sequence: 1, versions: [] }, second)

  expect(codeOf(() => findTrustKey(others))).toBe('ERR_TRUST_INVALID')
  expect(codeOf(() => findTrustKey(none))).toBe('ERR_TRUST_INVALID')
  expect(codeOf(() => findTrustKey(Buffer.from('{}')))).toBe('ERR_ENVELOPE_INVALID')
})

test('a trust key with another fingerprint is refused', () => {
  expect(
    codeOf(() => {
      assertFingerprint(first.key, fingerprint)
    }),
  ).toBe('accepted')
  expect(
    codeOf(() => {
      assertFingerprint(second.key, fingerprint)
    }),
  ).toBe('ERR_KEY_NOT_TRUSTED')
})
