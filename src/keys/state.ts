/** States of a key version; NIST SP 800-57 part 1 section 7 calls them pre-activation, active,
 * deactivated, compromised and destroyed. */
export const KEY_STATES = ['pending', 'active', 'retired', 'revoked', 'destroyed'] as const

/** One of {@link KEY_STATES}. */
export type KeyState = (typeof KEY_STATES)[number]

const STATES: ReadonlySet<string> = new Set(KEY_STATES)

/** Whether a text names a state. */
export function isKeyState(text: string): text is KeyState {
  return STATES.has(text)
}
