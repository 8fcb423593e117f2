/** States of a key version; NIST SP 800-57 part 1 section 7 calls them pre-activation, active,
 * deactivated, compromised and destroyed. */
export type KeyState = 'pending' | 'active' | 'retired' | 'revoked' | 'destroyed'

const STATES: ReadonlySet<string> = new Set<KeyState>([
  'pending',
  'active',
  'retired',
  'revoked',
  'destroyed',
])

/** Whether a text names a state. */
export function isKeyState(text: string): text is KeyState {
  return STATES.has(text)
}
