/**
 * Requests and answers as JSON: bytes are objects with one member.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../../../crypto/base64.ts'
import { isJsonObject, type JsonValue } from '../../../formats/json.ts'

const BYTES = '$bytes'

/** Turns plain data into JSON; members that are undefined are left out. */
export function toJson(value: unknown): JsonValue {
  if (value instanceof Uint8Array) return { [BYTES]: encodeBase64(value) }
  if (Array.isArray(value)) return value.map(toJson)
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, member]) => member !== undefined)
    return Object.fromEntries(members.map(([name, member]) => [name, toJson(member)]))
  }
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) {
    return value as JsonValue
  }
  throw new TypeError(`expected plain data, got a ${typeof value}`)
}

/** Turns JSON back into the data that {@link toJson} was given. */
export function fromJson(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(fromJson)
  if (!isJsonObject(value)) return value
  const bytes = value[BYTES]
  if (typeof bytes === 'string') return decodeBase64(bytes)
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fromJson(member)]))
}
