/** The form that a batch of signatures takes. */
import { CountersignError } from '../errors.ts'
import type { SignFormat } from './artifact-signer.ts'

/**
 * Refuses a batch in the older layout of cosign.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function assertBatchFormat(format: SignFormat): void {
  if (format === 'bundle') return
  throw new CountersignError('ERR_USAGE', 'the older layout has no place for a proof of a batch', {
    hint: 'sign the batch as bundles, or each image by itself',
  })
}
