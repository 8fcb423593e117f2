/** The files that a PostgreSQL address names: the authority of the server, the client's own certificate and key. */
import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { findPemBlocks } from '../../crypto/pem.ts'
import { CountersignError } from '../../errors.ts'
import { readFileBounded } from '../../files.ts'
import type { FileContents } from '../../basics/renewal.ts'

/** Paths by what each file is for. */
export interface DatabaseTlsPaths {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

/** What the files hold, PEM. */
export interface DatabaseTls extends FileContents {
  readonly ca: Uint8Array | undefined
  readonly cert: Uint8Array | undefined
  readonly key: Uint8Array | undefined
}

const MAX_PEM_BYTES = 1024 * 1024

/**
 * Reads the files and makes sure that connections can be made with them.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — a file cannot be read, holds no PEM, or the key is not
 * that of the certificate
 */
export async function readDatabaseTls(paths: DatabaseTlsPaths): Promise<DatabaseTls> {
  const read = async (name: string, path: string | undefined): Promise<Uint8Array | undefined> =>
    path === undefined
      ? undefined
      : readFileBounded(path, MAX_PEM_BYTES).catch((cause: unknown) => {
          throw invalid(`${name} "${path}" cannot be read`, cause)
        })
  const ca = await read('sslrootcert', paths.ca)
  const cert = await read('sslcert', paths.cert)
  const key = await read('sslkey', paths.key)
  if (ca !== undefined) assertCertificates(ca, paths.ca ?? '')
  assertPair(cert, key)
  return { ca, cert, key }
}

/** A bundle that was cut off must not pass for a shorter one. */
function assertCertificates(bytes: Uint8Array, path: string): void {
  const text = Buffer.from(bytes).toString('latin1')
  const blocks = findPemBlocks(text).filter(({ label }) => label === 'CERTIFICATE')
  try {
    for (const block of blocks) new X509Certificate(block.text)
  } catch (cause) {
    throw invalid(`sslrootcert "${path}" holds a malformed certificate`, cause)
  }
  if (blocks.length === 0) throw invalid(`sslrootcert "${path}" holds no certificate in PEM`)
}

function assertPair(cert: Uint8Array | undefined, key: Uint8Array | undefined): void {
  const name = cert === undefined ? 'sslkey' : 'sslcert'
  if ((cert === undefined) !== (key === undefined)) {
    throw invalid(`${name} is given without ${name === 'sslkey' ? 'sslcert' : 'sslkey'}`)
  }
  if (cert === undefined || key === undefined) return
  try {
    createSecureContext({ cert: Buffer.from(cert), key: Buffer.from(key) })
  } catch (cause) {
    throw invalid('sslkey is not the private key of sslcert, or one of them is not PEM', cause)
  }
}

function invalid(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', `cannot use the store: ${why}`, {
    hint: 'sslrootcert, sslcert and sslkey of the address name PEM files that the service can read',
    cause,
  })
}
