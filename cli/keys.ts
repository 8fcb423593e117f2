/**
 * How a command opens keys: with the secrets of its options, and all closed again at its end
 * (`await using keys = openKeys(…)`). A provider is loaded when the first key of its kind is used.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../src/crypto/public-key.ts'
import { CountersignError } from '../src/errors.ts'
import { type KeyUri, parseKeyUri } from '../src/providers/key-uri.ts'
import type { KeyProvider, OpenKeyOptions } from '../src/providers/provider.ts'
import type { Signer } from '../src/signing/signer.ts'
import type { CommandEnvironment } from './run.ts'
import { createSecretSources, type SecretFlags } from './secrets.ts'

/** The keys of one command. */
export interface CommandKeys extends AsyncDisposable {
  /** Opens a key for signing. */
  open(reference: string, options?: OpenKeyOptions): Promise<Signer>
  /** Reads a public key, of any form of reference. */
  describe(reference: string, options?: OpenKeyOptions): Promise<PublicKeyInfo>
  /** The provider behind a reference, for what goes beyond opening: creating, diagnosing. */
  provider(uri: KeyUri): Promise<KeyProvider>
}

/** Prepares the opening of keys; nothing is loaded or asked for yet. */
export function openKeys(environment: CommandEnvironment, flags: SecretFlags): CommandKeys {
  const secrets = createSecretSources(environment, flags)
  const { signal } = environment.context
  const opened = new Map<KeyUri['scheme'], Promise<KeyProvider>>()

  function provider(uri: KeyUri): Promise<KeyProvider> {
    const loading = opened.get(uri.scheme) ?? loadProvider(uri)
    opened.set(uri.scheme, loading)
    return loading
  }

  async function loadProvider(uri: KeyUri): Promise<KeyProvider> {
    if (uri.scheme !== 'file') {
      throw new CountersignError('ERR_OPERATION_UNSUPPORTED', `no provider for ${uri.scheme}: keys`)
    }
    const { createFileProvider } = await import('../src/providers/file/provider.ts')
    return createFileProvider(secrets)
  }

  return {
    provider,
    open: async (reference, options) => {
      const uri = parseKeyUri(reference)
      return (await provider(uri)).open(uri, { signal, ...options })
    },
    describe: async (reference, options) => {
      const uri = parseKeyUri(reference)
      return (await provider(uri)).describe(uri, { signal, ...options })
    },
    [Symbol.asyncDispose]: async () => {
      const loaded = await Promise.allSettled(opened.values())
      opened.clear()
      for (const result of loaded) {
        if (result.status === 'fulfilled') await result.value[Symbol.asyncDispose]()
      }
    },
  }
}
