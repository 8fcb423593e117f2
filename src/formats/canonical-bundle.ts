/**
 * The form of a bundle by which it is named: without blank space, and with the smaller s of an ECDSA
 * signature, and without the log entries that its signer added after its own log had it. The log finds a bundle
 * whatever copy of it one has.
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { type Digest, digestOf } from '../crypto/digest.ts'
import { toCanonicalSignature } from '../crypto/low-s.ts'
import { parseBundle } from './bundle.ts'
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts'
import { withoutLogEntries } from './log-entry.ts'

/**
 * Digest of a bundle in its canonical form.
 *
 * @throws {@link CountersignError} as parseBundle
 */
export function canonicalBundleDigest(bytes: Uint8Array): Digest {
  const { json } = parseBundle(bytes)
  const document = replace(
    replace(withoutLogEntries(json), 'dsseEnvelope', withSignatures),
    'messageSignature',
    (message) => replace(message, 'signature', canonicalText),
  )
  return digestOf(Buffer.from(JSON.stringify(document)))
}

function withSignatures(envelope: JsonValue): JsonValue {
  return replace(envelope, 'signatures', (signatures) =>
    Array.isArray(signatures)
      ? signatures.map((one: JsonValue) => replace(one, 'sig', canonicalText))
      : signatures,
  )
}

/** A copy with one member changed, in its place; anything else as it is. */
function replace(
  value: JsonValue,
  name: string,
  change: (member: JsonValue) => JsonValue,
): JsonValue {
  if (!isJsonObject(value)) return value
  const member = Object.hasOwn(value, name) ? value[name] : undefined
  return member === undefined ? value : ({ ...value, [name]: change(member) } satisfies JsonObject)
}

function canonicalText(text: JsonValue): JsonValue {
  const signature = typeof text === 'string' ? decodeBase64(text) : undefined
  return signature === undefined ? text : encodeBase64(toCanonicalSignature(signature))
}
