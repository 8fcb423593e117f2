/** What a bundle says of itself, unverified. */
import { parseBundle } from '../../src/formats/bundle.ts'
import { parseStatement } from '../../src/formats/statement.ts'

/** Claims, every one of them attacker-controlled. */
export interface BundleFacts {
  /** What is signed: a statement, or a file's bytes. */
  readonly content: 'statement' | 'message'
  readonly predicateType?: string
  /** `base64(sha256(SPKI))` of the key that is said to have signed. */
  readonly hint?: string
  /** Whether a certificate is inside instead of a hint. */
  readonly certificate?: true
  readonly logEntries: number
  readonly timestamps: number
}

/**
 * Reads the claims of a bundle.
 *
 * @throws {@link CountersignError} ERR_BUNDLE_INVALID, ERR_ENVELOPE_INVALID, ERR_STATEMENT_INVALID,
 * ERR_JSON_INVALID, ERR_INPUT_TOO_LARGE
 */
export function readBundleFacts(bytes: Uint8Array): BundleFacts {
  const { content, member, signer, logEntries, timestamps } = parseBundle(bytes)
  const who = signer.kind === 'key' ? { hint: signer.hint } : { certificate: true as const }
  const counts = { logEntries, timestamps }
  if (content.kind === 'message') return { content: 'message', ...who, ...counts }
  const { predicateType } = parseStatement(member?.statement ?? content.envelope.payload)
  return { content: 'statement', predicateType, ...who, ...counts }
}
