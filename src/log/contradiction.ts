import { CountersignError } from '../errors.ts'

/** Makes the error of an entry that cannot stand where it does. */
export function contradiction(
  index: number,
  why: string,
): CountersignError<'ERR_LOG_PROOF_INVALID'> {
  return new CountersignError('ERR_LOG_PROOF_INVALID', `entry ${index} must not be there: ${why}`, {
    hint: 'ask the owner of the log what happened there',
    details: { entry: index },
  })
}
