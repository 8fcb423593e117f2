/** The request quotas of an account, which the environment may state. */
import { CountersignError } from '../../errors.ts'
import type { Surroundings } from '../surroundings.ts'

/** What KMS counts signatures against: each class is shared by all keys of an account and region. */
export type QuotaClass = 'rsa' | 'ecc'

/** Requests a second by class. */
export type KmsQuotas = Readonly<Record<QuotaClass, number>>

/**
 * What an account has unless AWS changed it, as "Cryptographic operations (RSA) request rate" and "(ECC)":
 * https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html
 */
const DEFAULT_QUOTAS: KmsQuotas = { rsa: 1000, ecc: 1000 }

/**
 * Reads the part of the account's quotas that this process may use.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — not a whole number from 1 to 999999
 */
export function readQuotas(env: Surroundings['env'] = {}): KmsQuotas {
  return {
    rsa: readQuota(env, 'COUNTERSIGN_AWSKMS_RSA_QUOTA') ?? DEFAULT_QUOTAS.rsa,
    ecc: readQuota(env, 'COUNTERSIGN_AWSKMS_ECC_QUOTA') ?? DEFAULT_QUOTAS.ecc,
  }
}

function readQuota(env: Surroundings['env'], variable: string): number | undefined {
  const text = env[variable]
  if (text === undefined || text === '') return undefined
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text)
  throw new CountersignError(
    'ERR_CONFIG_INVALID',
    `${variable} is "${text.slice(0, 32)}", expected requests a second, 1 to 999999`,
    {
      hint: 'see the service quotas of AWS KMS in your account, and share them among the replicas',
    },
  )
}
