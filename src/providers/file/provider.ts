/**
 * Keys in PEM files of this machine, for development and small teams.
 *
 * @packageDocumentation
 */
import { assertNotCancelled } from '../../basics/cancellation.ts'
import type { AccessCheck, KeyDestroyer, NameCheck, RepeatableCreation } from '../key-lifecycle.ts'
import type { KeyUri } from '../key-uri.ts'
import {
  disposedProvider,
  type KeyDiagnostics,
  type KeyProvider,
  wrongScheme,
} from '../provider.ts'
import { diagnoseKeyFile, readPermissions } from './diagnose.ts'
import { type FileProviderOptions, KeyFiles } from './key-files.ts'
import { assertNewKey, writeNewKey } from './new-key.ts'

/**
 * Opens private keys as `file:key.pem` and describes public ones too (PEM or JWK). A new key is
 * written beside its public half: `key.pem` (mode 0600) and `key.pub`, neither over an old file.
 */
export function createFileProvider(
  options: FileProviderOptions,
): KeyProvider & KeyDiagnostics & AccessCheck & NameCheck & RepeatableCreation & KeyDestroyer {
  let isDisposed = false

  function filePath(uri: KeyUri, signal: AbortSignal | undefined): string {
    if (isDisposed) throw disposedProvider('file')
    assertNotCancelled(signal)
    if (uri.scheme !== 'file') throw wrongScheme('file', uri)
    return uri.path
  }

  const keys = new KeyFiles(options)

  return {
    async describe(uri, { algorithm, signal } = {}) {
      return keys.describe(filePath(uri, signal), algorithm)
    },
    async open(uri, { algorithm, signal } = {}) {
      return keys.open(filePath(uri, signal), algorithm)
    },
    async create(request) {
      const path = filePath(request.uri, request.signal)
      await writeNewKey(path, request, options.readNewPassphrase)
      return request.uri
    },
    async assertPrivate(uri) {
      await readPermissions(filePath(uri, undefined))
    },
    async assertFree(uri) {
      await assertNewKey(filePath(uri, undefined))
    },
    async createOnce(request) {
      await keys.createOnce(filePath(request.uri, request.signal), request)
      return request.uri
    },
    async destroy({ uri, publicKey }) {
      await keys.destroy(filePath(uri, undefined), publicKey)
      return { effectiveAt: undefined }
    },
    async diagnose(uri, { algorithm, signal } = {}) {
      const path = filePath(uri, signal)
      return diagnoseKeyFile(path, {
        describe: () => keys.describe(path, algorithm),
        open: () => keys.open(path, algorithm),
      })
    },
    [Symbol.asyncDispose]() {
      isDisposed = true
      return Promise.resolve()
    },
  }
}
