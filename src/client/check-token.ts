/** The look at a token that a service issued, before anybody else has it. */
import { CountersignError } from '../errors.ts'
import { ANY } from '../verification/token-policy.ts'
import { examineToken } from '../verification/verify-token.ts'
import { createChosenGet } from './bounded-get.ts'
import { createJwksCache } from './jwks-cache.ts'
import { atService } from './service-address.ts'
import type { TokenMade } from './service-answers.ts'

/**
 * Verifies a token as its receivers will: with the keys that the service publishes, for each audience.
 *
 * @throws {@link CountersignError} the code of the first check that fails; ERR_NETWORK, ERR_TIMEOUT — the
 * keys can't be fetched
 */
export async function assertAccepted(
  { token, kid }: Pick<TokenMade, 'token' | 'kid'>,
  { service, audience }: { readonly service: URL; readonly audience: readonly string[] },
  now: () => Date,
): Promise<void> {
  const keys = await createJwksCache({
    url: atService(service, '.well-known/jwks.json'),
    get: createChosenGet(),
    now,
    random: Math.random,
  }).keysFor(kid)
  for (const name of audience) {
    const policy = { issuer: ANY, audience: name, type: ANY }
    const outcome = examineToken(token, { keys, policy, now: now() })
    if (outcome.ok) continue
    const { code, message, details } = outcome.error
    throw new CountersignError(
      code,
      `the token that ${service.href} issued does not verify: ${message}`,
      {
        hint: `use it for nothing; tell whoever runs ${service.href}`,
        details,
        cause: outcome.error,
      },
    )
  }
}
