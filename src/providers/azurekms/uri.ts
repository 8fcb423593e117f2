/**
 * Key references of Azure Key Vault. The syntax is cosign's, plus a query:
 *
 * `azurekms://NAME.vault.azure.net/KEY[/VERSION]`, or with the path of the key's own identifier,
 * `azurekms://NAME.vault.azure.net/keys/KEY/VERSION`. Without a version, the current one is meant. `?protection=hsm` has
 * new keys made in an HSM. Only hosts of Azure are taken: a token for Key Vault goes nowhere else.
 *
 * @packageDocumentation
 */
import { parseAccountQuery } from '../../client/aws-account.ts'
import type { CountersignError } from '../../errors.ts'
import { invalidUri } from '../descriptor.ts'
import { CLOUD_DOMAINS } from './clouds.ts'

/** A vault or managed HSM, in which keys are made. */
export interface AzureVault {
  /** `NAME.vault.azure.net`, in lower case. */
  readonly vault: string
  /** How new keys are protected; default: by software in a vault, by an HSM in a managed HSM. */
  readonly protection?: 'hsm' | 'software'
}

/** One key of a vault, and one version of it, if any. */
export interface AzureKmsUri extends AzureVault {
  readonly scheme: 'azurekms'
  readonly key: string
  /** 32 hex digits. */
  readonly version?: string
}

/** How a reference is written, in hints. */
export const AZURE_TEMPLATE = 'azurekms://NAME.vault.azure.net/KEY'

const MAX_CHARACTERS = 4096
const DOMAINS = CLOUD_DOMAINS.map((domain) => domain.replaceAll('.', String.raw`\.`)).join('|')
const VAULT = String.raw`((?i:[a-z][a-z0-9-]{1,22}[a-z0-9]\.(?:${DOMAINS})))`
const VERSION = '(?:/((?i:[0-9a-f]{32}))?)?'
const KEY = `(?:keys/(?=[^/?]+/[^/?]))?([A-Za-z0-9-]{1,127})${VERSION}`
const QUERY = String.raw`(?:\?([^#]*))?`
const KEY_SYNTAX = new RegExp(`^(?i:azurekms)://${VAULT}/${KEY}${QUERY}$`)
const VAULT_SYNTAX = new RegExp(`^(?i:azurekms)://${VAULT}/?${QUERY}$`)
const PARAMETERS = { protection: /^(?:hsm|software)$/ } as const

/**
 * Parses an `azurekms:` reference to a key.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID
 */
export function parseAzureKmsUri(text: string): AzureKmsUri {
  const parts = text.length > MAX_CHARACTERS ? null : KEY_SYNTAX.exec(text)
  const [, vault, key, version, query] = parts ?? []
  if (vault === undefined || key === undefined) throw invalid(text, `expected ${AZURE_TEMPLATE}`)
  return {
    scheme: 'azurekms',
    vault: vault.toLowerCase(),
    key,
    ...(version !== undefined && { version: version.toLowerCase() }),
    ...protectionOf(text, query),
  }
}

/** Parses a reference to a vault; undefined: it means anything else. */
export function parseAzureVault(text: string): AzureVault | undefined {
  const parts = text.length > MAX_CHARACTERS ? null : VAULT_SYNTAX.exec(text)
  const [, vault, query] = parts ?? []
  return vault === undefined
    ? undefined
    : { vault: vault.toLowerCase(), ...protectionOf(text, query) }
}

/** Writes a reference so that {@link parseAzureKmsUri} reads it back. */
export function serializeAzureKmsUri({ vault, key, version, protection }: AzureKmsUri): string {
  const query = protection === undefined ? '' : `?protection=${protection}`
  return `azurekms://${vault}/${key}${version === undefined ? '' : `/${version}`}${query}`
}

function protectionOf(text: string, query: string | undefined): Pick<AzureVault, 'protection'> {
  const { protection } = parseAccountQuery(query, PARAMETERS, (why) => invalid(text, why))
  if (protection === undefined) return {}
  return { protection: protection === 'hsm' ? 'hsm' : 'software' }
}

function invalid(text: string, why: string): CountersignError {
  return invalidUri(text.slice(0, 300), why, AZURE_TEMPLATE)
}
