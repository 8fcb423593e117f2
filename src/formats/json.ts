/**
 * Strict, bounded JSON (RFC 8259, I-JSON RFC 7493 section 2.3): one meaning for one text. Every byte
 * read here may be attacker-controlled.
 *
 * @packageDocumentation
 */
import { isUtf8 } from 'node:buffer'
import { CountersignError } from '../errors.ts'

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
}

const DEFAULT_MAX_BYTES = 1024 * 1024
const DEFAULT_MAX_DEPTH = 64

function malformed(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_JSON_INVALID', `malformed JSON: ${why}`, { cause })
}

/**
 * Parses one JSON document in valid UTF-8 without a byte order mark.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID — not JSON, a member named twice, nested too deep;
 * ERR_INPUT_TOO_LARGE — over `maxBytes`
 */
export function parseJson(input: Uint8Array | string, limits: JsonLimits = {}): JsonValue {
  const { maxBytes = DEFAULT_MAX_BYTES, maxDepth = DEFAULT_MAX_DEPTH } = limits
  // A string's UTF-8 form is never shorter than its length, so this bounds both.
  if (input.length > maxBytes) {
    throw new CountersignError('ERR_INPUT_TOO_LARGE', `JSON document of over ${maxBytes} bytes`, {
      details: { maxBytes, bytes: input.length },
    })
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input)
  const value = parse(text)
  assertUnambiguous(text, maxDepth)
  return value
}

/** Decodes bytes that must be valid UTF-8; a byte order mark is kept and so fails to parse. */
function decodeUtf8(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw malformed('not valid UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch (cause) {
    // V8's message quotes the text; hostile bytes stay out of our message.
    throw malformed('not a JSON text', cause)
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/**
 * Walks a text that JSON.parse has accepted, so that only strings and brackets matter. JSON.parse
 * keeps the last of two members with one name, where another reader keeps the first: refused.
 */
function assertUnambiguous(text: string, maxDepth: number): void {
  const scopes: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE: {
        const end = stringEnd(text, at)
        const scope = scopes.at(-1)
        if (scope !== undefined && isMemberName(text, end)) addMember(scope, text.slice(at, end))
        at = end - 1
        break
      }
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        scopes.push(text.charCodeAt(at) === OPEN_OBJECT ? new Set() : undefined)
        if (scopes.length > maxDepth) throw malformed(`nested deeper than ${maxDepth}`)
        break
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        scopes.pop()
    }
  }
}

/** Index after the closing quote of the string that opens at `start`. */
function stringEnd(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); ; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1
    if (backslashes % 2 === 0) return quote + 1
  }
}

function isMemberName(text: string, end: number): boolean {
  let at = end
  while (text.charCodeAt(at) <= 0x20) at += 1
  return text.charCodeAt(at) === COLON
}

function addMember(scope: Set<string>, quoted: string): void {
  const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1)
  if (scope.has(name)) throw malformed('a member is named twice')
  scope.add(name)
}

/** Tells whether a value is a JSON object. */
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
  readonly #where: () => string

  constructor(value: JsonValue | undefined, malformed: Malformed, where: () => string) {
    if (!isJsonObject(value)) throw malformed(`${where()} is not an object`)
    this.json = value
    this.#malformed = malformed
    this.#where = where
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

  /** A member that must be an object. */
  object(name: string): ObjectReader {
    return new ObjectReader(this.value(name), this.#malformed, () => this.#path(name))
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
        new ObjectReader(item, this.#malformed, () => `${this.#path(name)}[${index}]`),
    )
  }

  // Only failures need a path, so it is put together no sooner.
  #path(name: string): string {
    return `${this.#where()}.${name}`
  }

  #fail(name: string, what: string): never {
    throw this.#malformed(`${this.#path(name)} is ${what}`)
  }
}

/** Starts reading the object of a format; `what` names it in errors. */
export function readObject(
  value: JsonValue | undefined,
  malformed: Malformed,
  what = 'document',
): ObjectReader {
  return new ObjectReader(value, malformed, () => what)
}
