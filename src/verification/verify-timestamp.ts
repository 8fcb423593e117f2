import type { TrustedRoot } from '@sigstore/protobuf-specs'
import { digestOf } from '../crypto/digest.ts'
import { CountersignError } from '../errors.ts'
import { parseBundle, serializeBundle } from '../formats/bundle.ts'
import { verifyEvidence } from './evidence.ts'

/**
 * Verifies a time stamp over a signature, as a verifier of the bundle that it goes into will.
 *
 * @returns the time that it proves
 * @throws {@link CountersignError} ERR_TIMESTAMP_INVALID — it is not over the signature, or no authority of the
 * trusted root signed it
 */
export async function verifyTimestamp(
  signature: Uint8Array,
  response: Uint8Array,
  root: TrustedRoot,
): Promise<Date> {
  // Who signed what is no matter here, so the content is a stand-in.
  const content = { kind: 'message', digest: digestOf(signature), signature } as const
  const bundle = parseBundle(serializeBundle({ hint: 'none', content, timestamps: [response] }))
  const { times } = await verifyEvidence(bundle, { trustedRoot: root }, { times: 1 })
  const [trusted] = times
  if (trusted !== undefined) return trusted.time
  throw new CountersignError('ERR_TIMESTAMP_INVALID', 'the time stamp proves no time')
}
