/** Signatures whose leaf in a log is looked for, as files have them. */
import { decodeBase64 } from '../../src/crypto/base64.ts'
import { verifyX509Message } from '../../src/crypto/verify.ts'
import { CountersignError } from '../../src/errors.ts'
import type { BatchMembership } from '../../src/formats/batch.ts'
import { MAX_BUNDLE_BYTES, parseBundle } from '../../src/formats/bundle.ts'
import type { SignatureFacts } from '../../src/formats/hashedrekord.ts'
import { isJsonObject, type JsonObject, parseJson, readObject } from '../../src/formats/json.ts'
import { serializeSignatureLeaf } from '../../src/formats/signature-leaf.ts'
import { findBundleSigner, noSigner } from '../../src/verification/content.ts'
import { signatureFacts } from '../../src/verification/log-entries.ts'
import { selectKeys, type TrustedKey, type TrustMaterial } from '../../src/verification/trust.ts'
import { payloadFacts } from '../../src/verification/verify-legacy.ts'

/** A signature, who made it, and its leaf. */
export interface SignedLeaf {
  /** The bundle that it is from; undefined for the older layout of cosign. */
  readonly bundle: JsonObject | undefined
  /** Of a batch member: where its statement is in the batch. */
  readonly member?: BatchMembership | undefined
  readonly signer: TrustedKey
  readonly leaf: Uint8Array
}

/**
 * Reads a bundle, or a signature of the older layout as `cosign download signature` prints it, and finds the
 * trusted key that made it. Whether the key may sign what it did, and when, is a matter of verification.
 *
 * @throws {@link CountersignError} ERR_SIGNATURE_INVALID, ERR_KEY_NOT_TRUSTED — no trusted key made it;
 * ERR_BUNDLE_INVALID, ERR_ENVELOPE_INVALID, ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE
 */
export async function readSignedLeaf(bytes: Uint8Array, trust: TrustMaterial): Promise<SignedLeaf> {
  const json = parseJson(bytes, { maxBytes: MAX_BUNDLE_BYTES })
  if (isJsonObject(json) && 'Base64Signature' in json) return readLegacy(json, trust)
  const { content, member, signer: named, json: bundle } = parseBundle(bytes)
  const hint = named.kind === 'key' ? named.hint : ''
  const candidates = selectKeys(hint, trust)
  const signer = await findBundleSigner(content, candidates)
  if (signer === undefined) throw noSigner(candidates, candidates[0]?.key.hint === hint)
  return { ...toLeaf(bundle, signer, signatureFacts(content, signer.key)), member }
}

function readLegacy(json: JsonObject, { keys }: TrustMaterial): SignedLeaf {
  const members = readObject(json, malformed, 'it')
  const signature = decodeBase64(members.text('Base64Signature'))
  const payload = decodeBase64(members.text('Payload'))
  if (signature === undefined || payload === undefined) throw malformed('it is not base64')
  const signer = keys.find(({ key }) => verifyX509Message(key, payload, signature))
  if (signer === undefined) throw noSigner(keys, false)
  return toLeaf(undefined, signer, payloadFacts({ payload, signature }, signer.key))
}

function toLeaf(
  bundle: JsonObject | undefined,
  signer: TrustedKey,
  facts: SignatureFacts,
): SignedLeaf {
  return { bundle, signer, leaf: serializeSignatureLeaf(signer.key, facts) }
}

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_BUNDLE_INVALID', `malformed signature: ${why}`)
}
