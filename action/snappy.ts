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
export function decodeSnappy(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const { value: length, at: start } = readLength(block)
  if (length > maxBytes) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `a block of ${length} bytes`, {
      details: { maxBytes },
    })
  }
  const output = Buffer.alloc(length)
  const element: Element = { length: 0, offset: 0, next: start }
  let filled = 0
  while (element.next < block.length) {
    readElement(block, element.next, element)
    if (filled + element.length > length) throw malformed('it is longer than it says')
    if (element.offset === LITERAL) {
      const end = element.next + element.length
      if (end > block.length) throw malformed('a literal is cut off')
      for (let at = element.next; at < end; at += 1)
        output[filled + at - element.next] = block[at] ?? 0
      element.next = end
    } else copyWithin(output, filled, element)
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

/** No copy has this offset: it would be of what is written next. */
const LITERAL = -1

/** `next` is where the bytes of a literal begin, or the next element. One is reused for all: there may be millions. */
interface Element {
  length: number
  offset: number
  next: number
}

function readElement(block: Buffer, at: number, element: Element): void {
  const tag = block[at] ?? 0
  const kind = tag & 3
  if (kind === 0) {
    readLiteral(block, at, element)
  } else if (kind === 1) {
    element.length = ((tag >>> 2) & 7) + 4
    element.offset = ((tag >>> 5) << 8) | readNumber(block, at + 1, 1)
    element.next = at + 2
  } else {
    const size = kind === 2 ? 2 : 4
    element.length = (tag >>> 2) + 1
    element.offset = readNumber(block, at + 1, size)
    element.next = at + 1 + size
  }
}

function readLiteral(block: Buffer, at: number, element: Element): void {
  const size = (block[at] ?? 0) >>> 2
  const bytes = Math.max(0, size - 59)
  element.length = (bytes === 0 ? size : readNumber(block, at + 1, bytes)) + 1
  element.offset = LITERAL
  element.next = at + 1 + bytes
}

function readNumber(block: Buffer, at: number, bytes: number): number {
  if (at + bytes > block.length) throw malformed('it is cut off')
  return block.readUIntLE(at, bytes)
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
