/** The verdict on one signature by every function of ours that checks signatures: they must agree. */
import { expect } from 'vitest'
import { derToP1363 } from '../../src/crypto/der.ts'
import { hashBytes } from '../../src/crypto/digest.ts'
import type { PublicKeyInfo } from '../../src/crypto/public-key.ts'
import {
  createStreamVerifier,
  verifyDigest,
  verifyMessage,
  verifyMessageOnPool,
  verifyX509Message,
} from '../../src/crypto/verify.ts'
import { CountersignError } from '../../src/errors.ts'

/** Whether a signature is accepted: whole, on the pool, as a stream, over the digest and in X.509 form. */
export async function isAcceptedInEveryShape(
  key: PublicKeyInfo,
  message: Uint8Array,
  bytes: Uint8Array,
  form: string,
): Promise<boolean> {
  const isDer = form === 'der' && key.algorithm.family === 'ecdsa'
  const signature = isDer ? toSignature(key, bytes) : bytes
  const isAccepted = signature !== undefined && (await isAcceptedRaw(key, message, signature))
  if (isDer) expect(verifyX509Message(key, message, bytes)).toBe(isAccepted)
  return isAccepted
}

/** Converts DER at the edge, as every caller does; malformed DER is not a signature. */
function toSignature({ algorithm }: PublicKeyInfo, der: Uint8Array): Uint8Array | undefined {
  if (algorithm.family !== 'ecdsa') return der
  try {
    return derToP1363(der, algorithm.curve)
  } catch (error) {
    if (CountersignError.is(error, 'ERR_SIGNATURE_INVALID')) return undefined
    throw error
  }
}

async function isAcceptedRaw(
  key: PublicKeyInfo,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const whole = verifyMessage(key, message, signature)
  expect(await verifyMessageOnPool(key, message, signature)).toBe(whole)
  const { hash } = key.algorithm
  if (hash === undefined) return whole
  const stream = createStreamVerifier(key.algorithm)
  stream?.update(message.subarray(0, 3))
  stream?.update(message.subarray(3))
  expect(stream?.verify(key, signature)).toBe(whole)
  expect(await verifyDigest(key, hashBytes(hash, message), signature)).toBe(whole)
  return whole
}
