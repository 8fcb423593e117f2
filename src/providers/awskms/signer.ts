/** The Signer over a key in KMS. */
import { fromX509Signature } from '../../crypto/der.ts'
import { CountersignError } from '../../errors.ts'
import {
  createSigner,
  type Signer,
  type SignOptions,
  type SigningBackend,
} from '../../signing/signer.ts'
import { toSigningAlgorithm } from './algorithms.ts'
import { wrongKey } from './key.ts'
import type { RegionalKey } from './regions.ts'

/** The longest message KMS hashes itself, in bytes. */
const MAX_RAW_BYTES = 4096

/** Builds the Signer of a pinned key: one KMS call (Sign) per signature. */
export function createKmsSigner(pinned: RegionalKey): Signer {
  const signAs = (messageType: 'RAW' | 'DIGEST') => (message: Uint8Array, options: SignOptions) =>
    signRaw({ pinned, messageType }, message, options)
  const backend: SigningBackend =
    pinned.key.algorithm.hash === undefined
      ? { signMessage: signAs('RAW') }
      : { signDigest: signAs('DIGEST') }
  return createSigner(pinned.key, backend)
}

async function signRaw(
  { pinned, messageType }: { pinned: RegionalKey; messageType: 'RAW' | 'DIGEST' },
  message: Uint8Array,
  options: SignOptions,
): Promise<Uint8Array> {
  const { algorithm } = pinned.key
  if (message.length > MAX_RAW_BYTES) {
    throw new CountersignError(
      'ERR_INPUT_TOO_LARGE',
      `AWS KMS signs at most ${MAX_RAW_BYTES} bytes with ${algorithm.name}, the message has ${message.length}`,
      { hint: 'use an ES256 key, which signs a digest of any message' },
    )
  }
  const request = { algorithm: toSigningAlgorithm(algorithm), messageType, message }
  const answer = await pinned.sign(request, options)
  if (answer.keyArn !== answer.asked) throw wrongKey('Sign', answer.asked, answer.keyArn)
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
