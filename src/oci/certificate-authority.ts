/** Certificate authorities beyond those Node trusts. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { X509Certificate } from 'node:crypto'
import { findPemBlocks } from '../crypto/pem.ts'
import { CountersignError } from '../errors.ts'

/**
 * Makes every later TLS connection of this process trust the certificates in a PEM text, beside those
 * it trusts already. For composition roots: fetch takes certificates in no other way.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — no certificate in the text, or a malformed one
 */
export function trustCertificateAuthority(pem: string): void {
  const blocks = findPemBlocks(pem).filter(({ label }) => label === 'CERTIFICATE')
  const certificates = blocks.map(({ text }) => text)
  if (certificates.length === 0) throw invalid('it holds no certificate in PEM')
  for (const certificate of certificates) assertParses(certificate)
  setDefaultCACertificates([...getCACertificates('default'), ...certificates])
}

function assertParses(certificate: string): void {
  try {
    new X509Certificate(certificate)
  } catch (cause) {
    throw invalid('a certificate in it is malformed', cause)
  }
}

function invalid(why: string, cause?: unknown): CountersignError {
  return new CountersignError(
    'ERR_CONFIG_INVALID',
    `cannot use the certificate authority: ${why}`,
    {
      hint: 'give the PEM file of the authority that issued the certificate of the registry',
      cause,
    },
  )
}
