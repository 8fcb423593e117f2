/** A KMS key pinned by its ARN and bound to one algorithm, and the Signer over it. */
import { fromX509Signature } from '../../crypto/der.ts'
import { parsePublicKeySpki, type PublicKeyInfo } from '../../crypto/public-key.ts'
import { CountersignError } from '../../errors.ts'
import {
  createSigner,
  type Signer,
  type SignOptions,
  type SigningBackend,
} from '../../signing/signer.ts'
import type { OpenKeyOptions } from '../provider.ts'
import { toSigningAlgorithm } from './algorithms.ts'
import type { KmsCall } from './call.ts'
import { FOUND_CAUSES, WRONG_USAGE } from './causes/keys.ts'
import type { KmsClient } from './client.ts'
import { kmsCauseError } from './errors.ts'

/** The longest message KMS hashes itself, in bytes. */
const MAX_RAW_BYTES = 4096

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
  options: OpenKeyOptions = {},
): Promise<PinnedKmsKey> {
  const { arn, usage, algorithms, spki } = await client.getPublicKey(keyId, options.signal)
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

/** Builds the Signer of a pinned key: one KMS call (Sign) per signature. */
export function createKmsSigner(client: KmsClient, pinned: PinnedKmsKey): Signer {
  const signAs = (messageType: 'RAW' | 'DIGEST') => (message: Uint8Array, options: SignOptions) =>
    signRaw({ client, pinned, messageType }, message, options)
  const backend: SigningBackend =
    pinned.key.algorithm.hash === undefined
      ? { signMessage: signAs('RAW') }
      : { signDigest: signAs('DIGEST') }
  return createSigner(pinned.key, backend)
}

async function signRaw(
  context: { client: KmsClient; pinned: PinnedKmsKey; messageType: 'RAW' | 'DIGEST' },
  message: Uint8Array,
  options: SignOptions,
): Promise<Uint8Array> {
  const { client, pinned, messageType } = context
  const { algorithm } = pinned.key
  if (message.length > MAX_RAW_BYTES) {
    throw new CountersignError(
      'ERR_INPUT_TOO_LARGE',
      `AWS KMS signs at most ${MAX_RAW_BYTES} bytes with ${algorithm.name}, the message has ${message.length}`,
      { hint: 'use an ES256 key, which signs a digest of any message' },
    )
  }
  const called = { keyArn: pinned.arn, algorithm: toSigningAlgorithm(algorithm) }
  const answer = await client.sign({ ...called, messageType, message }, options)
  if (answer.keyArn !== pinned.arn) throw wrongKey('Sign', pinned.arn, answer.keyArn)
  if (answer.requestId !== undefined) options.onBackendRequest?.(answer.requestId)
  try {
    return fromX509Signature(algorithm, answer.signature)
  } catch (cause) {
    // Malformed here means a broken backend, not a signature to be verified.
    throw new CountersignError('ERR_PROVIDER_FAULT', 'AWS KMS gave a malformed ECDSA signature', {
      hint: 'nothing was released; check that the endpoint is AWS KMS',
      cause,
    })
  }
}

/** Whether a key id is the ARN of a key, which never comes to mean another. */
export function isKeyArn(keyId: string): boolean {
  return keyId.startsWith('arn:') && keyId.includes(':key/')
}

function wrongKey(operation: string, expected: string, actual: string): CountersignError {
  return new CountersignError(
    'ERR_PROVIDER_FAULT',
    `AWS KMS ${operation} was asked for the key ${expected} and answered with ${actual}`,
    {
      hint: 'nothing was released; check that the endpoint is AWS KMS',
      details: { provider: 'awskms', operation },
    },
  )
}
