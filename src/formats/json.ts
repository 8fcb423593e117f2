/**
 * Strict, bounded JSON (RFC 8259, I-JSON RFC 7493 section 2.3): one meaning for one text. Every byte
 * read here may be attacker-controlled.
 *
 * @packageDocumentation
 */
import { isUtf8 } from 'node:buffer'
import { CountersignError } from '../errors.ts'
import { JsonMeter } from './json-meter.ts'

/** Any JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

/** A JSON object as parsed: own members only, `__proto__` is a member like any other. */
export interface JsonObject {
  readonly [member: string]: JsonValue
}

/** Bounds of one document. */
export interface JsonLimits {
  /** Default 1 MiB. */
  readonly maxBytes?: number
  /** Nesting of arrays and objects; default 64. */
  readonly maxDepth?: number
  /** Values in all, as {@link JsonMeter} counts them; default {@link MAX_JSON_VALUES}. */
  readonly maxValues?: number
}

const DEFAULT_MAX_BYTES = 1024 * 1024
const DEFAULT_MAX_DEPTH = 64
/**
 * Most values of one text: as many members, each of another name, take a fifth of a second to parse. A text of
 * 16 MiB that is written for people has fewer.
 */
export const MAX_JSON_VALUES = 300_000
const COUNTED_AT_ONCE = 256 * 1024

/** Makes the error of a text that is not JSON, or not in our strict form; never quotes the text. */
export function malformedJson(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_JSON_INVALID', `malformed JSON: ${why}`, { cause })
}

/**
 * Parses one JSON document in valid UTF-8 without a byte order mark.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID — not JSON, a member named twice, nested too deep;
 * ERR_INPUT_TOO_LARGE — over `maxBytes` or `maxValues`
 */
export function parseJson(input: Uint8Array | string, limits: JsonLimits = {}): JsonValue {
  const { maxDepth = DEFAULT_MAX_DEPTH } = limits
  const text = readText(input, limits)
  const value = parse(text)
  assertUnambiguous(text, value, maxDepth)
  return value
}

/** Checks the bounds of a text before it is parsed, and decodes it. */
export function readText(
  input: Uint8Array | string,
  { maxBytes = DEFAULT_MAX_BYTES, maxValues = MAX_JSON_VALUES }: JsonLimits,
): string {
  // A string's UTF-8 form is never shorter than its length, so this bounds both.
  if (input.length > maxBytes) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `JSON document of over ${maxBytes} bytes`, {
      details: { maxBytes, bytes: input.length },
    })
  }
  // A value takes two bytes or more, so a short text needs no count.
  if (input.length > 2 * maxValues) assertFewValues(input, maxValues)
  return typeof input === 'string' ? input : decodeUtf8(input)
}

function assertFewValues(input: Uint8Array | string, maxValues: number): void {
  const meter = new JsonMeter()
  const bytes = typeof input === 'string' ? Buffer.from(input) : input
  // In pieces: a text of nothing but values is refused long before its end.
  for (let at = 0; at < bytes.length; at += COUNTED_AT_ONCE) {
    meter.add(bytes.subarray(at, at + COUNTED_AT_ONCE))
    if (meter.values > maxValues) throw tooManyValues(maxValues)
  }
}

/** Makes the error of a text with more values than are taken. */
export function tooManyValues(maxValues: number): CountersignError {
  return new CountersignError('ERR_INPUT_TOO_LARGE', `JSON document of over ${maxValues} values`, {
    details: { maxValues },
  })
}

/** Decodes bytes that must be valid UTF-8; a byte order mark is kept and so fails to parse. */
function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw malformedJson('not valid UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    // V8's message quotes the text; hostile bytes stay out of our message.
    throw malformedJson('not a JSON text', cause)
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/**
 * Refuses a text that names a member twice in one object: JSON.parse keeps the last of the two, another
 * reader the first. Outside of strings a colon stands behind each name and nowhere else, so a repeated
 * name shows as more colons in the text than members in the value.
 */
function assertUnambiguous(text: string, value: JsonValue, maxDepth: number): void {
  if (countColons(text) !== countMembers(value, maxDepth)) {
    throw malformedJson('a member is named twice')
  }
}

/** Counts colons outside of strings, in a text that JSON.parse has accepted. */
function countColons(text: string): number {
  let colons = 0
  let at = 0
  while (at < text.length) {
    const quote = text.indexOf('"', at)
    const end = quote === -1 ? text.length : quote
    for (; at < end; at += 1) if (text.charCodeAt(at) === COLON) colons += 1
    if (quote !== -1) at = stringEnd(text, quote)
  }
  return colons
}

/** Index after the closing quote of the string that opens at `start`; the end of the text where none closes it. */
export function stringEnd(text: string, start: number): number {
  const quote = text.indexOf('"', start + 1)
  if (quote === -1) return text.length
  let backslashes = 0
  while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1
  return backslashes % 2 === 0 ? quote + 1 : escapedStringEnd(text, quote + 1)
}

/** Strings with one escaped quote often have more, and a new search for each would take ten times as long. */
function escapedStringEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at + 1
    if (code === BACKSLASH) at += 1
  }
  return text.length
}

/** Counts the members of all objects in a value; going down is bounded, so it can't run out of stack. */
function countMembers(value: JsonValue, depth: number): number {
  // 1e400 would be written again as null.
  if (value === Infinity || value === -Infinity) throw malformedJson('a number is out of range')
  if (typeof value !== 'object' || value === null) return 0
  if (depth === 0) throw malformedJson('nested too deep')
  let members = 0
  if (isList(value)) {
    for (const item of value) members += countMembers(item, depth - 1)
    return members
  }
  // The one loop over members that makes no array; whatever were inherited would be refused.
  for (const name in value) members += 1 + countMembers(value[name] ?? null, depth - 1)
  return members
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value)
}

/** Whether a value is a JSON object. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Makes the error of a format from a short reason that never quotes the input. */
export type Malformed = (why: string) => CountersignError

/**
 * Reads the members of one object of one format, each of the type it must have; every malformation is
 * the format's one error. A member that is `null` counts as absent, as in the JSON form of protocol
 * buffers, which bundles are.
 */
export class ObjectReader {
  /** The object itself. */
  readonly json: JsonObject
  readonly #malformed: Malformed
  readonly #name: string
  readonly #parent: ObjectReader | undefined

  constructor(
    value: JsonValue | undefined,
    malformed: Malformed,
    name: string,
    parent?: ObjectReader,
  ) {
    this.#malformed = malformed
    this.#name = name
    this.#parent = parent
    if (!isJsonObject(value)) throw malformed(`${this.#path()} is not an object`)
    this.json = value
  }

  /** Names of all members. */
  get names(): readonly string[] {
    return Object.keys(this.json)
  }

  /** A member as it is; undefined where it is absent. */
  value(name: string): JsonValue | undefined {
    return (Object.hasOwn(this.json, name) ? this.json[name] : undefined) ?? undefined
  }

  /** A member that must be a text. */
  text(name: string): string {
    return this.optionalText(name) ?? this.#fail(name, 'missing')
  }

  /** A member that is a text or absent. */
  optionalText(name: string): string | undefined {
    const found = this.value(name)
    if (found === undefined || typeof found === 'string') return found
    return this.#fail(name, 'not a text')
  }

  /** A member that must be a whole number from 0 up to 2^53 - 1. */
  count(name: string): number {
    const found = this.value(name)
    if (typeof found === 'number' && Number.isSafeInteger(found) && found >= 0) return found
    return this.#fail(name, 'not a whole number')
  }

  /** A member that must be the text of a time. */
  time(name: string): Date {
    const time = new Date(this.text(name))
    return Number.isNaN(time.getTime()) ? this.#fail(name, 'not a time') : time
  }

  /** A member that must be an object. */
  object(name: string): ObjectReader {
    return new ObjectReader(this.value(name), this.#malformed, name, this)
  }

  /** A member that is an object or absent. */
  optionalObject(name: string): ObjectReader | undefined {
    return this.value(name) === undefined ? undefined : this.object(name)
  }

  /** A member that must be an array of objects; absent counts as empty where `optional`. */
  objects(name: string, optional?: 'optional'): readonly ObjectReader[] {
    const found = this.value(name) ?? (optional === 'optional' ? [] : undefined)
    if (!Array.isArray(found)) return this.#fail(name, 'not an array')
    return found.map(
      (item: JsonValue, index) =>
        new ObjectReader(item, this.#malformed, `${name}[${index}]`, this),
    )
  }

  // Only failures need a path, so it is put together no sooner.
  #path(): string {
    return this.#parent === undefined ? this.#name : `${this.#parent.#path()}.${this.#name}`
  }

  #fail(name: string, what: string): never {
    throw this.#malformed(`${this.#path()}.${name} is ${what}`)
  }
}

/** Starts reading the object of a format; `what` names it in errors. */
export function readObject(
  value: JsonValue | undefined,
  malformed: Malformed,
  what = 'document',
): ObjectReader {
  return new ObjectReader(value, malformed, what)
}
