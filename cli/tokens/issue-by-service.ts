/** Issues a token with a key of a service, and verifies it before it is given out. */
import { assertAsOrdered, type TokenOrder } from '../../src/client/check-token.ts'
import type { CommandEnvironment } from '../command.ts'
import { assertServiceKey } from '../artifacts/open-signer.ts'
import { openService, type ServiceFlags } from '../service/client.ts'

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
  order: TokenOrder,
  flags: ServiceTokenFlags,
  environment: CommandEnvironment,
): Promise<ServiceToken> {
  const { server, key } = flags
  const { context } = environment
  assertServiceKey(key, server)
  const service = await openService(server, flags, environment)
  const { audience, claims, lifetimeSeconds } = order
  const call = {
    audience,
    ...(claims !== undefined && { claims }),
    ...(lifetimeSeconds !== undefined && { lifetimeSeconds }),
  }
  const made = await service.issueToken(key, call, { signal: context.signal })
  await assertAsOrdered(made, { server, order }, context)
  const { token, kid, jti, expires, version } = made
  return { token, kid, jti, audience: [audience].flat(), expires, key, version }
}
