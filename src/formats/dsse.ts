/**
 * DSSE v1: the envelope and its Pre-Authentication Encoding
 * (secure-systems-lab/dsse, protocol.md and envelope.md).
 *
 * @packageDocumentation
 */
import { decodeBase64, encodeBase64 } from '../crypto/base64.ts'
import { CountersignError } from '../errors.ts'
import { type JsonObject, type JsonValue, parseJson, readObject } from './json.ts'

/** One signature of an envelope; `keyid` is an unauthenticated hint. */
export interface EnvelopeSignature {
  readonly keyid: string
  readonly sig: Uint8Array
}

/** A signed payload of a declared type. */
export interface Envelope {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signatures: readonly EnvelopeSignature[]
}

const MAX_ENVELOPE_BYTES = 24 * 1024 * 1024
const MAX_SIGNATURES = 64

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_ENVELOPE_INVALID', `malformed DSSE envelope: ${why}`)
}

/** Pre-Authentication Encoding: the bytes that are signed. Lengths count bytes. */
export function encodePae(payloadType: string, payload: Uint8Array): Uint8Array {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `
  const size = Buffer.byteLength(head)
  const pae = Buffer.allocUnsafe(size + payload.length)
  pae.write(head)
  pae.set(payload, size)
  return pae
}

/**
 * Parses an envelope from its bytes. The input is attacker-controlled.
 *
 * @throws {@link CountersignError} ERR_ENVELOPE_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE
 *
 * @example
 * ```ts
 * import { parseEnvelope } from 'countersign/verify'
 * import { readFile } from 'node:fs/promises'
 *
 * const { payloadType } = parseEnvelope(await readFile('keys.json'))
 * console.log(payloadType) // application/vnd.countersign.keys.v1+json
 * ```
 */
export function parseEnvelope(bytes: Uint8Array): Envelope {
  return readEnvelope(parseJson(bytes, { maxBytes: MAX_ENVELOPE_BYTES }))
}

/** Reads an envelope that is part of a JSON document already parsed. */
export function readEnvelope(value: JsonValue | undefined): Envelope {
  const envelope = readObject(value, malformed, 'it')
  const signatures = envelope.objects('signatures').map((signature) => ({
    keyid: signature.optionalText('keyid') ?? '',
    sig: readBase64(signature.text('sig'), 'a signature'),
  }))
  if (signatures.length === 0) throw malformed('it has no signature')
  if (signatures.length > MAX_SIGNATURES) throw malformed('it has too many signatures')
  return {
    payloadType: envelope.text('payloadType'),
    payload: readBase64(envelope.text('payload'), 'its payload'),
    signatures,
  }
}

/** Standard or URL-safe base64 with padding, both of which the specification lets a signer write. */
function readBase64(text: string, what: string): Uint8Array {
  const bytes = decodeBase64(text) ?? decodeUrlSafe(text)
  if (bytes === undefined) throw malformed(`${what} is not base64`)
  return bytes
}

/** One alphabet a text: what mixes both is in neither. */
function decodeUrlSafe(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64url')
  const padding = '='.repeat((3 - (bytes.length % 3)) % 3)
  return bytes.toString('base64url') + padding === text ? bytes : undefined
}

/** The JSON form of an envelope: members in the order of cosign, which leaves an empty `keyid` out too. */
export function toEnvelopeJson(envelope: Envelope): JsonObject {
  return {
    payload: encodeBase64(envelope.payload),
    payloadType: envelope.payloadType,
    signatures: envelope.signatures.map(({ keyid, sig }) => ({
      sig: encodeBase64(sig),
      ...(keyid === '' ? {} : { keyid }),
    })),
  }
}

/** Writes an envelope as JSON bytes. */
export function serializeEnvelope(envelope: Envelope): Uint8Array {
  return Buffer.from(JSON.stringify(toEnvelopeJson(envelope)))
}
