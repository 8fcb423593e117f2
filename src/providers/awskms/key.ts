/** A KMS key pinned by its ARN and bound to one algorithm. */
import { parsePublicKeySpki, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import type { OpenKeyOptions } from '../provider.ts'
import { toSigningAlgorithm } from './algorithms.ts'
import type { KmsCall } from './call.ts'
import { FOUND_CAUSES, WRONG_USAGE } from './causes/keys.ts'
import type { KmsCallOptions, KmsClient } from './client.ts'
import { kmsCauseError } from './errors.ts'

/** One key pair in KMS; an alias that led to it is forgotten. */
export interface PinnedKmsKey {
  readonly arn: string
  readonly key: PublicKeyInfo
}

/**
 * Reads a public key with one GetPublicKey call and pins it by the ARN in the answer. The algorithm
 * is the one asked for, or the key's usual one; never the first of a list that KMS orders as it likes.
 *
 * @throws {@link CountersignError} ERR_KEY_INVALID — the key is not for signing, or of a kind
 * countersign does not know; ERR_ALGORITHM_UNSUPPORTED — KMS does not offer the algorithm for the
 * key; ERR_PROVIDER_FAULT — asked for one ARN, KMS answered with another
 */
export async function readKey(
  client: KmsClient,
  keyId: string,
  options: OpenKeyOptions & KmsCallOptions = {},
): Promise<PinnedKmsKey> {
  const { arn, usage, algorithms, spki } = await client.getPublicKey(keyId, options)
  const call = { operation: 'GetPublicKey', keyId: arn, ...client.facts }
  if (isKeyArn(keyId) && keyId !== arn) throw wrongKey('GetPublicKey', keyId, arn)
  if (usage !== 'SIGN_VERIFY') {
    throw wrongUsage(call, usage)
  }
  const key = parseKey(spki, options, call)
  if (!algorithms.includes(toSigningAlgorithm(key.algorithm))) {
    throw algorithmNotOffered(call, key.algorithm.name, algorithms)
  }
  return { arn, key }
}

function parseKey(spki: Uint8Array, options: OpenKeyOptions, call: KmsCall): PublicKeyInfo {
  try {
    return parsePublicKeySpki(spki, options.algorithm)
  } catch (error) {
    if (!CountersignError.is(error)) throw error
    if (error.code === 'ERR_ALGORITHM_UNSUPPORTED') {
      throw kmsCauseError(FOUND_CAUSES['algorithm-not-offered'], call, error.message, error)
    }
    const message = `${error.message}: ${call.keyId ?? ''}`
    throw kmsCauseError(FOUND_CAUSES['key-spec-unsupported'], call, message, error)
  }
}

/** Makes the error of a key that is for something else than signing. */
export function wrongUsage(call: KmsCall, usage: string): CountersignError {
  const message = `the key ${call.keyId ?? ''} is for ${usage}, not signing`
  return kmsCauseError(WRONG_USAGE, call, message)
}

/** Makes the error of an algorithm that a key does not sign with. */
export function algorithmNotOffered(
  call: KmsCall,
  name: string,
  offered: readonly string[],
): CountersignError {
  const message = `KMS does not sign ${name} with the key ${call.keyId ?? ''}; it offers ${offered.join(', ')}`
  return kmsCauseError(FOUND_CAUSES['algorithm-not-offered'], call, message)
}

/** Whether a key id is the ARN of a key, which never comes to mean another. */
export function isKeyArn(keyId: string): boolean {
  return keyId.startsWith('arn:') && keyId.includes(':key/')
}

/** Makes the error of an answer that is about another key. */
export function wrongKey(operation: string, expected: string, actual: string): CountersignError {
  return new CountersignError(
    'ERR_PROVIDER_FAULT',
    `AWS KMS ${operation} was asked for the key ${expected} and answered with ${actual}`,
    {
      hint: 'nothing was released; check that the endpoint is AWS KMS',
      details: { provider: 'awskms', operation },
    },
  )
}
