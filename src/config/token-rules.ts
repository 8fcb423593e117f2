/** What tokens of a key may say, as the configuration says it. */
import type { TokenRules } from '../signing/issue-token.ts'
import type { KeySettings } from './config.ts'

/** Makes the rules that a key issues tokens by; where nothing is said, callers say what they like. */
export function toTokenRules({ tokenType, policy, claims }: KeySettings): TokenRules {
  const { forced = {}, allowed = 'any', forbidden = [], required = [] } = claims
  return {
    type: tokenType,
    maxLifetimeSeconds: policy.maxTokenLifetimeSeconds,
    claims: { forced, allowed, forbidden, required },
  }
}
