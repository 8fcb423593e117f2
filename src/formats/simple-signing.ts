/**
 * The payload older cosign signatures are made over ("simple signing", cosign SIGNATURE_SPEC.md,
 * containers/image docs/containers-signature.5.md). The bytes are signed as they are.
 *
 * @packageDocumentation
 */
import { type Digest, isDigest } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { type JsonObject, parseJson, readObject } from './json.ts'

/** Media type of the payload as an OCI layer. */
export const SIMPLE_SIGNING_MEDIA_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json'

const PAYLOAD_TYPE = 'cosign container image signature'
const MAX_PAYLOAD_BYTES = 1024 * 1024

/** What a simple-signing payload claims. */
export interface SimpleSigningPayload {
  /** Repository name the image is known by; policies of containers/image compare it. */
  readonly dockerReference: string
  readonly imageDigest: Digest
  readonly annotations: JsonObject
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_ENVELOPE_INVALID', `malformed simple-signing payload: ${why}`)
}

/** Writes the payload in the byte form cosign writes. */
export function serializeSimpleSigning(payload: SimpleSigningPayload): Uint8Array {
  const { dockerReference, imageDigest, annotations } = payload
  const optional = Object.keys(annotations).length === 0 ? null : annotations
  return Buffer.from(
    JSON.stringify({
      critical: {
        identity: { 'docker-reference': dockerReference },
        image: { 'docker-manifest-digest': imageDigest },
        type: PAYLOAD_TYPE,
      },
      optional,
    }),
  )
}

/**
 * Parses the payload. The input is attacker-controlled until its signature has been verified.
 *
 * @throws {@link CountersignError} ERR_ENVELOPE_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE
 */
export function parseSimpleSigning(bytes: Uint8Array): SimpleSigningPayload {
  const payload = readObject(parseJson(bytes, { maxBytes: MAX_PAYLOAD_BYTES }), malformed, 'it')
  const critical = payload.object('critical')
  if (critical.text('type') !== PAYLOAD_TYPE) throw malformed('its type is not an image signature')
  const imageDigest = critical.object('image').text('docker-manifest-digest')
  if (!isDigest(imageDigest)) throw malformed('it names no image digest')
  const optional =
    payload.value('optional') === null ? undefined : payload.optionalObject('optional')
  return {
    dockerReference: critical.object('identity').text('docker-reference'),
    imageDigest,
    annotations: optional?.json ?? {},
  }
}
