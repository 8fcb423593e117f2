/**
 * Reading leaves of a transparency log. Kinds and members that are not known are skipped, so that a log of a
 * later version can still be read; what is known has its one form. The input is attacker-controlled.
 *
 * @packageDocumentation
 */
import { decodeBase64 } from '../crypto/base64.ts'
import { type Digest, DIGEST_BYTES, formatDigest } from '../crypto/digest.ts'
import { parsePublicKeySpki } from '../crypto/public-key.ts'
import { SIGSTORE_HASHES } from '../formats/bundle.ts'
import { HASHEDREKORD_KIND } from '../formats/hashedrekord.ts'
import { LEAF_KINDS } from '../formats/signature-leaf.ts'
import type { StateFacts } from './entry.ts'
import { type HashedRekord, type KnownLeaf, malformedLeaf } from './leaf-codecs.ts'
import { readLeaf } from './leaf-format.ts'
import { isStockLeaf, leafLabel, stateLabel } from './public-leaf.ts'

/** What a leaf says; `skipped` has the members that this release does not know. */
export type LeafContent =
  | { readonly kind: 'state'; readonly state: StateFacts; readonly skipped: readonly string[] }
  | {
      readonly kind: 'signature'
      readonly kid: string
      readonly digest: string
      readonly skipped: readonly string[]
    }
  | {
      /** Of a kind, or with a value, that a later release added. */
      readonly kind: 'unknown'
      readonly name: string
      readonly why: string
    }

/** Keys sign many leaves: so many are remembered by their encoding. */
const MAX_KIDS = 1000

/** Reads leaves of one log. */
export class LeafReader {
  readonly #kids = new Map<string, string>()

  /**
   * Reads a leaf.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — of a kind that is known, and malformed;
   * ERR_JSON_INVALID — not strict JSON; ERR_FORMAT_UNSUPPORTED — of a later version, which may not be skipped
   */
  read(data: Uint8Array): LeafContent {
    const read = readLeaf(data)
    return read.kind === 'unknown' ? read : { ...this.#contentOf(read.leaf), skipped: read.skipped }
  }

  #contentOf({ kind, spec }: KnownLeaf): KnownContent {
    switch (kind) {
      case LEAF_KINDS.state:
        return { kind: 'state', state: spec }
      case LEAF_KINDS.signature:
        return { kind: 'signature', kid: spec.kid, digest: spec.digest }
      case HASHEDREKORD_KIND.kind:
        return this.#readHashedRekord(spec.hashedRekordV002)
    }
  }

  #readHashedRekord({ data, signature }: HashedRekord): KnownContent {
    const kid = this.#kidOf(signature.verifier.publicKey.rawBytes)
    return { kind: 'signature', kid, digest: readDigest(data) }
  }

  #kidOf(rawBytes: string): string {
    const known = this.#kids.get(rawBytes)
    if (known !== undefined) return known
    const spki = decodeBase64(rawBytes)
    if (spki === undefined) throw malformedLeaf('its key is not base64')
    const { kid } = parsePublicKeySpki(spki)
    if (this.#kids.size < MAX_KIDS) this.#kids.set(rawBytes, kid)
    return kid
  }
}

type KnownContent =
  | { readonly kind: 'state'; readonly state: StateFacts }
  | { readonly kind: 'signature'; readonly kid: string; readonly digest: string }

function readDigest({ algorithm: name, digest }: HashedRekord['data']): Digest {
  const hash = Object.hasOwn(SIGSTORE_HASHES, name) ? SIGSTORE_HASHES[name] : undefined
  const bytes = decodeBase64(digest)
  if (hash === undefined || bytes?.length !== DIGEST_BYTES[hash]) {
    throw malformedLeaf('its digest is not SHA2_256, SHA2_384 or SHA2_512')
  }
  return formatDigest(hash, bytes)
}

/**
 * Names by which a leaf is found; it has those that {@link signatureLeaf} and {@link stateLeafOf} gave it.
 *
 * @throws {@link CountersignError} as {@link LeafReader.read}
 */
export function labelsOfLeaf(data: Uint8Array): readonly string[] {
  if (isStockLeaf(data)) return []
  const content = new LeafReader().read(data)
  return content.kind === 'state' ? [stateLabel(content.state.key.kid)] : [leafLabel(data)]
}
