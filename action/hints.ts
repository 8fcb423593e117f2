/** Inputs that cure what the rooms below say is wrong: they know no inputs. */
import { type HintTable, withHint, withHints } from '../src/artifacts/hint-table.ts'
import type { CountersignError } from '../src/errors.ts'
import type { Verdict } from '../src/verification/verify-artifact.ts'

const NOT_GIVEN_OUT = 'the token was not given out'

/** By the reason of an error; what is not here is no matter of inputs. */
const HINTS: HintTable = {
  'predicate-type-not-accepted': ({ actual = 'TYPE' }) =>
    `to accept it, add ${actual} to the input predicate-type`,
  'token-claim-added': ({ claim = 'CLAIM' }) =>
    `${NOT_GIVEN_OUT}; if the rules of the key set "${claim}", add it to the input added-claims`,
  'token-issuer-differs': `${NOT_GIVEN_OUT}; if the service issues under another name, set the input issuer`,
  'token-type-differs': `${NOT_GIVEN_OUT}; if the key issues tokens of another type, set the input token-type`,
  'too-many-attached': ({ count = 'COUNT' }) =>
    `to read them all, set the input max-attached to ${count}`,
}

/** The error of whatever was thrown, with the input to set where that is known. */
export function withInputHint(thrown: unknown): CountersignError {
  return withHint(thrown, HINTS)
}

/** A verdict whose errors name the input to set. */
export function withInputHints(verdict: Verdict): Verdict {
  return withHints(verdict, HINTS)
}
