/** What is known of keys in Azure Key Vault before their code is loaded. */
import type { KeyLocation, ProviderDescriptor, VersionName } from '../descriptor.ts'
import {
  AZURE_TEMPLATE,
  type AzureKmsUri,
  type AzureVault,
  parseAzureKmsUri,
  parseAzureVault,
  serializeAzureKmsUri,
} from './uri.ts'

/** Keys in Azure Key Vault. */
export const azurekms: ProviderDescriptor<AzureKmsUri> = {
  scheme: 'azurekms',
  title: 'Azure Key Vault',
  template: AZURE_TEMPLATE,
  examples: ['azurekms://acme.vault.azure.net/release'],
  isRemote: true,
  custody: 'backend',
  parse: parseAzureKmsUri,
  serialize: serializeAzureKmsUri,
  place(text) {
    const vault = parseAzureVault(text)
    return vault === undefined ? undefined : locationOf(vault)
  },
}

/** What the name of a key may be. */
const NAME = /^[A-Za-z0-9-]{1,127}$/

function locationOf(place: AzureVault): KeyLocation<AzureKmsUri> {
  return {
    versionUri: (name) => ({ scheme: 'azurekms', key: nameOf(name), ...place }),
    complete: (uri) => {
      const isHere = uri.vault === place.vault
      return isHere && (uri.protection ?? place.protection) === place.protection ? uri : undefined
    },
  }
}

function nameOf({ key, version, mark }: VersionName): string {
  const name = `countersign-${key}-${version}`
  return NAME.test(name) ? name : `countersign-${mark}-${version}`
}
