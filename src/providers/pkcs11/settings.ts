/**
 * Settings of tokens, from variables of the environment.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'

/** What may be set; absent: the default of the provider. */
export interface Pkcs11Settings {
  readonly maxSessions: number | undefined
  readonly answerTimeout: number | undefined
}

/**
 * Reads the settings.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not a whole number within its bounds
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): Pkcs11Settings {
  const seconds = readCount(env, 'COUNTERSIGN_PKCS11_TIMEOUT', 600)
  return {
    maxSessions: readCount(env, 'COUNTERSIGN_PKCS11_SESSIONS', 128),
    answerTimeout: seconds === undefined ? undefined : seconds * 1000,
  }
}

function readCount(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  most: number,
): number | undefined {
  const text = env[name]
  if (text === undefined || text === '') return undefined
  const count = /^[0-9]{1,4}$/.test(text) ? Number(text) : 0
  if (count >= 1 && count <= most) return count
  throw new CountersignError(
    'ERR_CONFIG_INVALID',
    `${name} is not a whole number from 1 to ${most}`,
  )
}
