/**
 * How a command opens keys: by reference or by name, with the secrets of its options, and all closed
 * again at its end (`await using keys = openKeys(…)`). A provider is loaded when the first key of its
 * kind is used.
 *
 * @packageDocumentation
 */
import { assertUse } from '../../src/config/named-key.ts'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import type { KeyUse } from '../../src/keys/key.ts'
import type { KeyUri } from '../../src/providers/key-uri.ts'
import { allLoaders } from '../../src/providers/loaders.ts'
import type { KeyProvider, OpenKeyOptions } from '../../src/providers/provider.ts'
import { createProviders } from '../../src/providers/registry.ts'
import type { Signer } from '../../src/signing/signer.ts'
import type { ConfigFlags } from '../configuration.ts'
import { type ChosenKey, KeyNames, pinnedOptions } from './names.ts'
import type { CommandEnvironment } from '../command.ts'
import { createSecretSources, type SecretFlags } from '../terminal/secrets.ts'

/** The keys of one command. */
export interface CommandKeys extends AsyncDisposable {
  /** Finds out what a reference or a name stands for; nothing is opened. */
  find(reference: string): Promise<ChosenKey>
  /** Opens a key. A named one must have one of these uses; default `artifact`. */
  open(reference: string, options?: OpenKeyOptions, uses?: readonly KeyUse[]): Promise<Signer>
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
  const { context } = environment
  const { signal } = context
  const providers = createProviders(allLoaders({ ...context, ...secrets }))

  function explain(reference: string): (error: unknown) => Promise<never> {
    return async (error) => {
      throw await names.explainMissing(reference, error)
    }
  }

  return {
    provider: (uri) => providers.provider(uri),
    find: (reference) => names.find(reference),
    open: async (reference, options, uses = ['artifact']) => {
      const chosen = await names.find(reference)
      if (chosen.named !== undefined) assertUse(chosen.named, ...uses)
      const pinned = pinnedOptions(chosen, { signal, ...options })
      return providers.openKey(chosen.uri, pinned).catch(explain(reference))
    },
    describe: async (reference, options) => {
      const chosen = await names.find(reference)
      const pinned = pinnedOptions(chosen, { signal, ...options })
      return providers.describeKey(chosen.uri, pinned).catch(explain(reference))
    },
    [Symbol.asyncDispose]: () => providers[Symbol.asyncDispose](),
  }
}
