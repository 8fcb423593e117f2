/** What a key is, as text and as JSON. */
import { createHash } from 'node:crypto'
import {
  describeKeyKind,
  type PublicJwk,
  type PublicKeyInfo,
  serializePublicKeyJwk,
  serializePublicKeyPem,
} from '../../src/crypto/public-key.ts'
import { type Painter, renderRows, type Row, toReport } from './layout.ts'

/** A key in the documents of `key create` and `key show`. */
export interface KeyDocument {
  readonly reference: string
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly algorithm: string
  /** Such as `EC P-256`, `RSA 3072`. */
  readonly kind: string
  /** SHA-256 of the SubjectPublicKeyInfo, in hex: what openssl and cosign show. */
  readonly spkiSha256: string
  /** How a Sigstore bundle points to the key. */
  readonly hint: string
  readonly jwk: PublicJwk
  readonly pem: string
}

/** Makes the document of a key. */
export function toKeyDocument(reference: string, key: PublicKeyInfo): KeyDocument {
  return {
    reference,
    kid: key.kid,
    algorithm: key.algorithm.name,
    kind: describeKeyKind(key),
    spkiSha256: createHash('sha256').update(key.spki).digest('hex'),
    hint: key.hint,
    jwk: serializePublicKeyJwk(key),
    pem: serializePublicKeyPem(key),
  }
}

/** Renders a key; whole, for it is what was asked for. */
export function renderKey(key: KeyDocument, painter: Painter): string {
  const { reference, kid, algorithm, kind, spkiSha256, hint } = key
  const rows: readonly Row[] = [
    ['key', reference],
    ['kid', kid],
    ['algorithm', `${algorithm} (${kind})`],
    ['sha256', spkiSha256],
    ['hint', hint],
  ]
  return toReport(renderRows(rows, painter, 0))
}
