/**
 * Key files on disk: read, made so that making can be repeated, removed.
 *
 * @packageDocumentation
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { dirname } from 'node:path'
import type { AlgorithmName } from '../../crypto/algorithms.ts'
import { fromKeyObject, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import {
  hasErrno,
  makePrivateFolder,
  readFileBounded,
  removeFile,
  removeHalfWritten,
} from '../../files.ts'
import { createSigner, type Signer } from '../../signing/signer.ts'
import type { CreateOnceRequest } from '../key-lifecycle.ts'
import { findForeignPrivateKey, findForeignPublicKey } from '../foreign-keys.ts'
import { fileSource, namingSource } from '../key-source.ts'
import { parsePublicKeyText } from '../public-key-text.ts'
import { createFileBackend } from './backend.ts'
import { writeNewKey, writePublicHalf } from './new-key.ts'
import {
  isPrivateKeyPem,
  type KeyFile,
  parsePrivateKeyPem,
  type ReadPassphrase,
} from './private-key.ts'
import { publicKeyPath } from './public-key-path.ts'

const MAX_KEY_FILE_BYTES = 64 * 1024

/** Where passphrases come from; the provider never looks at the environment or a terminal itself. */
export interface FileProviderOptions {
  /** Passphrase of an encrypted key that is to be read. */
  readonly readPassphrase: ReadPassphrase
  /** Passphrase a new key is encrypted with; without one, or where it finds none, it is not. */
  readonly readNewPassphrase?: ReadPassphrase
}

/** Reads and writes key files, with the passphrases it is given. */
export class KeyFiles {
  readonly #options: FileProviderOptions

  constructor(options: FileProviderOptions) {
    this.#options = options
  }

  /** Reads the public half of a private key, or a public key. */
  async describe(path: string, algorithm?: AlgorithmName): Promise<PublicKeyInfo> {
    const file = await readKeyFile(path)
    return namingSource(fileSource(path), file.content, findForeignPublicKey, async () =>
      isPrivateKeyPem(file.pem)
        ? publicHalf(await this.#readPrivate(file), algorithm)
        : parsePublicKeyText(file.pem, algorithm),
    )
  }

  /** Opens a private key for signing. */
  async open(path: string, algorithm?: AlgorithmName): Promise<Signer> {
    const file = await readKeyFile(path)
    return namingSource(fileSource(path), file.content, findForeignPrivateKey, async () => {
      const privateKey = await this.#readPrivate(file)
      const key = publicHalf(privateKey, algorithm)
      return createSigner(key, createFileBackend(key.algorithm, privateKey))
    })
  }

  /** Creates a key file, and its folder; if called again, it keeps the existing file and restores its public key. */
  async createOnce(path: string, request: CreateOnceRequest): Promise<void> {
    const made = request.isRepeated ? await this.#findUnfinished(path) : undefined
    if (made !== undefined) {
      await writePublicHalf(path, publicHalf(made, request.algorithm))
      return
    }
    await makePrivateFolder(dirname(path))
    await writeNewKey(path, request, this.#options.readNewPassphrase)
  }

  /** Removes a private key; its public half stays. */
  async destroy(path: string, publicKey: PublicKeyInfo): Promise<void> {
    const found = await this.#findPrivate(path)
    if (found === undefined) return
    assertSameKey(path, publicHalf(found, publicKey.algorithm.name), publicKey)
    await removeFile(path)
  }

  async #readPrivate(file: KeyFile): Promise<KeyObject> {
    if (isPrivateKeyPem(file.pem)) return parsePrivateKeyPem(file, this.#options.readPassphrase)
    throw new CountersignError('ERR_KEY_INVALID', `"${file.path}" holds no private key`, {
      hint: 'signing needs the private key file; a public key only verifies',
    })
  }

  /** Finds what an interrupted making left, and removes the temporary names that it had. */
  async #findUnfinished(path: string): Promise<KeyObject | undefined> {
    // One may be a second name of the private key, which would outlive its destruction.
    await removeHalfWritten(path)
    await removeHalfWritten(publicKeyPath(path))
    return this.#findPrivate(path)
  }

  async #findPrivate(path: string): Promise<KeyObject | undefined> {
    try {
      return await this.#readPrivate(await readKeyFile(path))
    } catch (error) {
      if (CountersignError.is(error, 'ERR_KEY_NOT_FOUND')) return undefined
      throw error
    }
  }
}

function publicHalf(privateKey: KeyObject, algorithm: string | undefined): PublicKeyInfo {
  return fromKeyObject(createPublicKey(privateKey), algorithm)
}

function assertSameKey(path: string, found: PublicKeyInfo, expected: PublicKeyInfo): void {
  if (found.kid === expected.kid) return
  throw new CountersignError('ERR_PROVIDER_FAULT', `"${path}" now holds another key`, {
    hint: 'nothing was removed; look for who replaced the file',
    details: { expected: expected.kid, found: found.kid },
  })
}

async function readKeyFile(path: string): Promise<KeyFile> {
  try {
    const bytes = await readFileBounded(path, MAX_KEY_FILE_BYTES)
    const pem = Buffer.from(bytes)
      .toString('utf8')
      .replace(/^\uFEFF/, '')
    return { path, content: bytes, pem }
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error
    throw new CountersignError('ERR_KEY_NOT_FOUND', `no key file "${path}"`, {
      hint: 'check the path, or create the key',
      reason: 'key-file-missing',
      details: { path },
      cause: error,
    })
  }
}
