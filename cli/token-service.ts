/** Issuing a token with a key of a service, and the look at it before anybody else has it. */
import { assertAccepted } from '../src/client/check-token.ts'
import type { TokenCall } from '../src/client/service-client.ts'
import type { CommandEnvironment } from './command.ts'
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
  await assertAccepted(made, { service: parseServer(server), audience }, context.now)
  const { token, kid, jti, expires, version } = made
  return { token, kid, jti, audience, expires, key, version }
}
