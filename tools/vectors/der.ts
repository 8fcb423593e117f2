/** Writing DER, for inputs that our own encoder would refuse to write. */
import { toBytes } from './made.ts'

/** Writes an element with the length in its shortest form. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.of(tag), encodeLength(content.length), content])
}

/** A length in its shortest form. */
export function encodeLength(length: number): Buffer {
  if (length < 0x80) return Buffer.of(length)
  if (length < 0x100) return Buffer.of(0x81, length)
  return Buffer.of(0x82, length >> 8, length & 0xff)
}

/** An INTEGER that is not negative. */
export function integer(number: bigint): Buffer {
  const bytes = toBytes(number)
  return bytes.readUInt8(0) < 0x80 ? tlv(2, bytes) : tlv(2, Buffer.of(0), bytes)
}

/** A BIT STRING of whole bytes. */
export function bitString(content: Uint8Array): Buffer {
  return tlv(3, Buffer.of(0), content)
}
