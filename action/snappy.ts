/**
 * Snappy's block format (https://github.com/google/snappy/blob/main/format_description.txt), as GitHub
 * serves bundles: read only, of attacker-controlled bytes.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../src/errors.ts'

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_BUNDLE_INVALID', `malformed snappy: ${why}`)
}

/**
 * Decodes one block.
 *
 * @throws {@link CountersignError} ERR_BUNDLE_INVALID — malformed; ERR_INPUT_TOO_LARGE — it says that it is
 * longer than `maxBytes`
 */
export function decodeSnappy(block: Uint8Array, maxBytes: number): Uint8Array {
  const { value: length, at: start } = readLength(block)
  if (length > maxBytes) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `a block of ${length} bytes`, {
      details: { maxBytes },
    })
  }
  const output = Buffer.alloc(length)
  let [at, filled] = [start, 0]
  while (at < block.length) {
    const element = readElement(block, at)
    if (filled + element.length > length) throw malformed('it is longer than it says')
    if (element.offset === undefined) {
      if (element.next + element.length > block.length) throw malformed('a literal is cut off')
      output.set(block.subarray(element.next, element.next + element.length), filled)
      at = element.next + element.length
    } else {
      copyWithin(output, filled, { offset: element.offset, length: element.length })
      at = element.next
    }
    filled += element.length
  }
  if (filled !== length) throw malformed('it is shorter than it says')
  return output
}

/** Byte by byte: a copy may reach into what it writes. */
function copyWithin(
  output: Buffer,
  filled: number,
  { offset, length }: { readonly offset: number; readonly length: number },
): void {
  if (offset === 0 || offset > filled) throw malformed('a copy from before the start')
  for (let index = 0; index < length; index += 1) {
    output[filled + index] = output[filled + index - offset] ?? 0
  }
}

/** A literal has no offset; `next` is where its bytes, or the next element, begin. */
interface Element {
  readonly length: number
  readonly offset: number | undefined
  readonly next: number
}

function readElement(block: Uint8Array, at: number): Element {
  const tag = block[at] ?? 0
  const kind = tag & 3
  if (kind === 0) return readLiteral(block, at, tag >>> 2)
  if (kind === 1) {
    const offset = ((tag >>> 5) << 8) | readNumber(block, at + 1, 1)
    return { length: ((tag >>> 2) & 7) + 4, offset, next: at + 2 }
  }
  const size = kind === 2 ? 2 : 4
  return { length: (tag >>> 2) + 1, offset: readNumber(block, at + 1, size), next: at + 1 + size }
}

function readLiteral(block: Uint8Array, at: number, size: number): Element {
  if (size < 60) return { length: size + 1, offset: undefined, next: at + 1 }
  const bytes = size - 59
  const length = readNumber(block, at + 1, bytes) + 1
  return { length, offset: undefined, next: at + 1 + bytes }
}

function readNumber(block: Uint8Array, at: number, bytes: number): number {
  if (at + bytes > block.length) throw malformed('it is cut off')
  return Buffer.from(block.buffer, block.byteOffset, block.length).readUIntLE(at, bytes)
}

function readLength(block: Uint8Array): { readonly value: number; readonly at: number } {
  let value = 0
  for (let at = 0; at < 5; at += 1) {
    const byte = block[at]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return { value, at: at + 1 }
  }
  throw malformed('it does not say how long it is')
}
