/**
 * The two files of a key ceremony: what a backend gives for an import (`parameters`), and what comes back from the
 * machine that has the key (`wrapped`). Neither holds a secret, and both pass through untrusted hands.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { KEY_WRAPPINGS, type KeyWrapping } from '../crypto/key-wrap.ts'
import { CountersignError } from '../errors.ts'
import { type ObjectReader, parseJson, readObject } from './json.ts'

/** What key material for one key is wrapped with. */
export interface ImportParameters {
  /** Reference to the key, for people. */
  readonly key: string
  readonly wrapping: KeyWrapping
  /** RSA key of the backend, SubjectPublicKeyInfo in DER. */
  readonly wrappingKey: Uint8Array
  /** What the backend finds its private half by. */
  readonly token: Uint8Array
  /** Undefined: until the import. */
  readonly validUntil: Date | undefined
}

/** Key material that one backend can unwrap, and the public key that it belongs to. */
export interface WrappedKey {
  readonly wrapped: Uint8Array
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
}

/** Longest file of either kind. */
export const MAX_KEY_IMPORT_BYTES: number = 64 * 1024

const PARAMETERS = 'countersign-import-parameters'
const WRAPPED = 'countersign-wrapped-key'

/** Writes parameters so that {@link parseImportParameters} reads them back. */
export function serializeImportParameters(parameters: ImportParameters): string {
  const { key, wrapping, wrappingKey, token, validUntil } = parameters
  return serialize({
    type: PARAMETERS,
    version: 1,
    key,
    wrapping,
    wrappingKey: encodeBase64(wrappingKey),
    token: encodeBase64(token),
    ...(validUntil && { validUntil: validUntil.toISOString() }),
  })
}

/**
 * Reads parameters.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID — anything else
 */
export function parseImportParameters(content: Uint8Array): ImportParameters {
  const reader = read(content, PARAMETERS)
  const wrapping = reader.text('wrapping')
  if (!isWrapping(wrapping)) throw malformed(`"${wrapping}" is not a supported way to wrap a key`)
  return {
    key: reader.text('key'),
    wrapping,
    wrappingKey: bytes(reader, 'wrappingKey'),
    token: bytes(reader, 'token'),
    validUntil: readTime(reader.optionalText('validUntil')),
  }
}

/** Writes a wrapped key so that {@link parseWrappedKey} reads it back. */
export function serializeWrappedKey({ wrapped, publicKey }: WrappedKey): string {
  const members = { wrapped: encodeBase64(wrapped), publicKey: encodeBase64(publicKey) }
  return serialize({ type: WRAPPED, version: 1, ...members })
}

/**
 * Reads a wrapped key.
 *
 * @throws {@link CountersignError} ERR_JSON_INVALID — anything else
 */
export function parseWrappedKey(content: Uint8Array): WrappedKey {
  const reader = read(content, WRAPPED)
  return { wrapped: bytes(reader, 'wrapped'), publicKey: bytes(reader, 'publicKey') }
}

function serialize(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`
}

function read(content: Uint8Array, type: string): ObjectReader {
  const document = parseJson(content, { maxBytes: MAX_KEY_IMPORT_BYTES })
  const reader = readObject(document, malformed, 'the file')
  const found = reader.text('type')
  if (found !== type) throw malformed(`expected type "${type}", got "${found}"`)
  if (reader.value('version') !== 1) throw malformed('expected version 1')
  return reader
}

function bytes(reader: ObjectReader, name: string): Uint8Array {
  const decoded = decodeBase64(reader.text(name))
  if (decoded === undefined || decoded.length === 0) throw malformed(`${name} is not base64`)
  return decoded
}

function readTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined
  const time = new Date(text)
  if (Number.isNaN(time.getTime())) throw malformed('validUntil is not a time')
  return time
}

function isWrapping(text: string): text is KeyWrapping {
  return Object.hasOwn(KEY_WRAPPINGS, text)
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_JSON_INVALID', `not a file of a key ceremony: ${why}`)
}
