/**
 * Reading leaves of a transparency log. Kinds and members that are not known are skipped, so that a log of a
 * later version can still be read; what is known has its one form. The input is attacker-controlled.
 *
 * @packageDocumentation
 */
import { decodeBase64 } from '../crypto/base64.ts'
import { type Digest, DIGEST_BYTES, formatDigest } from '../crypto/digest.ts'
import { parsePublicKeySpki } from '../crypto/public-key.ts'
import { CountersignError } from '../errors.ts'
import { SIGSTORE_HASHES } from '../formats/bundle.ts'
import { HASHEDREKORD_KIND } from '../formats/hashedrekord.ts'
import { type ObjectReader, parseJson, readObject } from '../formats/json.ts'
import { LEAF_KINDS } from '../formats/signature-leaf.ts'
import { isKeyUse } from '../keys/key.ts'
import { type KeyState, isKeyState } from '../keys/state.ts'
import type { StateFacts } from './entry.ts'
import { MAX_ENTRY_BYTES } from './entry-bundle.ts'
import { isStockLeaf, leafLabel, stateLabel } from './public-leaf.ts'

/** What a leaf says. */
export type LeafContent =
  | { readonly kind: 'state'; readonly state: StateFacts }
  | { readonly kind: 'signature'; readonly kid: string; readonly digest: string }
  | { readonly kind: 'unknown'; readonly name: string }

/** Keys sign many leaves: so many are remembered by their encoding. */
const MAX_KIDS = 1000

function malformed(why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `malformed leaf: ${why}`)
}

/** Reads leaves of one log. */
export class LeafReader {
  readonly #kids = new Map<string, string>()

  /**
   * Reads a leaf.
   *
   * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID — of a kind that is known, and not as it must be;
   * ERR_JSON_INVALID — not strict JSON
   */
  read(data: Uint8Array): LeafContent {
    const leaf = readObject(parseJson(data, { maxBytes: MAX_ENTRY_BYTES }), malformed, 'leaf')
    const name = leaf.text('kind')
    const version = leaf.text('apiVersion')
    switch (name) {
      case LEAF_KINDS.state:
        return { kind: 'state', state: readState(leaf.object('spec')) }
      case LEAF_KINDS.signature:
        return readSignature(leaf.object('spec'))
      case HASHEDREKORD_KIND.kind:
        if (version !== HASHEDREKORD_KIND.version) return { kind: 'unknown', name }
        return this.#readHashedRekord(leaf.object('spec').object('hashedRekordV002'))
      default:
        return { kind: 'unknown', name }
    }
  }

  #readHashedRekord(spec: ObjectReader): LeafContent {
    const data = spec.object('data')
    const key = spec.object('signature').object('verifier').object('publicKey').text('rawBytes')
    return { kind: 'signature', kid: this.#kidOf(key), digest: readDigest(data) }
  }

  #kidOf(rawBytes: string): string {
    const known = this.#kids.get(rawBytes)
    if (known !== undefined) return known
    const spki = decodeBase64(rawBytes)
    if (spki === undefined) throw malformed('its key is not base64')
    const { kid } = parsePublicKeySpki(spki)
    if (this.#kids.size < MAX_KIDS) this.#kids.set(rawBytes, kid)
    return kid
  }
}

function readDigest(data: ObjectReader): Digest {
  const name = data.text('algorithm')
  const hash = Object.hasOwn(SIGSTORE_HASHES, name) ? SIGSTORE_HASHES[name] : undefined
  const bytes = decodeBase64(data.text('digest'))
  if (hash === undefined || bytes?.length !== DIGEST_BYTES[hash]) {
    throw malformed('its digest is none of SHA2_256, SHA2_384 and SHA2_512')
  }
  return formatDigest(hash, bytes)
}

function readSignature(spec: ObjectReader): LeafContent {
  return { kind: 'signature', kid: spec.text('kid'), digest: spec.text('digest') }
}

function readState(spec: ObjectReader): StateFacts {
  const key = spec.object('key')
  const use = spec.text('use')
  if (!isKeyUse(use)) throw malformed('its use is not known')
  return {
    key: { name: key.text('name'), version: key.count('version'), kid: key.text('kid') },
    use,
    from: spec.value('from') === undefined ? undefined : readKeyState(spec, 'from'),
    to: readKeyState(spec, 'to'),
    action: spec.text('action'),
    time: spec.time('time'),
    compromisedSince:
      spec.value('compromisedSince') === undefined ? undefined : spec.time('compromisedSince'),
    certificatesSha256: spec.optionalText('certificatesSha256'),
    sequence: spec.count('sequence'),
  }
}

function readKeyState(spec: ObjectReader, name: string): KeyState {
  const state = spec.text(name)
  if (isKeyState(state)) return state
  throw malformed(`"${name}" is not a state`)
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
