/**
 * Which provider opens which key reference: an explicit table, each provider loaded when the first key
 * of its kind is asked for and once per registry.
 *
 * @packageDocumentation
 */
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import type { Signer } from '../signing/signer.ts'
import { type KeyUri, parseKeyUri } from './key-uri.ts'
import {
  canRenewCredentials,
  type CredentialRenewal,
  disposedProvider,
  type KeyProvider,
  type OpenKeyOptions,
} from './provider.ts'

/** How to load the provider of each scheme; a scheme left out is not served. */
export type ProviderLoaders = Readonly<
  Partial<Record<KeyUri['scheme'], () => Promise<KeyProvider>>>
>

/** Opens keys of every kind that is served. */
export interface Providers extends AsyncDisposable {
  /**
   * The provider behind a reference, for what goes beyond opening: creating, diagnosing.
   *
   * @throws {@link CountersignError} ERR_OPERATION_UNSUPPORTED — the scheme is not served here;
   * ERR_PROVIDER_UNAVAILABLE — disposed; and what loading the provider throws
   */
  provider(uri: KeyUri): Promise<KeyProvider>
  /** Opens a key for signing; a text is parsed first. Throws as the provider does. */
  openKey(reference: KeyUri | string, options?: OpenKeyOptions): Promise<Signer>
  /** Reads a public key; a text is parsed first. Throws as the provider does. */
  describeKey(reference: KeyUri | string, options?: OpenKeyOptions): Promise<PublicKeyInfo>
}

/** Makes a registry; nothing is loaded yet. Disposing it disposes every provider it has loaded. */
export function createProviders(loaders: ProviderLoaders): Providers & CredentialRenewal {
  const loaded = new Map<KeyUri['scheme'], Promise<KeyProvider>>()
  let isDisposed = false

  async function load(scheme: KeyUri['scheme']): Promise<KeyProvider> {
    const loader = loaders[scheme]
    if (loader === undefined) throw unserved(scheme)
    try {
      return await loader()
    } catch (error) {
      // A module that was missing may be installed by the next call.
      loaded.delete(scheme)
      throw error
    }
  }

  async function provider({ scheme }: KeyUri): Promise<KeyProvider> {
    if (isDisposed) throw disposedProvider(scheme)
    const loading = loaded.get(scheme) ?? load(scheme)
    loaded.set(scheme, loading)
    return loading
  }

  return {
    provider,
    openKey: async (reference, options) => {
      const uri = toUri(reference)
      return (await provider(uri)).open(uri, options)
    },
    describeKey: async (reference, options) => {
      const uri = toUri(reference)
      return (await provider(uri)).describe(uri, options)
    },
    renewCredentials: async () => {
      const outcomes = await Promise.allSettled(loaded.values())
      const providers = outcomes.flatMap((outcome) =>
        outcome.status === 'fulfilled' ? [outcome.value] : [],
      )
      const renewals = providers
        .filter(canRenewCredentials)
        .map((provider) => provider.renewCredentials())
      return (await Promise.all(renewals)).includes(true)
    },
    [Symbol.asyncDispose]: async () => {
      isDisposed = true
      const outcomes = await Promise.allSettled(loaded.values())
      loaded.clear()
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') await outcome.value[Symbol.asyncDispose]()
      }
    },
  }
}

function toUri(reference: KeyUri | string): KeyUri {
  return typeof reference === 'string' ? parseKeyUri(reference) : reference
}

function unserved(scheme: KeyUri['scheme']): CountersignError {
  return new CountersignError('ERR_OPERATION_UNSUPPORTED', `${scheme}: keys cannot be used here`, {
    hint: 'use a key of another kind, or this one through a signing service',
  })
}
