/**
 * PKCS#11 URIs (RFC 7512), read strictly: only the characters of its grammar, whole percent escapes,
 * valid UTF-8, no path attribute twice. `+` stands for itself. Two names from before the RFC that
 * p11-kit still writes are understood: `object-type` (type) and `pinfile` (pin-source).
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'

/** One object, token, slot or module; an absent attribute matches anything. Every value is decoded. */
export interface Pkcs11Uri {
  readonly scheme: 'pkcs11'
  readonly token?: string
  readonly manufacturer?: string
  readonly serial?: string
  readonly model?: string
  readonly libraryManufacturer?: string
  readonly libraryDescription?: string
  /** `major` or `major.minor`, each at most 255. */
  readonly libraryVersion?: string
  /** CKA_LABEL. */
  readonly object?: string
  /** `public`, `private`, `cert`, `secret-key`, `data`, or something that matches no object. */
  readonly type?: string
  /** CKA_ID: bytes, not text. */
  readonly id?: Uint8Array
  readonly slotId?: number
  readonly slotManufacturer?: string
  readonly slotDescription?: string
  readonly pinSource?: string
  /** A secret; see assertNoSecret and displayKeyUri in key-uri.ts. */
  readonly pinValue?: string
  readonly moduleName?: string
  readonly modulePath?: string
  /** Path attributes the RFC does not name: nothing is known to match them. */
  readonly vendorPath?: Readonly<Record<string, string>>
  /** Query attributes the RFC does not name, in order; they may repeat and are ignored. */
  readonly vendorQuery?: readonly (readonly [name: string, value: string])[]
}

type TextField = Exclude<keyof Pkcs11Uri, 'scheme' | 'id' | 'slotId' | 'vendorPath' | 'vendorQuery'>

type Draft = { -readonly [Field in keyof Pkcs11Uri]: Pkcs11Uri[Field] }

/** Fields that hold one text, by the name their attribute has in a URI; the order they are written in. */
const PATH_TEXTS: ReadonlyMap<string, TextField> = new Map<string, TextField>([
  ['token', 'token'],
  ['manufacturer', 'manufacturer'],
  ['serial', 'serial'],
  ['model', 'model'],
  ['library-manufacturer', 'libraryManufacturer'],
  ['library-description', 'libraryDescription'],
  ['library-version', 'libraryVersion'],
  ['slot-manufacturer', 'slotManufacturer'],
  ['slot-description', 'slotDescription'],
  ['object', 'object'],
  ['type', 'type'],
])

const QUERY_TEXTS: ReadonlyMap<string, TextField> = new Map<string, TextField>([
  ['module-name', 'moduleName'],
  ['module-path', 'modulePath'],
  ['pin-source', 'pinSource'],
  ['pin-value', 'pinValue'],
])

const OLD_NAMES = new Map([
  ['object-type', 'type'],
  ['pinfile', 'pin-source'],
])

const MAX_CHARACTERS = 8192

// Section 2.3: unreserved and pk11-res-avail; the path adds "&", the query "/", "?" and "|".
const PATH_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=&]|%[0-9A-Fa-f]{2})*$/
const QUERY_VALUE = /^(?:[A-Za-z0-9\-._~:[\]@!$'()*+,=/?|]|%[0-9A-Fa-f]{2})*$/

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The URI may carry a PIN, so no message quotes a value of it. */
function invalid(why: string, cause?: unknown): CountersignError {
  return new CountersignError('ERR_KEY_URI_INVALID', `not a PKCS#11 URI: ${why}`, {
    hint: 'write pkcs11:token=NAME;object=KEY?module-path=/path/to/module.so (RFC 7512), other characters as %XX',
    cause,
  })
}

/**
 * Parses a `pkcs11:` URI.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, an attribute twice, or a value out
 * of its range; the message names the attribute and never a value
 */
export function parsePkcs11Uri(text: string): Pkcs11Uri {
  if (text.length > MAX_CHARACTERS) throw invalid(`over ${MAX_CHARACTERS} characters`)
  const [, path, query] = /^pkcs11:([^?]*)(?:\?(.*))?$/is.exec(text) ?? []
  if (path === undefined) throw invalid('it does not begin with "pkcs11:"')
  const uri: Draft = { scheme: 'pkcs11' }
  readPath(uri, splitAttributes(path, ';', PATH_VALUE))
  readQuery(uri, splitAttributes(query ?? '', '&', QUERY_VALUE))
  return uri
}

type Attribute = readonly [name: string, encoded: string]

function splitAttributes(component: string, separator: string, value: RegExp): Attribute[] {
  if (component === '') return []
  return component.split(separator).map((attribute) => {
    const [, written, encoded] = /^([A-Za-z0-9_-]+)=(.*)$/s.exec(attribute) ?? []
    if (written === undefined || encoded === undefined) throw invalid('expected NAME=VALUE')
    const name = OLD_NAMES.get(written) ?? written
    if (!value.test(encoded)) throw invalid(`a character of "${name}" needs to be written as %XX`)
    return [name, encoded]
  })
}

function readPath(uri: Draft, attributes: readonly Attribute[]): void {
  const vendor: [string, string][] = []
  for (const [name, encoded] of withoutRepeats(attributes)) {
    const field = PATH_TEXTS.get(name)
    if (field !== undefined) uri[field] = decodeText(name, encoded)
    else if (name === 'id') uri.id = decodeBytes(encoded)
    else if (name === 'slot-id') uri.slotId = parseSlotId(encoded)
    else vendor.push([name, decodeText(name, encoded)])
  }
  if (uri.libraryVersion !== undefined) assertVersion(uri.libraryVersion)
  if (vendor.length > 0) uri.vendorPath = Object.fromEntries(vendor)
}

function readQuery(uri: Draft, attributes: readonly Attribute[]): void {
  const isStandard = ([name]: Attribute): boolean => QUERY_TEXTS.has(name)
  for (const [name, encoded] of withoutRepeats(attributes.filter(isStandard))) {
    const field = QUERY_TEXTS.get(name)
    if (field !== undefined) uri[field] = decodeText(name, encoded)
  }
  const vendor = attributes.filter((attribute) => !isStandard(attribute))
  if (vendor.length === 0) return
  uri.vendorQuery = vendor.map(([name, encoded]) => [name, decodeText(name, encoded)])
}

function withoutRepeats(attributes: readonly Attribute[]): readonly Attribute[] {
  const names = attributes.map(([name]) => name)
  const repeated = names.find((name, index) => names.indexOf(name) !== index)
  if (repeated !== undefined) throw invalid(`"${repeated}" is there twice`)
  return attributes
}

function decodeBytes(encoded: string): Uint8Array {
  const octets = encoded.replaceAll(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(octets, 'latin1')
}

function decodeText(name: string, encoded: string): string {
  const text = decodeUtf8(name, decodeBytes(encoded))
  // A NUL would cut the text short in the C library below.
  if (text.includes('\0')) throw invalid(`"${name}" has a NUL character`)
  return text
}

function decodeUtf8(name: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw invalid(`"${name}" is not valid UTF-8`, cause)
  }
}

function parseSlotId(encoded: string): number {
  const slotId = /^[0-9]+$/.test(encoded) ? Number(encoded) : Number.NaN
  if (Number.isSafeInteger(slotId)) return slotId
  throw invalid('"slot-id" is not a number that fits')
}

function assertVersion(version: string): void {
  const [, major, minor = '0'] = /^([0-9]+)(?:\.([0-9]+))?$/.exec(version) ?? []
  if (major === undefined || Number(major) > 255 || Number(minor) > 255) {
    throw invalid('"library-version" is not MAJOR or MAJOR.MINOR, each at most 255')
  }
}

/** Writes a URI so that {@link parsePkcs11Uri} reads it back; a PIN in it is written too. */
export function serializePkcs11Uri(uri: Pkcs11Uri): string {
  const path = [
    ...writeTexts(uri, PATH_TEXTS, /[^A-Za-z0-9\-._~:]/gu),
    ...(uri.id === undefined ? [] : [`id=${encodeBytes(uri.id)}`]),
    ...(uri.slotId === undefined ? [] : [`slot-id=${uri.slotId}`]),
    ...Object.entries(uri.vendorPath ?? {}).map(([name, value]) => `${name}=${encode(value)}`),
  ]
  const query = [
    ...writeTexts(uri, QUERY_TEXTS, /[^A-Za-z0-9\-._~:/]/gu),
    ...(uri.vendorQuery ?? []).map(([name, value]) => `${name}=${encode(value)}`),
  ]
  return `pkcs11:${path.join(';')}${query.length === 0 ? '' : `?${query.join('&')}`}`
}

/** The same URI without its `pin-value`, for keeping. */
export function withoutPin(uri: Pkcs11Uri): Pkcs11Uri {
  const kept: Draft = { ...uri }
  delete kept.pinValue
  return kept
}

function writeTexts(
  uri: Pkcs11Uri,
  fields: ReadonlyMap<string, TextField>,
  escaped: RegExp,
): string[] {
  return [...fields].flatMap(([name, field]) => {
    const value = uri[field]
    return value === undefined ? [] : [`${name}=${encode(value, escaped)}`]
  })
}

function encode(text: string, escaped = /[^A-Za-z0-9\-._~]/gu): string {
  return text.replaceAll(escaped, (character) => encodeBytes(Buffer.from(character)))
}

function encodeBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join(
    '',
  )
}
