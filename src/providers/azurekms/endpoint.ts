/** Where vaults and authorities are reached. */
import { isSecureOrLocal } from '../../client/secure-address.ts'
import { CountersignError } from '../../errors.ts'
import type { Surroundings } from '../surroundings.ts'

type Environment = Surroundings['env']

/** Another address of all vaults: an emulator. */
const ENDPOINT_VARIABLE = 'COUNTERSIGN_AZUREKMS_ENDPOINT'
/** The variable that the libraries of Azure have for another authority. */
const AUTHORITY_VARIABLE = 'AZURE_AUTHORITY_HOST'

/**
 * Reads the address of a vault: its own, unless the environment has another.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not https
 */
export function readVaultAddress(env: Environment, vault: string): URL {
  return readOrigin(env, ENDPOINT_VARIABLE, `https://${vault}`)
}

/**
 * Reads the address of the authority that gives out tokens.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not https
 */
export function readAuthorityAddress(env: Environment, authority: string): URL {
  return readOrigin(env, AUTHORITY_VARIABLE, authority)
}

/** Reads a variable; empty counts as unset. */
export function azureVariable(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}

function readOrigin(env: Environment, name: string, otherwise: string): URL {
  const given = azureVariable(env, name) ?? otherwise
  // The libraries of Azure take an authority without a scheme.
  const text = given.includes('://') ? given : `https://${given}`
  if (URL.canParse(text)) {
    const url = new URL(text)
    if (isSecureOrLocal(url) && url.href === `${url.origin}/`) return url
  }
  throw new CountersignError('ERR_CONFIG_INVALID', `${name} cannot be used`, {
    hint: `set ${name} to https://HOST/`,
  })
}
