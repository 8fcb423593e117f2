/**
 * Private keys in PEM (RFC 7468): PKCS#8, encrypted or not (RFC 5958), and the older EC (RFC 5915) and
 * RSA (RFC 8017 appendix A.1.2) forms that OpenSSL writes.
 *
 * @packageDocumentation
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { findPemBlocks } from '../../crypto/pem.ts'
import { CountersignError } from '../../errors.ts'

/** Finds the passphrase of one encrypted key file; undefined where none is available. */
export type ReadPassphrase = (path: string) => Promise<string | undefined>

const READABLE = ['PRIVATE KEY', 'ENCRYPTED PRIVATE KEY', 'EC PRIVATE KEY', 'RSA PRIVATE KEY']

/** Whether a PEM text holds a private key of any kind, readable here or not. */
export function isPrivateKeyPem(pem: string): boolean {
  return /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(pem)
}

/** A private key as stored in a file. */
export interface KeyFile {
  readonly path: string
  readonly content: Uint8Array
  /** The content as text, without a byte order mark. */
  readonly pem: string
}

/**
 * Reads the one private key of a PEM file. Asks for a passphrase only where the key is encrypted, and
 * once.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — not one key in a form that can be read;
 * ERR_PASSPHRASE_WRONG — wrong, or needed and not given
 */
export async function parsePrivateKeyPem(
  file: Pick<KeyFile, 'path' | 'pem'>,
  readPassphrase: ReadPassphrase,
): Promise<KeyObject> {
  const block = findPrivateKey(file)
  // PKCS#8 says so in its label, the older forms in a header (RFC 1421 section 4.6.1.1).
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: *4,ENCRYPTED/m.test(block)) {
    return decrypt(block, file.path, await readPassphrase(file.path))
  }
  try {
    return createPrivateKey(block)
  } catch (cause) {
    const message = `"${file.path}" does not hold a private key that can be read`
    throw new CountersignError('ERR_KEY_INVALID', message, { cause })
  }
}

function findPrivateKey({ path, pem }: Pick<KeyFile, 'path' | 'pem'>): string {
  const blocks = findPemBlocks(pem).filter(({ label }) => label.endsWith('PRIVATE KEY'))
  const [block] = blocks
  if (block === undefined || blocks.length !== 1) {
    throw new CountersignError(
      'ERR_KEY_INVALID',
      `expected one private key in "${path}", found ${blocks.length}`,
    )
  }
  if (READABLE.includes(block.label)) return block.text
  throw new CountersignError('ERR_KEY_INVALID', `"${path}" holds a key as ${block.label}`, {
    hint: 'a PKCS#8 key is needed (PRIVATE KEY or ENCRYPTED PRIVATE KEY)',
  })
}

function decrypt(block: string, path: string, passphrase: string | undefined): KeyObject {
  if (passphrase === undefined) {
    throw new CountersignError('ERR_PASSPHRASE_WRONG', `"${path}" is encrypted`, {
      hint: 'give its passphrase in COUNTERSIGN_PASSPHRASE',
      reason: 'passphrase-missing',
      details: { path },
    })
  }
  try {
    return createPrivateKey({ key: block, passphrase })
  } catch (cause) {
    // A wrong passphrase sometimes decrypts to noise with valid padding: OpenSSL then finds "no key".
    throw new CountersignError('ERR_PASSPHRASE_WRONG', `the passphrase does not open "${path}"`, {
      hint: 'check the passphrase; if it is right, the file is damaged',
      details: { path },
      cause,
    })
  }
}
