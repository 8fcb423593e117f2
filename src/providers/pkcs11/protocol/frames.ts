/**
 * Messages on a pipe: JSON, each after its length in four bytes. What is longer than a message may be ends the
 * conversation, before it is read.
 *
 * @packageDocumentation
 */
import { type JsonValue, parseJson } from '../../../formats/json.ts'

/** Longest message; the longest that is sent lists the keys of a token in a hint. */
export const MAX_MESSAGE_BYTES: number = 256 * 1024

const LENGTH_BYTES = 4

/** Writes a message that its receiver reads with a {@link FrameReader}. */
export function serializeFrame(message: object): Uint8Array {
  const text = Buffer.from(JSON.stringify(message))
  if (text.length > MAX_MESSAGE_BYTES) throw new RangeError('a message is too long for its pipe')
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text])
}

/** Cuts what arrives on a pipe into messages. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array()

  /**
   * Takes what arrived and returns the messages that are whole now.
   *
   * @throws RangeError — a message is too long; {@link CountersignError} ERR_JSON_INVALID — it is not JSON
   */
  push(chunk: Uint8Array): JsonValue[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const messages: JsonValue[] = []
    for (let text = this.#take(); text !== undefined; text = this.#take()) {
      messages.push(parseJson(text, { maxBytes: MAX_MESSAGE_BYTES }))
    }
    return messages
  }

  #take(): Uint8Array | undefined {
    const rest = Buffer.from(this.#rest.buffer, this.#rest.byteOffset, this.#rest.length)
    if (rest.length < LENGTH_BYTES) return undefined
    const length = rest.readUInt32BE()
    if (length > MAX_MESSAGE_BYTES) throw new RangeError(`a message of ${length} bytes is too long`)
    const end = LENGTH_BYTES + length
    if (rest.length < end) return undefined
    this.#rest = rest.subarray(end)
    return rest.subarray(LENGTH_BYTES, end)
  }
}
