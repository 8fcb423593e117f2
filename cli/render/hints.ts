/**
 * What to type where an error of the rooms below says only what is wrong: they know neither options nor
 * commands.
 *
 * @packageDocumentation
 */
import type { VerifiedArtifact } from '../../src/artifacts/verified-artifact.ts'
import { CountersignError, toCountersignError } from '../../src/errors.ts'
import { toErrorDocument } from '../../src/verification/result.ts'

/** By the reason in the details of an error. */
const HINTS: Readonly<Record<string, string>> = {
  'bundle-exists': '--overwrite replaces it, and sign --append adds to it',
  'bundle-place-unknown': 'give --bundle FILE',
  'bundle-place-shared': 'give --bundle a folder (FOLDER/), and name every artifact once',
  'image-bundle-place-unknown': 'give --bundle FILE, or leave out --no-upload',
  'no-digest-signer':
    'sign it with an ES256 or RS256 key, or attest it instead (countersign attest)',
  'nothing-signed':
    'no bundle or attached signature was found; give --bundle FILE, or sign it first: countersign sign',
  'too-few-signers':
    'get the missing signatures, or lower --threshold or --type if they are not needed',
  'bundle-unknown': 'give its bundle with --bundle FILE',
}

/** The error of whatever was thrown, with what to type where that is known. */
export function withTypedHint(thrown: unknown): CountersignError {
  const error = toCountersignError(thrown)
  const { code, message, details, cause } = error
  const { reason } = details
  const hint =
    typeof reason === 'string' && Object.hasOwn(HINTS, reason) ? HINTS[reason] : undefined
  return hint === undefined ? error : new CountersignError(code, message, { hint, details, cause })
}

/** A verdict whose error says what to type. */
export function withTypedVerdict(verified: VerifiedArtifact): VerifiedArtifact {
  if (verified.error === undefined) return verified
  const error = withTypedHint(verified.error)
  return { ...verified, document: { ...verified.document, error: toErrorDocument(error) }, error }
}
