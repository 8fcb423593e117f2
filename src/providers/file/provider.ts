/**
 * Keys in PEM files of this machine, for development and small teams.
 *
 * @packageDocumentation
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { assertNotCancelled } from '../../cancellation.ts'
import type { AlgorithmName } from '../../crypto/algorithms.ts'
import { fromKeyObject, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import { hasErrno, readFileBounded } from '../../files.ts'
import { createSigner, type Signer } from '../../signing/signer.ts'
import type { KeyUri } from '../key-uri.ts'
import { disposedProvider, type KeyDiagnostics, type KeyProvider } from '../provider.ts'
import { parsePublicKeyText } from '../public-key-text.ts'
import { createFileBackend } from './backend.ts'
import { diagnoseKeyFile } from './diagnose.ts'
import { writeNewKey } from './new-key.ts'
import {
  isPrivateKeyPem,
  type KeyFile,
  parsePrivateKeyPem,
  type ReadPassphrase,
} from './private-key.ts'

const MAX_KEY_FILE_BYTES = 64 * 1024

/** Where passphrases come from; the provider never looks at the environment or a terminal itself. */
export interface FileProviderOptions {
  /** Passphrase of an encrypted key that is to be read. */
  readonly readPassphrase: ReadPassphrase
  /** Passphrase a new key is encrypted with; without one, or where it finds none, it is not. */
  readonly readNewPassphrase?: ReadPassphrase
}

/**
 * Opens private keys as `file:key.pem` and describes public ones too (PEM or JWK). A new key is
 * written beside its public half: `key.pem` (mode 0600) and `key.pub`, neither over an old file.
 */
export function createFileProvider(options: FileProviderOptions): KeyProvider & KeyDiagnostics {
  let isDisposed = false

  function filePath(uri: KeyUri, signal: AbortSignal | undefined): string {
    if (isDisposed) throw disposedProvider('file')
    assertNotCancelled(signal)
    if (uri.scheme !== 'file')
      throw new TypeError(`a file: reference is needed, not ${uri.scheme}:`)
    return uri.path
  }

  async function readPrivate(file: KeyFile): Promise<KeyObject> {
    if (isPrivateKeyPem(file.pem)) return parsePrivateKeyPem(file, options.readPassphrase)
    throw new CountersignError('ERR_KEY_INVALID', `"${file.path}" holds no private key`, {
      hint: 'signing needs the private key file; a public key only verifies',
    })
  }

  async function describe(path: string, algorithm?: AlgorithmName): Promise<PublicKeyInfo> {
    const file = await readKeyFile(path)
    if (!isPrivateKeyPem(file.pem)) return parsePublicKeyText(file.pem, algorithm)
    return publicHalf(await readPrivate(file), algorithm)
  }

  async function open(path: string, algorithm?: AlgorithmName): Promise<Signer> {
    const privateKey = await readPrivate(await readKeyFile(path))
    const key = publicHalf(privateKey, algorithm)
    return createSigner(key, createFileBackend(key.algorithm, privateKey))
  }

  return {
    async describe(uri, { algorithm, signal } = {}) {
      return describe(filePath(uri, signal), algorithm)
    },
    async open(uri, { algorithm, signal } = {}) {
      return open(filePath(uri, signal), algorithm)
    },
    async create(request) {
      const path = filePath(request.uri, request.signal)
      await writeNewKey(path, request, options.readNewPassphrase)
      return request.uri
    },
    async diagnose(uri, { algorithm, signal } = {}) {
      const path = filePath(uri, signal)
      return diagnoseKeyFile(path, {
        describe: () => describe(path, algorithm),
        open: () => open(path, algorithm),
      })
    },
    [Symbol.asyncDispose]() {
      isDisposed = true
      return Promise.resolve()
    },
  }
}

function publicHalf(privateKey: KeyObject, algorithm: string | undefined): PublicKeyInfo {
  return fromKeyObject(createPublicKey(privateKey), algorithm)
}

async function readKeyFile(path: string): Promise<KeyFile> {
  try {
    const bytes = await readFileBounded(path, MAX_KEY_FILE_BYTES)
    return { path, pem: Buffer.from(bytes).toString('utf8') }
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
    throw new CountersignError('ERR_KEY_NOT_FOUND', `no key file "${path}"`, {
      hint: `check the path, or make the key: countersign key create file:${path}`,
      cause: error,
    })
  }
}
