/** The certificate and the private key of the service itself, as the configuration names them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { findPemBlocks, type PemBlock } from '../../crypto/pem.ts'
import { CountersignError } from '../../errors.ts'
import { readFileBounded } from '../../files.ts'
import type { FileContents } from '../../basics/renewal.ts'

/** What TLS needs, PEM. */
export interface TlsFiles extends FileContents {
  readonly cert: Uint8Array
  readonly key: Uint8Array
}

const MAX_PEM_BYTES = 256 * 1024

/**
 * Reads both files and makes sure that they go together, so that a mix-up is found at the start.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — one is missing or malformed, or the key is not the
 * certificate's; ERR_FILE_READ
 */
export async function readTlsFiles(paths: {
  readonly certificate: string | undefined
  readonly key: string | undefined
}): Promise<TlsFiles> {
  const { certificate, key } = paths
  if (certificate === undefined || key === undefined) {
    const missing = certificate === undefined ? 'certificate' : 'key'
    throw invalid(`serve.tls has no ${missing}`, 'name both files: serve.tls.certificate and .key')
  }
  const cert = await readFileBounded(certificate, MAX_PEM_BYTES)
  const bytes = await readFileBounded(key, MAX_PEM_BYTES)
  const leaf = readCertificate(cert, certificate)
  if (leaf.checkPrivateKey(readPrivateKey(bytes, key))) {
    assertChain(cert, certificate)
    return { cert, key: bytes }
  }
  throw invalid(
    `the private key "${key}" (serve.tls.key) is not that of the certificate "${certificate}"`,
    'name the files that were made together; in a chain, the certificate of the service comes first',
  )
}

function readCertificate(bytes: Uint8Array, path: string): X509Certificate {
  try {
    return new X509Certificate(bytes)
  } catch (cause) {
    const message = `"${path}" (serve.tls.certificate) holds no certificate`
    throw invalid(message, 'it must be PEM: -----BEGIN CERTIFICATE-----', cause)
  }
}

/** A file that was cut off behind its first certificate is not a chain that clients can follow. */
function assertChain(bytes: Uint8Array, path: string): void {
  const text = Buffer.from(bytes).toString('latin1')
  const begun = text.split('-----BEGIN ').length - 1
  const blocks = findPemBlocks(text)
  if (blocks.length === begun && blocks.every(isSound)) return
  throw invalid(
    `"${path}" (serve.tls.certificate) holds a certificate that is malformed or cut off`,
    'it must hold the whole chain in PEM',
  )
}

function isSound({ label, text }: PemBlock): boolean {
  if (label !== 'CERTIFICATE') return true
  try {
    return new X509Certificate(text).raw.length > 0
  } catch {
    return false
  }
}

function readPrivateKey(bytes: Uint8Array, path: string): KeyObject {
  try {
    return createPrivateKey(Buffer.from(bytes))
  } catch (cause) {
    const message = `"${path}" (serve.tls.key) holds no private key that can be read`
    throw invalid(
      message,
      'it must be PEM and without a passphrase, readable by the service alone',
      cause,
    )
  }
}

function invalid(message: string, hint: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', message, { hint, cause })
}
