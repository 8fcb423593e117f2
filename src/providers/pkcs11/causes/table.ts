/** All causes, in the order in which they are tried. */
import type { TokenCause, TokenFacts, TokenFailure } from './cause.ts'
import { TOKEN_KEY_CAUSES } from './keys.ts'
import { MODULE_CAUSES } from './modules.ts'
import { TOKEN_CAUSES, UNKNOWN_VALUE, VENDOR_FAULT } from './tokens.ts'

/** Every cause of a PKCS#11 module or token. */
export const PKCS11_CAUSES: readonly TokenCause[] = [
  ...MODULE_CAUSES,
  ...TOKEN_CAUSES,
  ...TOKEN_KEY_CAUSES,
  VENDOR_FAULT,
  UNKNOWN_VALUE,
]

/** Finds the cause of a failure; undefined for one that is no matter of a module or token. */
export function findTokenCause(failure: TokenFailure, facts: TokenFacts): TokenCause | undefined {
  return PKCS11_CAUSES.find(({ matches }) => matches(failure, facts))
}
