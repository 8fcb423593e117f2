/**
 * The code of every provider, a line each, loaded with its first key. Apart from `descriptors.ts`, so that what only
 * reads references (verification, a bundle without native addons) contains none of it.
 *
 * @packageDocumentation
 */
import type { KeyUri } from './key-uri.ts'
import type { KeyProvider } from './provider.ts'
import type { ProviderLoaders } from './registry.ts'
import type { Surroundings } from './surroundings.ts'

type Load = (surroundings: Surroundings) => Promise<KeyProvider>

const LOADERS: Readonly<Record<KeyUri['scheme'], Load>> = {
  awskms: async (given) => (await import('./awskms/provider.ts')).openAwsKms(given),
  azurekms: async (given) => (await import('./azurekms/provider.ts')).openAzureKms(given),
  env: async (given) => (await import('./env/provider.ts')).openEnvironment(given),
  file: async (given) => (await import('./file/provider.ts')).createFileProvider(given),
  gcpkms: async (given) => (await import('./gcpkms/provider.ts')).openGcpKms(given),
  https: async (given) => (await import('./https/provider.ts')).openWeb(given),
  openbao: async (given) => (await import('./openbao/provider.ts')).openOpenBao(given),
  pkcs11: async (given) => (await import('./pkcs11/provider.ts')).openPkcs11(given),
}

/** The table of every scheme; a provider's code is loaded with its first key. */
export function allLoaders(surroundings: Surroundings): ProviderLoaders {
  const entries = Object.entries(LOADERS).map(([scheme, load]) => [
    scheme,
    () => load(surroundings),
  ])
  return Object.fromEntries(entries) as ProviderLoaders
}
