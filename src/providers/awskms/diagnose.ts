/** What is wrong with a KMS key, check by check, without making a signature. */
import { type Algorithm, resolveAlgorithm } from '../../crypto/algorithms.ts'
import { DIGEST_BYTES } from '../../crypto/digest.ts'
import { CountersignError, type ErrorCode } from '../../errors.ts'
import { toDiagnosis } from '../diagnosis.ts'
import type { Diagnosis, OpenKeyOptions } from '../provider.ts'
import { toSigningAlgorithm } from './algorithms.ts'
import type { KmsCall } from './call.ts'
import { FOUND_CAUSES, stateCause } from './causes/keys.ts'
import type { KmsCallOptions, KmsClient, KmsKeyDescription } from './client.ts'
import { kmsCauseError } from './errors.ts'
import { algorithmNotOffered, readKey, wrongUsage } from './key.ts'

/** Verifiers and token services take a difference of a minute; AWS takes five. */
const MAX_CLOCK_OFFSET_MS = 60_000

/** The check that an error about reaching KMS at all belongs to. */
const CHECK_OF_CODE: Readonly<Partial<Record<ErrorCode, string>>> = {
  ERR_NOT_AUTHENTICATED: 'credentials',
  ERR_KEY_NOT_FOUND: 'key',
  ERR_KEY_URI_INVALID: 'key',
  ERR_NOT_ALLOWED: 'describe-permission',
}

const passed = (check: string, found: string): Diagnosis => ({ check, ok: true, found })

/**
 * Looks at credentials, the key's region, state, usage and algorithm, the permissions GetPublicKey
 * and Sign, and the clock. What can't be judged because an earlier check failed is left out.
 *
 * @throws {@link CountersignError} ERR_CANCELLED — the signal aborted
 */
export async function diagnoseKmsKey(
  connect: () => Promise<KmsClient>,
  keyId: string,
  given: OpenKeyOptions = {},
): Promise<readonly Diagnosis[]> {
  // What a call meets now is what is asked for: repeating only delays it.
  const options = { ...given, isSingle: true }
  const client = await attempt(connect)
  if (client instanceof CountersignError) return [toDiagnosis('configuration', client)]
  const found = await attempt(() => client.describeKey(keyId, options))
  if (found instanceof CountersignError) {
    const check = checkOf(found)
    return [
      toDiagnosis(check, found),
      ...(check === 'describe-permission' ? await permissions(client, keyId, options) : []),
      // Zero: KMS was not reached.
      ...(client.clockOffsetMs() === 0 ? [] : [clock(client)]),
    ]
  }
  const call = { operation: 'Sign', keyId: found.arn, ...client.facts }
  return [
    passed('credentials', 'KMS accepts the credentials'),
    passed('key', `${found.arn} (${found.spec})`),
    state(call, found),
    usage(call, found),
    ...algorithm(call, found, options),
    ...(found.state === 'Enabled' && found.usage === 'SIGN_VERIFY'
      ? await permissions(client, found.arn, options)
      : []),
    clock(client),
  ]
}

/** Without credentials of STS nothing was asked of KMS. */
function checkOf({ code, details }: CountersignError): string {
  return details['service'] === 'sts' ? 'credentials' : (CHECK_OF_CODE[code] ?? 'endpoint')
}

function state(call: KmsCall, key: KmsKeyDescription): Diagnosis {
  if (key.state === 'Enabled') return passed('key-state', 'Enabled')
  const until = key.deletionDate === undefined ? '' : ` on ${key.deletionDate.toISOString()}`
  return toDiagnosis('key-state', kmsCauseError(stateCause(key), call, `${key.state}${until}`))
}

function usage(call: KmsCall, key: KmsKeyDescription): Diagnosis {
  if (key.usage === 'SIGN_VERIFY') return passed('key-usage', key.usage)
  const error = key.isInCustomStore
    ? kmsCauseError(stateCause(key), call, `${key.usage}, in a custom key store`)
    : wrongUsage(call, key.usage)
  return toDiagnosis('key-usage', error)
}

function algorithm(
  call: KmsCall,
  key: KmsKeyDescription,
  options: OpenKeyOptions,
): readonly Diagnosis[] {
  if (options.algorithm === undefined || key.usage !== 'SIGN_VERIFY') return []
  const requested = resolveAlgorithm(options.algorithm)
  const kms = toSigningAlgorithm(requested)
  const { name } = requested
  if (key.algorithms.includes(kms)) return [passed('algorithm', `${name} (${kms})`)]
  return [toDiagnosis('algorithm', algorithmNotOffered(call, name, key.algorithms))]
}

/** GetPublicKey for real, then Sign as a dry run with the algorithm the key would be opened with. */
async function permissions(
  client: KmsClient,
  keyId: string,
  options: OpenKeyOptions & KmsCallOptions,
): Promise<readonly Diagnosis[]> {
  const pinned = await attempt(() => readKey(client, keyId, options))
  if (pinned instanceof CountersignError) return [toDiagnosis('public-key', pinned)]
  const request = { keyArn: pinned.arn, ...sample(pinned.key.algorithm) }
  const tried = await attempt(() => client.trySign(request, options))
  return [
    passed('public-key', `${pinned.key.algorithm.name}, kid ${pinned.key.kid}`),
    tried instanceof CountersignError
      ? toDiagnosis('sign-permission', tried)
      : passed('sign-permission', 'Sign would succeed'),
  ]
}

function sample(algorithm: Algorithm): {
  algorithm: string
  messageType: 'RAW' | 'DIGEST'
  message: Uint8Array
} {
  const { hash } = algorithm
  const kms = toSigningAlgorithm(algorithm)
  return hash === undefined
    ? { algorithm: kms, messageType: 'RAW', message: new Uint8Array(1) }
    : { algorithm: kms, messageType: 'DIGEST', message: new Uint8Array(DIGEST_BYTES[hash]) }
}

/** The SDK corrects for a wrong clock by itself, so it would go unnoticed until something else breaks. */
function clock(client: KmsClient): Diagnosis {
  const offset = client.clockOffsetMs()
  const seconds = Math.ceil(Math.abs(offset) / 1000)
  if (Math.abs(offset) < MAX_CLOCK_OFFSET_MS) return passed('clock', `within ${seconds} s of KMS`)
  const found = `this machine is ${seconds} s ${offset > 0 ? 'behind' : 'ahead of'} KMS`
  const call = { operation: 'DescribeKey', ...client.facts }
  return toDiagnosis('clock', kmsCauseError(FOUND_CAUSES['clock-drift'], call, found))
}

async function attempt<T>(run: () => Promise<T>): Promise<T | CountersignError> {
  try {
    return await run()
  } catch (error) {
    if (!CountersignError.is(error) || CountersignError.is(error, 'ERR_CANCELLED')) throw error
    return error
  }
}
