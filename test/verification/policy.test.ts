import { expect, test } from 'vitest'
import type { CertificateSigner } from '../../src/verification/evidence.ts'
import { assertIdentity, SIGNATURE_POLICY } from '../../src/verification/policy.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'

const signer: CertificateSigner = {
  key: testSigner().key,
  subjectAlternativeName: 'https://example.com/acme/release.yml@refs/heads/main',
  issuer: 'https://issuer.example.com',
}

const verdict = (subjectAlternativeName: string, issuer: string): string =>
  codeOf(() => {
    assertIdentity(signer, { ...SIGNATURE_POLICY, identity: { subjectAlternativeName, issuer } })
  })

test('a certificate counts for exactly the identity and issuer asked for', () => {
  expect(verdict(signer.subjectAlternativeName, signer.issuer)).toBe('accepted')
  expect(verdict('https://example.com/acme', signer.issuer)).toBe('ERR_IDENTITY_MISMATCH')
  expect(verdict('.*', signer.issuer)).toBe('ERR_IDENTITY_MISMATCH')
  expect(verdict(signer.subjectAlternativeName, 'https://issuer.example.com.evil')).toBe(
    'ERR_IDENTITY_MISMATCH',
  )
})

test('no certificate counts unless an identity was requested', () => {
  const refuse = (): void => {
    assertIdentity(signer, SIGNATURE_POLICY)
  }
  expect(codeOf(refuse)).toBe('ERR_IDENTITY_MISMATCH')
})
