/** Issues a token; what the log says of it is durable before the token is released. */
import { issueToken } from '../../signing/issue-token.ts'
import type { JsonObject } from '../../formats/json.ts'
import type { ServiceContext } from '../context.ts'
import { withActiveSigner } from './active-signer.ts'
import { entryKey, type Request } from './release.ts'
import { findKey } from './find-key.ts'

/** What a caller asks for; everything in it is the caller's word. */
export interface IssueOrder {
  readonly audience: string | readonly string[]
  readonly claims?: JsonObject
  readonly lifetimeSeconds?: number
}

/** A token that is in the log, which knows it by its jti alone. */
export interface ReleasedToken {
  readonly key: string
  readonly version: number
  readonly kid: string
  readonly token: string
  readonly jti: string
  readonly expires: Date
  readonly logIndex: number
}

/** Lifetime of a token whose caller does not say it, within the longest of the key. */
const USUAL_LIFETIME_SECONDS = 600

type IssueContext = Pick<
  ServiceContext,
  'appender' | 'authorize' | 'keyring' | 'now' | 'randomId' | 'settings' | 'tokenRulesOf'
>

/**
 * Issues one token with the active version of a key. It is kept nowhere: asking again gives another one.
 *
 * @throws {@link CountersignError} ERR_KEY_NOT_FOUND, ERR_KEY_NOT_USABLE — no such key, no active version, or
 * another use; ERR_NOT_ALLOWED — no policy permits it; ERR_CLAIMS_NOT_ALLOWED — not within the rules of the
 * key; ERR_LOG_UNAVAILABLE — nothing is released; and the errors of the backend
 */
export async function issueLoggedToken(
  context: IssueContext,
  keyName: string,
  order: IssueOrder,
  { caller, owner, requestId, signal, until }: Request,
): Promise<ReleasedToken> {
  const key = findKey(context.keyring, keyName)
  // T is what the publication of retired versions counts on, so it is read where that reads it.
  const maxLifetimeSeconds = key.policy.maxTokenLifetimeSeconds
  const { claims = {}, audience } = order
  const { lifetimeSeconds = Math.min(USUAL_LIFETIME_SECONDS, maxLifetimeSeconds) } = order
  const list = typeof audience === 'string' ? [audience] : audience
  const asked = { action: 'issueToken', key, audience: list, lifetimeSeconds, claims } as const
  await context.authorize(caller, asked, requestId)

  return withActiveSigner(context.keyring, { name: keyName, use: 'token' }, async (active) => {
    let backendRequestId: string | undefined
    const onBackendRequest = (id: string): void => {
      backendRequestId = id
    }
    const { issuer } = context.settings
    const options = { signal, until, owner, onBackendRequest }
    const { token, ...issued } = await issueToken(
      active.signer,
      { audience, lifetimeSeconds, claims },
      { ...context.tokenRulesOf(keyName), maxLifetimeSeconds },
      { issuer, now: context.now(), jti: context.randomId(), ...options },
    )
    const { jti, expires } = issued
    const entry = { type: 'token', time: context.now(), requestId, caller } as const
    const about = { key: entryKey(active), jti, audience: issued.audience, expires }
    const logged = { ...entry, ...about, backendRequestId }
    const { index } = await context.appender.append(logged, { signal })
    const { name, version, kid } = about.key
    return { key: name, version, kid, token, jti, expires, logIndex: index }
  })
}
