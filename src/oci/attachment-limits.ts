/** The errors of an image to which more is attached than is read. */
import { CountersignError } from '../errors.ts'
import { MAX_ATTACHED } from '../formats/oci-referrer.ts'

/** The error of more attached items than were asked for. */
export function tooManyAttached(location: string, count: number): CountersignError {
  return new CountersignError('ERR_INPUT_TOO_LARGE', `${count} items are attached in ${location}`, {
    ...(count <= MAX_ATTACHED
      ? { hint: `to read them all, allow ${count}`, reason: 'too-many-attached' }
      : { hint: 'remove what does not belong there from the registry' }),
    details: { count },
  })
}

/** The error of a bundle that would take more memory than all of one image may. */
export function tooMuchAttached(maxBytes: number): CountersignError {
  return new CountersignError(
    'ERR_INPUT_TOO_LARGE',
    `not read: the large bundles of the image have over ${maxBytes} bytes together`,
    {
      hint: 'remove what does not belong there from the registry',
      reason: 'too-much-attached',
      details: { maxBytes },
    },
  )
}
