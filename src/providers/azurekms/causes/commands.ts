/** Commands of az that cure a cause, made of the request alone. */

/** One call, as far as an error about it needs to know. */
export interface AzureCall {
  /** Name of the operation in the API: `sign`, `getKey`. */
  readonly operation: string
  /** Host of the vault. */
  readonly vault: string
  readonly key: string
  readonly version?: string | undefined
}

/** Key permissions, as access policies name them; the role for all others is that of officers. */
const USER_PERMISSIONS: Readonly<Record<string, string>> = { sign: 'get sign', getKey: 'get' }

/** Grants what a call takes, on its key, by Azure RBAC. */
export function roleFor({ operation, vault, key }: AzureCall): string {
  const isUser = Object.hasOwn(USER_PERMISSIONS, operation)
  const scope = `"$(${showVault(vault, 'id')})/keys/${key}"`
  const role = isUser ? 'Key Vault Crypto User' : 'Key Vault Crypto Officer'
  return `grant the role ${role} to the caller: az role assignment create --role "${role}" --assignee CLIENT_ID --scope ${scope}`
}

/** Grants what a call takes by an access policy of the vault. */
export function accessPolicyFor({ operation, vault }: AzureCall): string {
  const permissions = Object.hasOwn(USER_PERMISSIONS, operation)
    ? USER_PERMISSIONS[operation]
    : 'get list create update delete recover'
  return `let an access policy of the vault grant it: az keyvault set-policy --name ${nameOf(vault)} --spn CLIENT_ID --key-permissions ${permissions ?? ''}`
}

/** A command about a key or a version of it; `options` are more than what names them. */
export function keyCommand(
  verb: string,
  { vault, key, version }: AzureCall,
  options?: string,
): string {
  const suffix = version === undefined ? '' : ` --version ${version}`
  const more = options === undefined ? '' : ` ${options}`
  return `az keyvault key ${verb} ${vaultOption(vault)} --name ${key}${suffix}${more}`
}

/** Lists the keys of a vault. */
export function listAzureKeys(vault: string): string {
  return `az keyvault key list ${vaultOption(vault)} --query [].name`
}

/** Shows one member of a vault. */
export function showVault(vault: string, query: string): string {
  return isManagedHsm(vault)
    ? `az keyvault show --hsm-name ${nameOf(vault)} --query ${query} --output tsv`
    : `az keyvault show --name ${nameOf(vault)} --query ${query} --output tsv`
}

/** Name of a vault: what comes before its domain. */
export function nameOf(vault: string): string {
  return vault.slice(0, vault.indexOf('.'))
}

function vaultOption(vault: string): string {
  return `${isManagedHsm(vault) ? '--hsm-name' : '--vault-name'} ${nameOf(vault)}`
}

function isManagedHsm(vault: string): boolean {
  return vault.includes('.managedhsm.')
}
