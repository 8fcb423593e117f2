/** What is wrong with a key in a vault, check by check, without making a signature. */
import { runChecks } from '../diagnosis.ts'
import type { Diagnosis, OpenKeyOptions } from '../provider.ts'
import type { AzureVaultClient } from './client.ts'
import { assertAzureVersionSigns, readAzureVersion } from './key.ts'
import type { AzureKmsUri } from './uri.ts'

/**
 * Checks the credentials, the key and the attributes of its version. The permission to sign shows only when something is
 * signed: Key Vault has no question for it.
 */
export function diagnoseAzureKey(
  client: AzureVaultClient,
  uri: AzureKmsUri,
  options: OpenKeyOptions = {},
): Promise<readonly Diagnosis[]> {
  const found = readAzureVersion(client, uri, options)
  // Awaited below, where its failure is a finding.
  found.catch(() => undefined)
  return runChecks([
    [
      'credentials',
      async () => {
        await client.token(options.signal)
        return 'an access token of Microsoft Entra ID'
      },
    ],
    [
      'key',
      async () => {
        const { key, version, publicKey } = await found
        const { algorithm, kid } = publicKey
        return `${client.vault}/${key}/${version}: ${algorithm.name}, kid ${kid}`
      },
    ],
    [
      'key-state',
      async () => {
        const version = await found
        assertAzureVersionSigns(client, version)
        return `enabled, ${version.type}`
      },
    ],
  ])
}
