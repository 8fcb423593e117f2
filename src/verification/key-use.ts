/**
 * What a key version may have signed, by the use that its key history states. A key that signs digests made
 * by callers can be made to sign anything, so only a signature over a file counts from it; a key that signs
 * what its service built never signs a file's digest. Keys of one format thus never pass for another.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { KeyUse } from '../keys/key.ts'
import { nameKey, type TrustedKey } from './trust.ts'

/** What a signature is over: a DSSE envelope, cosign's older payload, the bytes of a file, a JWT. */
export type SignedForm = 'envelope' | 'payload' | 'message' | 'token'

/** The one use whose keys sign each form. */
const USES: Readonly<Record<SignedForm, KeyUse>> = {
  envelope: 'artifact',
  payload: 'artifact',
  message: 'digest',
  token: 'token',
}

const FORMS: Readonly<Record<SignedForm, string>> = {
  envelope: 'a DSSE envelope',
  payload: 'a payload of the older cosign layout',
  message: "a file's digest",
  token: 'a token',
}

/** Whether keys of a use sign a form; a pinned key states no use, and the caller vouches for it. */
export function signsForm(use: KeyUse | undefined, form: SignedForm): boolean {
  return use === undefined || use === USES[form]
}

/**
 * Refuses a signature of another form than the key's use signs.
 *
 * @throws {@link CountersignError} ERR_KEY_USE_MISMATCH
 */
export function assertKeyUse(trusted: TrustedKey, form: SignedForm): void {
  const { use } = trusted
  if (signsForm(use, form)) return
  throw new CountersignError(
    'ERR_KEY_USE_MISMATCH',
    `${nameKey(trusted)} signed ${FORMS[form]}; its use is ${use ?? ''}, expected ${USES[form]}`,
    {
      hint: `sign it with a key whose use is ${USES[form]}`,
      details: { expected: USES[form], actual: use ?? '' },
    },
  )
}
