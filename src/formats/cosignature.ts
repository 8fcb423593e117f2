/**
 * Cosignatures of checkpoints (C2SP tlog-cosignature, `cosignature/v1` of Ed25519): a witness signs the text of a
 * checkpoint together with the time at which it was the largest that the witness saw.
 *
 * @packageDocumentation
 */

/** One cosignature, as the bytes of its signature line behind the key id have it. */
export interface TimedSignature {
  /** Seconds since 1970. */
  readonly time: number
  /** Ed25519, 64 bytes. */
  readonly signature: Uint8Array
}

const TIME_BYTES = 8
const SIGNATURE_BYTES = 64

/** What a witness signs. */
export function cosignedMessage(time: number, text: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`cosignature/v1\ntime ${time}\n`), text])
}

/** Writes a cosignature. */
export function serializeCosignature({ time, signature }: TimedSignature): Uint8Array {
  const head = Buffer.alloc(TIME_BYTES)
  head.writeBigUInt64BE(BigInt(time))
  return Buffer.concat([head, signature])
}

/**
 * Reads a cosignature; undefined where it is not one. A witness always states a time, so zero is invalid; beyond
 * 2^53 - 1 no witness can have been.
 */
export function readCosignature(bytes: Uint8Array): TimedSignature | undefined {
  if (bytes.length !== TIME_BYTES + SIGNATURE_BYTES) return undefined
  const time = Number(Buffer.from(bytes).readBigUInt64BE())
  if (time === 0 || !Number.isSafeInteger(time)) return undefined
  return { time, signature: bytes.subarray(TIME_BYTES) }
}
