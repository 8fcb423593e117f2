/**
 * The kinds of leaves of a transparency log that are known: their members, in the order in which they are written.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import { among, type Codec, nested, record, TEXT, variants } from '../formats/fields.ts'
import { HASHEDREKORD_KIND } from '../formats/hashedrekord.ts'
import { LEAF_KINDS, SIGNATURE_LEAF, type SignatureLeaf } from '../formats/signature-leaf.ts'
import { STATE_FACTS } from './entry-codecs.ts'
import type { StateFacts } from './entry.ts'

/** About a change of a key version. */
export interface StateLeaf {
  readonly kind: typeof LEAF_KINDS.state
  readonly spec: StateFacts
}

interface Data {
  readonly algorithm: string
  readonly digest: string
}

interface Verifier {
  readonly keyDetails: string
  readonly publicKey: { readonly rawBytes: string }
}

/** What a Rekor v2 entry says, as `serializeHashedRekord` writes it. */
export interface HashedRekord {
  readonly data: Data
  readonly signature: { readonly content: string; readonly verifier: Verifier }
}

/** A Rekor v2 entry. */
export interface HashedRekordLeaf {
  readonly kind: typeof HASHEDREKORD_KIND.kind
  readonly spec: { readonly hashedRekordV002: HashedRekord }
}

/** A leaf of a kind that is known. */
export type KnownLeaf = SignatureLeaf | StateLeaf | HashedRekordLeaf

/** Makes the error of a leaf that no release wrote. */
export function malformedLeaf(why: string): CountersignError {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `malformed leaf: ${why}`)
}

const STATE = record<StateLeaf>({ kind: among(LEAF_KINDS.state), spec: nested(STATE_FACTS) })

const VERIFIER = record<Verifier>({
  keyDetails: TEXT,
  publicKey: nested(record<Verifier['publicKey']>({ rawBytes: TEXT })),
})

const HASHEDREKORD = record<HashedRekordLeaf>({
  kind: among(HASHEDREKORD_KIND.kind),
  spec: nested(
    record<HashedRekordLeaf['spec']>({
      hashedRekordV002: nested(
        record<HashedRekord>({
          data: nested(record<Data>({ algorithm: TEXT, digest: TEXT })),
          signature: nested(
            record<HashedRekord['signature']>({ content: TEXT, verifier: nested(VERIFIER) }),
          ),
        }),
      ),
    }),
  ),
})

/** A leaf of any kind that is known. */
export const LEAF: Codec<KnownLeaf> = variants<KnownLeaf, 'kind'>('kind', {
  [LEAF_KINDS.signature]: SIGNATURE_LEAF,
  [LEAF_KINDS.state]: STATE,
  [HASHEDREKORD_KIND.kind]: HASHEDREKORD,
})

/** Names of the kinds that are known. */
export const LEAF_KIND_NAMES: readonly KnownLeaf['kind'][] = [
  ...Object.values(LEAF_KINDS),
  HASHEDREKORD_KIND.kind,
]
