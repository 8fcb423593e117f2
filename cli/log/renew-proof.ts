/** Putting a new proof into a bundle. */
import { toMemberJson } from '../../src/formats/batch.ts'
import { parseBundle } from '../../src/formats/bundle.ts'
import { CountersignError } from '../../src/errors.ts'
import type { JsonObject } from '../../src/formats/json.ts'
import { withLogEntry } from '../../src/formats/log-entry.ts'
import { parseSignedNote, serializeSignedNote } from '../../src/formats/signed-note.ts'
import type { ProvenInLog } from '../../src/log/prove-leaf.ts'
import { verifyEvidence } from '../../src/verification/evidence.ts'
import { assertEntriesAbout } from '../../src/verification/log-entries.ts'
import { trustedLogs } from '../../src/verification/log-proof.ts'
import type { TrustMaterial } from '../../src/verification/trust.ts'
import type { SignedLeaf } from './signed-leaf.ts'

/**
 * Writes a bundle with a new proof in place of those it had, once verifiers of Sigstore accept it.
 *
 * @throws {@link CountersignError} ERR_LOG_PROOF_INVALID, ERR_BUNDLE_INVALID — they would not
 */
export async function renewBundle(
  { bundle, leaf, member, signer }: SignedLeaf & { readonly bundle: JsonObject },
  { proof, checkpoint }: ProvenInLog,
  { trustedRoot }: TrustMaterial,
): Promise<string> {
  const { note, keyId } = signedByLog(proof.checkpoint, trustedRoot)
  const { index, hashes } = proof
  const { size, root } = checkpoint
  const proven = { leaf, index, hashes, size, root, checkpoint: note, keyId }
  const logged = withLogEntry(bundle, proven)
  const text = JSON.stringify(member === undefined ? logged : toMemberJson(logged, member))
  const renewed = parseBundle(Buffer.from(text))
  assertEntriesAbout(renewed, signer.key)
  await verifyEvidence(renewed, { trustedRoot }, { times: 0 })
  return text
}

/** Signed by one key of the log, since a bundle names the key by its id, and by all witnesses that cosigned. */
function signedByLog(
  checkpoint: string,
  root: TrustMaterial['trustedRoot'],
): { readonly note: string; readonly keyId: Uint8Array } {
  const { text, signatures } = parseSignedNote(Buffer.from(checkpoint))
  for (const { key, keyId } of trustedLogs(root)) {
    const line = signatures.find(
      ({ name, id }) => name === key.name && key.id.every((byte, at) => byte === id[at]),
    )
    if (line !== undefined && key.verify(Buffer.from(text), line.signature)) {
      const others = signatures.filter(({ name }) => name !== key.name)
      return { note: serializeSignedNote({ text, signatures: [line, ...others] }), keyId }
    }
  }
  throw new CountersignError('ERR_NOTE_INVALID', 'no trusted key of the log signed its checkpoint')
}
