/** Key material that a token unwraps. */
import type { KeyUri } from '../key-uri.ts'
import type { MaterialImporter } from '../key-material.ts'
import type { TokenCaller } from './calls.ts'
import type { Pkcs11Uri } from './uri.ts'

/** How references become those of a token, with the path of its module, and those that are kept. */
export interface TokenReferences {
  readonly admit: (uri: KeyUri, signal: AbortSignal | undefined) => Promise<Pkcs11Uri>
  readonly toKept: (uri: KeyUri) => Pkcs11Uri
}

/** Imports keys with a wrapping key pair that the token makes for each. */
export function createMaterialImporter(
  caller: TokenCaller,
  { admit, toKept }: TokenReferences,
): MaterialImporter {
  return {
    async importParameters(given, { signal } = {}) {
      const uri = await admit(given, signal)
      const made = await caller.call('importParameters', { uri }, signal)
      return { wrapping: 'RSA_AES_KEY_WRAP_SHA_1', validUntil: undefined, ...made }
    },
    async importMaterial({ uri: given, wrapped, parameters, publicKey, signal }) {
      const uri = await admit(given, signal)
      const plain = { spki: publicKey.spki, algorithm: publicKey.algorithm.name }
      const asked = { uri, wrapped, token: parameters.token, publicKey: plain }
      return { ...toKept(given), id: await caller.call('importMaterial', asked, signal) }
    },
  }
}
