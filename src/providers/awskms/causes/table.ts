/** All causes, in the order in which they are tried. */
import type { Cause } from '../../cause.ts'
import type { KmsCall } from '../call.ts'
import { ACCESS_CAUSES } from './access.ts'
import type { KmsCause, KmsFailure } from './cause.ts'
import { ANSWER_CAUSES, CONNECTION_FAILED, SOCKET_CAUSES, UNKNOWN_ANSWER } from './connection.ts'
import { CREDENTIAL_CAUSES } from './credentials.ts'
import { FOUND_CAUSES, KEY_CAUSES } from './keys.ts'
import { ROLE_CAUSES } from './roles.ts'

/** Patterns are tried on no more than this of a text. */
const MAX_TEXT_CHARACTERS = 4096

const BY_FAILURE: readonly KmsCause[] = [
  ...ROLE_CAUSES.map((cause) => ({ ...cause, service: 'sts' as const })),
  ...SOCKET_CAUSES,
  ...CREDENTIAL_CAUSES,
  ...ACCESS_CAUSES,
  ...KEY_CAUSES,
  ...ANSWER_CAUSES,
  CONNECTION_FAILED,
]

/** Every cause of AWS KMS. */
export const KMS_CAUSES: readonly Cause<KmsCall>[] = [
  ...BY_FAILURE,
  ...Object.values(FOUND_CAUSES),
  UNKNOWN_ANSWER,
]

/** Finds the cause of a failure. */
export function findCause(failure: KmsFailure, call: KmsCall): KmsCause {
  const bounded = { ...failure, text: failure.text.slice(0, MAX_TEXT_CHARACTERS) }
  return BY_FAILURE.find(({ matches }) => matches(bounded, call)) ?? UNKNOWN_ANSWER
}
