/**
 * How a command opens keys: by reference or by name, with the secrets of its options, and all closed
 * again at its end (`await using keys = openKeys(…)`). A provider is loaded when the first key of its
 * kind is used.
 *
 * @packageDocumentation
 */
import { assertUse } from '../src/config/named-key.ts'
import type { PublicKeyInfo } from '../src/crypto/public-key.ts'
import { CountersignError } from '../src/errors.ts'
import type { KeyUri } from '../src/providers/key-uri.ts'
import type { KeyProvider, OpenKeyOptions } from '../src/providers/provider.ts'
import type { Signer } from '../src/signing/signer.ts'
import type { ConfigFlags } from './configuration.ts'
import { type ChosenKey, KeyNames, pinnedOptions } from './key-names.ts'
import type { CommandEnvironment } from './run.ts'
import { createSecretSources, type SecretFlags } from './secrets.ts'

/** The keys of one command. */
export interface CommandKeys extends AsyncDisposable {
  /** Finds out what a reference or a name stands for; nothing is opened. */
  find(reference: string): Promise<ChosenKey>
  /** Opens a key for signing artifacts. */
  open(reference: string, options?: OpenKeyOptions): Promise<Signer>
  /** Reads a public key, of any form of reference. */
  describe(reference: string, options?: OpenKeyOptions): Promise<PublicKeyInfo>
  /** The provider behind a reference, for what goes beyond opening: creating, diagnosing. */
  provider(uri: KeyUri): Promise<KeyProvider>
}

/** Prepares the opening of keys; nothing is loaded or asked for yet. */
export function openKeys(
  environment: CommandEnvironment,
  flags: SecretFlags & ConfigFlags,
): CommandKeys {
  const names = new KeyNames(environment, flags)
  const secrets = createSecretSources(environment, flags, (path) => names.readPassphrase(path))
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

  function explain(reference: string): (error: unknown) => Promise<never> {
    return async (error) => {
      throw await names.explainMissing(reference, error)
    }
  }

  return {
    provider,
    find: (reference) => names.find(reference),
    open: async (reference, options) => {
      const chosen = await names.find(reference)
      if (chosen.named !== undefined) assertUse(chosen.named, 'artifact')
      const pinned = pinnedOptions(chosen, { signal, ...options })
      return (await provider(chosen.uri)).open(chosen.uri, pinned).catch(explain(reference))
    },
    describe: async (reference, options) => {
      const chosen = await names.find(reference)
      const pinned = pinnedOptions(chosen, { signal, ...options })
      return (await provider(chosen.uri)).describe(chosen.uri, pinned).catch(explain(reference))
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
