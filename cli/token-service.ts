/** Issuing a token with a key of a service, and the look at it before anybody else has it. */
import { createBoundedGet } from '../src/client/bounded-get.ts'
import { createJwksCache } from '../src/client/jwks-cache.ts'
import type { TokenCall } from '../src/client/service-client.ts'
import { ANY } from '../src/verification/token-policy.ts'
import { examineToken } from '../src/verification/verify-token.ts'
import { CountersignError } from '../src/errors.ts'
import type { CommandEnvironment } from './command.ts'
import type { Context } from './context.ts'
import { assertServiceKey } from './open-signer.ts'
import { openService, parseServer, type ServiceFlags } from './service.ts'

/** Options that say with which key of which service. */
export interface ServiceTokenFlags extends ServiceFlags {
  readonly server: string
  readonly key: string
}

/** A token that verifies with the keys that the service publishes. */
export interface ServiceToken {
  readonly token: string
  readonly kid: string
  readonly jti: string
  readonly audience: readonly string[]
  readonly expires: Date
  readonly key: string
  readonly version: number
}

/**
 * Issues a token and verifies it as its receivers will.
 *
 * @throws {@link CountersignError} ERR_USAGE — what is named is no key of a service; what the service
 * refuses with; and the code of the first check of the token that fails
 */
export async function issueByService(
  request: TokenCall,
  flags: ServiceTokenFlags,
  environment: CommandEnvironment,
): Promise<ServiceToken> {
  const { server, key } = flags
  const { context } = environment
  assertServiceKey(key, server)
  const service = await openService(server, flags, environment)
  const made = await service.issueToken(key, request, { signal: context.signal })
  const audience = typeof request.audience === 'string' ? [request.audience] : request.audience
  await assertAccepted(made, { server, audience }, context)
  const { token, kid, jti, expires, version } = made
  return { token, kid, jti, audience, expires, key, version }
}

async function assertAccepted(
  { token, kid }: { readonly token: string; readonly kid: string },
  { server, audience }: { readonly server: string; readonly audience: readonly string[] },
  { now }: Context,
): Promise<void> {
  const service = parseServer(server)
  const base = service.href.endsWith('/') ? service : `${service.href}/`
  const keys = await createJwksCache({
    url: new URL('.well-known/jwks.json', base),
    get: createBoundedGet({ allowPrivateAddresses: true }),
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
      `the token that ${server} issued does not verify: ${message}`,
      {
        hint: `use it for nothing; tell whoever runs ${server}`,
        details,
        cause: outcome.error,
      },
    )
  }
}
