import { X509Certificate } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  type Extension,
  KeyUsage,
} from '@peculiar/asn1-x509'
import { expect, test } from 'vitest'
import { parseTimestampChain } from '../../src/timestamp/chain.ts'
import { issueTimestampChain } from '../../src/timestamp/certificates.ts'
import { codeOf } from '../support/errors.ts'
import { testSigner } from '../support/signers.ts'
import { createTestAuthority, testChain } from '../support/time-stamps.ts'

function extensionOf(pem: string, id: string): Extension | undefined {
  const { tbsCertificate } = AsnConvert.parse(new X509Certificate(pem).raw, Certificate)
  return tbsCertificate.extensions?.find(({ extnID }) => extnID === id)
}

test.each(['ES256', 'ES384', 'ES512', 'RS256'] as const)(
  '%s: the leaf is for the key, signed by a root that signs itself',
  (algorithm) => {
    const { leaf, root, signer } = createTestAuthority(algorithm)
    const [leafCertificate, rootCertificate] = [
      new X509Certificate(leaf),
      new X509Certificate(root),
    ]

    const { publicKey } = leafCertificate
    expect(publicKey.export({ type: 'spki', format: 'der' })).toEqual(Buffer.from(signer.key.spki))
    expect(leafCertificate.verify(rootCertificate.publicKey)).toBe(true)
    expect(leafCertificate.checkIssued(rootCertificate)).toBe(true)
    expect(rootCertificate.verify(rootCertificate.publicKey)).toBe(true)
    expect(rootCertificate.ca).toBe(true)
    expect(leafCertificate.ca).toBe(false)
  },
)

test('the leaf is critically for time stamps alone', () => {
  const { leaf } = createTestAuthority()
  const purpose = extensionOf(leaf, '2.5.29.37')
  const usage = extensionOf(leaf, '2.5.29.15')
  const constraints = extensionOf(leaf, '2.5.29.19')
  if (purpose === undefined || usage === undefined || constraints === undefined) throw new Error()

  expect(purpose.critical).toBe(true)
  const purposes = AsnConvert.parse(purpose.extnValue.buffer, ExtendedKeyUsage)
  expect([...purposes]).toEqual(['1.3.6.1.5.5.7.3.8'])
  expect(usage.critical).toBe(true)
  expect(AsnConvert.parse(usage.extnValue.buffer, KeyUsage).toJSON()).toEqual(['digitalSignature'])
  expect(constraints.critical).toBe(true)
  expect(AsnConvert.parse(constraints.extnValue.buffer, BasicConstraints).cA).toBe(false)
})

test('the root critically signs certificates alone, one step deep', () => {
  const { root } = createTestAuthority()
  const usage = extensionOf(root, '2.5.29.15')
  const constraints = extensionOf(root, '2.5.29.19')
  if (usage === undefined || constraints === undefined) throw new Error()

  expect(AsnConvert.parse(usage.extnValue.buffer, KeyUsage).toJSON()).toEqual(['keyCertSign'])
  const { cA, pathLenConstraint } = AsnConvert.parse(constraints.extnValue.buffer, BasicConstraints)
  expect({ cA, pathLenConstraint }).toEqual({ cA: true, pathLenConstraint: 0 })
})

test('two chains for one key have nothing in common that names them', () => {
  const signer = testSigner('ES256', 'tsa')
  const [first, second] = [testChain(signer, 1), testChain(signer, 2)].map((pem) =>
    parseTimestampChain(pem),
  )

  expect(first?.leaf.serialNumber).not.toBe(second?.leaf.serialNumber)
  expect(first?.leaf.serialNumber.length).toBe(32)
  expect(first?.leaf.subject).toBe('O=sign.example.com\nCN=time stamps by tsa@1')
  expect(second?.leaf.issuer).toBe('O=sign.example.com\nCN=root of tsa@2')
})

test('the whole address of the service is in both certificates, and no name is too long', () => {
  const issuer = `https://${'a'.repeat(60)}.example.com/path`
  const chain = parseTimestampChain(
    issueTimestampChain({
      publicKey: testSigner('ES256', 'tsa').key,
      key: 'k'.repeat(80),
      version: 1,
      issuer,
      notBefore: new Date('2026-01-01T00:00:00.900Z'),
      notAfter: new Date('2061-01-01T00:00:00Z'),
    }),
  )

  for (const der of chain.certificates) {
    const certificate = new X509Certificate(der)
    expect(certificate.subjectAltName).toBe(`URI:${issuer}`)
    expect(certificate.subject.split('\n').every((line) => line.length <= 67)).toBe(true)
  }
  expect(chain.notBefore.toISOString()).toBe('2026-01-01T00:00:00.000Z')
  expect(chain.notAfter.toISOString()).toBe('2061-01-01T00:00:00.000Z')
})

test.each(['PS256', 'EdDSA'] as const)('%s: no unusable certificate is made', (name) => {
  expect(codeOf(() => testChain(testSigner(name)))).toBe('ERR_ALGORITHM_UNSUPPORTED')
})

test('a chain whose links do not hold is refused', () => {
  const { leaf, root } = createTestAuthority()
  const other = createTestAuthority()

  expect(codeOf(() => parseTimestampChain(leaf + root))).toBe('accepted')
  for (const pem of ['', leaf, root + leaf, leaf + other.root, root, root.replace('M', '*')]) {
    expect(codeOf(() => parseTimestampChain(pem))).toBe('ERR_KEY_INVALID')
  }
})
