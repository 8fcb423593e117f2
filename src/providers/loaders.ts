/**
 * All providers there are. Apart from the registry, so that a bundle that leaves some out (the Action:
 * no native addon) can bring a table of its own.
 *
 * @packageDocumentation
 */
import type { AwsKmsProviderOptions } from './awskms/provider.ts'
import type { FileProviderOptions } from './file/key-files.ts'
import type { Pkcs11ProviderOptions } from './pkcs11/provider.ts'
import type { PublicKeySourceOptions } from './public-key-source.ts'
import type { KeyProvider } from './provider.ts'
import type { ProviderLoaders } from './registry.ts'

/** What the providers need of their surroundings. */
export interface LoaderOptions {
  readonly file: FileProviderOptions
  readonly awskms?: AwsKmsProviderOptions
  readonly pkcs11: Pkcs11ProviderOptions
  readonly publicKeys: PublicKeySourceOptions
}

/** The table of every scheme; a provider's code is loaded with its first key. */
export function allLoaders(options: LoaderOptions): Required<ProviderLoaders> {
  const publicKeys = async (): Promise<KeyProvider> =>
    (await import('./public-key-source.ts')).createPublicKeySource(options.publicKeys)
  return {
    file: async () => (await import('./file/provider.ts')).createFileProvider(options.file),
    awskms: async () => (await import('./awskms/provider.ts')).createAwsKmsProvider(options.awskms),
    pkcs11: async () => (await import('./pkcs11/provider.ts')).createPkcs11Provider(options.pkcs11),
    env: publicKeys,
    https: publicKeys,
  }
}
