/** All causes of Azure Key Vault, in the order in which they are tried. */
import type { Cause } from '../../cause.ts'
import {
  type AzureCall,
  keyCommand,
  listAzureKeys,
  nameOf,
  accessPolicyFor,
  roleFor,
  showVault,
} from './commands.ts'

/** One cause of a refused call. */
export interface AzureCause extends Cause<AzureCall> {
  /** Statuses of HTTP; none: it is not found by an answer. */
  readonly statuses: readonly number[]
  /** What the answer must name: the code of its inner error, or a number such as AKV10032. Default: anything. */
  readonly reasons?: readonly string[]
  /** Whether the same call is likely to succeed in a moment. */
  readonly isBrief?: boolean
}

const ERRORS = 'https://learn.microsoft.com/azure/key-vault/general/rest-error-codes'
const KEYS = 'https://learn.microsoft.com/azure/key-vault/keys/about-keys-details'
const SOFT_DELETE = 'https://learn.microsoft.com/azure/key-vault/general/soft-delete-overview'
const FIREWALL = 'https://learn.microsoft.com/azure/key-vault/general/network-security'

const CAUSES: readonly AzureCause[] = [
  {
    id: 'challenge-mismatch',
    layer: 'endpoint',
    summary: 'what answers asks for a token of another service, as no vault of this domain does',
    code: 'ERR_PROVIDER_FAULT',
    source: 'https://aka.ms/azsdk/blog/vault-uri',
    statuses: [401],
    reasons: ['challenge'],
    cure: ({ vault }) =>
      `no token was asked for it; check the DNS and the proxies of this machine: nslookup ${vault}`,
  },
  {
    id: 'wrong-tenant',
    layer: 'credentials',
    summary: 'the access token is of another tenant than the vault',
    code: 'ERR_NOT_AUTHENTICATED',
    source: 'https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/keyvault/TROUBLESHOOTING.md',
    statuses: [401],
    reasons: ['AKV10032'],
    cure: ({ vault }) =>
      `set AZURE_TENANT_ID to the tenant of the vault: ${showVault(vault, 'properties.tenantId')}`,
  },
  {
    id: 'credentials-refused',
    layer: 'credentials',
    summary: 'the access token is not valid, or has ended',
    code: 'ERR_NOT_AUTHENTICATED',
    source: ERRORS,
    statuses: [401],
    cure: () => 'get new credentials: az login',
  },
  {
    id: 'firewall',
    layer: 'network rules of the vault',
    summary: 'the firewall of the vault does not admit this machine',
    code: 'ERR_NOT_ALLOWED',
    source: FIREWALL,
    statuses: [403],
    reasons: ['ForbiddenByFirewall', 'ForbiddenByConnection'],
    cure: ({ vault }) =>
      `reach it by a private endpoint, or admit the address of this machine: az keyvault network-rule add --name ${nameOf(vault)} --ip-address ADDRESS`,
  },
  {
    id: 'key-disabled',
    layer: 'key version',
    summary: 'the version of the key is disabled',
    code: 'ERR_KEY_NOT_USABLE',
    source: 'https://github.com/Azure/azure-sdk-for-python/issues/45342',
    statuses: [403],
    reasons: ['KeyDisabled'],
    cure: (call) => `enable it: ${keyCommand('set-attributes', call, '--enabled true')}`,
  },
  {
    id: 'key-outside-validity',
    layer: 'key version',
    summary: 'the version of the key is not valid yet, or has expired (nbf, exp)',
    code: 'ERR_KEY_NOT_USABLE',
    source: KEYS,
    statuses: [403],
    reasons: ['KeyNotYetValid', 'KeyExpired', 'KeyNotYetValidOrExpired'],
    cure: (call) => `see its attributes nbf and exp: ${keyCommand('show', call)}`,
  },
  {
    id: 'operation-not-permitted',
    layer: 'key version',
    summary: 'the operations of the key (key_ops) do not include this one',
    code: 'ERR_KEY_NOT_USABLE',
    source: 'https://github.com/Azure/azure-sdk-for-net/blob/main/sdk/keyvault/TROUBLESHOOTING.md',
    statuses: [403],
    reasons: ['KeyOperationForbidden'],
    cure: (call) => `add them: ${keyCommand('set-attributes', call, '--ops sign verify')}`,
  },
  {
    id: 'access-policy',
    layer: 'access policy',
    summary: 'no access policy of the vault grants the caller the permission',
    code: 'ERR_NOT_ALLOWED',
    source: ERRORS,
    statuses: [403],
    reasons: ['AccessDenied'],
    cure: accessPolicyFor,
  },
  {
    id: 'role',
    layer: 'Azure RBAC',
    summary: 'no role of the caller has the permission',
    code: 'ERR_NOT_ALLOWED',
    source: 'https://learn.microsoft.com/azure/key-vault/general/rbac-guide',
    statuses: [403],
    cure: roleFor,
  },
  {
    id: 'key-missing',
    layer: 'key',
    summary: 'the key or its version does not exist',
    code: 'ERR_KEY_NOT_FOUND',
    source: ERRORS,
    statuses: [404],
    cure: ({ vault }) => `check the spelling: ${listAzureKeys(vault)}`,
  },
  {
    id: 'name-of-deleted',
    layer: 'key',
    summary: 'a deleted key that can be recovered has the name',
    code: 'ERR_KEY_EXISTS',
    source: SOFT_DELETE,
    statuses: [409],
    reasons: ['ObjectIsDeletedButRecoverable'],
    cure: (call) =>
      `choose another name, or recover that key: ${keyCommand('recover', { ...call, version: undefined })}`,
  },
  {
    id: 'key-changing',
    layer: 'key',
    summary: 'the key is being deleted or recovered',
    code: 'ERR_PROVIDER_UNAVAILABLE',
    source: SOFT_DELETE,
    statuses: [409],
    isBrief: true,
    cure: () => 'try again in a minute',
  },
  {
    id: 'throttled',
    layer: 'quota',
    summary: 'the vault takes no more transactions for now',
    code: 'ERR_THROTTLED',
    source: 'https://learn.microsoft.com/azure/key-vault/general/service-limits',
    statuses: [429],
    isBrief: true,
    cure: () =>
      'try again later, or spread keys over several vaults: the limits count for each vault',
  },
  {
    id: 'service-unavailable',
    layer: 'Azure',
    summary: 'Key Vault does not answer now',
    code: 'ERR_PROVIDER_UNAVAILABLE',
    source: ERRORS,
    statuses: [500, 502, 503, 504],
    isBrief: true,
    cure: () => 'try again; see https://azure.status.microsoft',
  },
]

const UNANSWERED: readonly AzureCause[] = [
  {
    id: 'key-deleted',
    layer: 'key',
    summary: 'the key is deleted, and can be recovered until it is purged',
    code: 'ERR_KEY_NOT_USABLE',
    source: SOFT_DELETE,
    statuses: [],
    cure: (call) => `recover it: ${keyCommand('recover', { ...call, version: undefined })}`,
  },
  {
    id: 'vault-missing',
    layer: 'network',
    summary:
      'the name of the vault is not in the DNS: it does not exist, or this machine cannot ask',
    code: 'ERR_NETWORK',
    source: 'https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates',
    statuses: [],
    cure: () => 'check the spelling and the cloud of the vault: az keyvault list --query [].name',
  },
]

const UNKNOWN: AzureCause = {
  id: 'unknown-answer',
  layer: 'endpoint',
  summary: 'the answer is not one that countersign knows',
  code: 'ERR_PROVIDER_FAULT',
  source: ERRORS,
  statuses: [],
  cure: () => 'check that the vault is one of Azure, and that its tier has keys of this type',
}

/** Every cause of Azure Key Vault. */
export const AZURE_CAUSES: readonly AzureCause[] = [...CAUSES, ...UNANSWERED, UNKNOWN]

/** Finds the cause of a refusal; `reasons` are what its answer names. */
export function findAzureCause(status: number, reasons: readonly string[]): AzureCause {
  const found = CAUSES.find(
    (cause) =>
      cause.statuses.includes(status) &&
      (cause.reasons?.some((reason) => reasons.includes(reason)) ?? true),
  )
  return found ?? UNKNOWN
}

/** The cause of a name. */
export function azureCause(id: string): AzureCause {
  return AZURE_CAUSES.find((cause) => cause.id === id) ?? UNKNOWN
}
