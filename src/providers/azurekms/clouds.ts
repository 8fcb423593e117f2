/** The clouds of Azure: where their vaults are, what a token for them is called, and who gives it out. */

/** One cloud, as far as a vault needs it. */
export interface AzureCloud {
  /** What a token must be for: `https://vault.azure.net`. Never taken from what a server answers. */
  readonly audience: string
  /** Origin of the authority that gives out tokens. */
  readonly authority: string
  /** Whether keys are in a managed HSM, which has none that are protected by software. */
  readonly isManagedHsm: boolean
}

/** Domain of vaults and managed HSMs, and the host of the authority: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates. */
const CLOUDS: Readonly<Record<string, string>> = {
  'vault.azure.net': 'login.microsoftonline.com',
  'managedhsm.azure.net': 'login.microsoftonline.com',
  'vault.azure.cn': 'login.chinacloudapi.cn',
  'managedhsm.azure.cn': 'login.chinacloudapi.cn',
  'vault.usgovcloudapi.net': 'login.microsoftonline.us',
  'managedhsm.usgovcloudapi.net': 'login.microsoftonline.us',
}

/** Domains of vaults, behind the first dot. */
export const CLOUD_DOMAINS: readonly string[] = Object.keys(CLOUDS)

/** Finds the cloud of a host that a reference may name. */
export function cloudOf(vault: string): AzureCloud {
  const domain = vault.slice(vault.indexOf('.') + 1)
  const authority = Object.hasOwn(CLOUDS, domain) ? CLOUDS[domain] : undefined
  if (authority === undefined) throw new TypeError(`${vault} is not a host of Azure Key Vault`)
  return {
    audience: `https://${domain}`,
    authority: `https://${authority}`,
    isManagedHsm: domain.startsWith('managedhsm.'),
  }
}
