/**
 * What a bundle's log entries are about. Stock verifiers prove that an entry is in its log, and compare some of
 * its members; what is logged is the whole body, so the whole body is compared.
 *
 * @packageDocumentation
 */
import { decodeBase64 } from '../crypto/base64.ts'
import { formatDigest, hashBytes } from '../crypto/digest.ts'
import type { PublicKeyInfo } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import type { Bundle, BundleContent } from '../formats/bundle.ts'
import { encodePae } from '../formats/dsse.ts'
import {
  HASHEDREKORD_KIND,
  serializeHashedRekord,
  type SignatureFacts,
} from '../formats/hashedrekord.ts'
import { type JsonObject, readObject } from '../formats/json.ts'
import type { EvidenceDemand } from './evidence.ts'
import type { TrustedKey, TrustMaterial } from './trust.ts'

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_BUNDLE_INVALID', `malformed Sigstore bundle: ${why}`)
}

/**
 * Makes sure that each Rekor v2 entry of a bundle that a key signed is about that key and that signature.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — one is not; ERR_BUNDLE_INVALID — one is malformed
 */
export function assertEntriesAbout({ json, content }: Bundle, key: PublicKeyInfo): void {
  const material = readObject(json, malformed, 'it').object('verificationMaterial')
  for (const entry of material.objects('tlogEntries', 'optional')) {
    const { kind, version } = entry.object('kindVersion').json
    if (kind !== HASHEDREKORD_KIND.kind || version !== HASHEDREKORD_KIND.version) continue
    assertBody(entry.json, serializeHashedRekord(key, factsOf(content, key)))
  }
}

/**
 * Makes sure that a bundle without an entry is of a form of which bundles carry none.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — it should have one: the service did not release it
 */
export function assertUnlogged({ content }: Bundle, key: PublicKeyInfo): void {
  if (serializeHashedRekord(key, factsOf(content, key)) === undefined) return
  throw unlogged(
    'the bundle has no entry of the transparency log',
    'was it signed past the service? if you rely on it all the same, give --require-log 0',
  )
}

/**
 * Makes sure that a payload of the older layout, which has no member for a proof, is by a key of which no bundle
 * carries one either: a thief of any other key would choose this layout.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — a bundle by the key would have one
 */
export function assertOlderLayoutUnlogged(
  key: PublicKeyInfo,
  { payload, signature }: { readonly payload: Uint8Array; readonly signature: Uint8Array },
): void {
  const hash = key.algorithm.hash ?? 'sha256'
  const facts = {
    content: 'envelope',
    digest: formatDigest(hash, hashBytes(hash, payload)),
  } as const
  if (serializeHashedRekord(key, { ...facts, signature }) === undefined) return
  throw unlogged(
    'a signature in the older cosign layout carries no entry of the transparency log',
    'verify a bundle of the image instead; if you rely on the older layout all the same, give --require-log 0',
  )
}

function unlogged(message: string, hint: string): CountersignError {
  const why = 'and the service logs every signature it releases'
  return new CountersignError('ERR_LOG_PROOF_INVALID', `${message}, ${why}`, { hint })
}

/**
 * Tells whether a signature by a key counts only with a log entry where the caller demands no number: a service
 * whose log is known signs with it.
 */
export function isLogDemanded(
  { issuer }: TrustedKey,
  { trustedRoot }: TrustMaterial,
  { logEntries }: EvidenceDemand,
): boolean {
  const hasLog = trustedRoot !== undefined && trustedRoot.tlogs.length > 0
  return logEntries === undefined && issuer !== undefined && hasLog
}

function assertBody({ canonicalizedBody }: JsonObject, expected: Uint8Array | undefined): void {
  const body = typeof canonicalizedBody === 'string' ? decodeBase64(canonicalizedBody) : undefined
  if (body !== undefined && expected !== undefined && Buffer.from(body).equals(expected)) return
  throw new CountersignError(
    'ERR_LOG_PROOF_INVALID',
    'the log entry of the bundle is about another signature, or not in its one form',
    { hint: 'do not rely on the bundle: ask who published it for another copy' },
  )
}

function factsOf(content: BundleContent, { algorithm }: PublicKeyInfo): SignatureFacts {
  if (content.kind === 'message') {
    return { content: 'file', digest: content.digest, signature: content.signature }
  }
  const { payload, payloadType, signatures } = content.envelope
  const hash = algorithm.hash ?? 'sha256'
  const digest = formatDigest(hash, hashBytes(hash, encodePae(payloadType, payload)))
  return { content: 'envelope', digest, signature: signatures[0]?.sig ?? new Uint8Array() }
}
