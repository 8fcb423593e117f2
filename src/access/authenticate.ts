/**
 * Who calls: bearer tokens (RFC 6750) that are OIDC identity tokens of configured issuers, or static ones.
 *
 * @packageDocumentation
 */
import { type BoundedGet, createBoundedGet } from '../client/bounded-get.ts'
import type { Proxies } from '../client/proxies.ts'
import { nextTurn } from '../crypto/yield-to-event-loop.ts'
import { CountersignError } from '../errors.ts'
import { type Jwt, parseJwt } from '../formats/jwt.ts'
import type { Caller } from './caller.ts'
import {
  assertHeader,
  attempt,
  mismatch,
  NAME,
  refusedToken,
  type VerifiedIdentity,
  verifyIdentity,
} from './identity-token.ts'
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts'
import { KnownTokens } from './known-tokens.ts'
import {
  acceptedIssuer,
  assertAuthenticatorSettings,
  type AuthenticatorSettings,
  type IssuerSettings,
} from './settings.ts'
import { createStaticTokens } from './static-tokens.ts'

/** Establishes who calls. */
export interface Authenticator {
  /**
   * Verifies the value of an `Authorization` header; attacker-controlled.
   *
   * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — no token, or one that is not accepted, with
   * what was expected and what was got; ERR_NETWORK, ERR_TIMEOUT — the issuer's keys can't be fetched, so
   * nothing is known of the token; ERR_CANCELLED; what the memory of replays throws
   */
  authenticate(
    authorization: string | undefined,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<Caller>
}

/** Remembers tokens that were used; the store's `ReplayRecords` in a transaction of its own. */
export interface ReplayMemory {
  /** Marks a `jti` as used until it expires; false where it was used before. */
  useOnce(
    issuer: string,
    jti: string,
    times: { readonly now: Date; readonly expires: Date },
  ): Promise<boolean>
}

/** What {@link createAuthenticator} needs. */
export interface AuthenticatorOptions extends AuthenticatorSettings {
  readonly now: () => Date
  /** Needed where an issuer refuses replays. */
  readonly replays?: ReplayMemory | undefined
  /** Makes what fetches the keys of an issuer; default {@link createIssuerGet}. */
  readonly createGet?: ((settings: IssuerSettings) => BoundedGet) | undefined
  /** Told whenever the keys of an issuer can't be fetched, also where older ones still serve. */
  readonly onKeysUnavailable?: ((error: CountersignError) => void) | undefined
}

interface Issuer {
  readonly settings: IssuerSettings
  readonly keys: IssuerKeys
}

const MAX_TOKEN_CHARACTERS = 16_384
const MAX_KNOWN_TOKENS = 1000
const BEARER = /^bearer +([A-Za-z0-9._~+/=-]+)$/i
const SCHEME_CHARACTERS = 16

/**
 * Makes an authenticator; keys of issuers are fetched with their first token.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — settings that can't be meant
 */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  assertAuthenticatorSettings(options)
  const issuers = new Map(
    options.issuers.map((settings) => [acceptedIssuer(settings), toIssuer(settings, options)]),
  )
  const known = new KnownTokens<Issuer>(MAX_KNOWN_TOKENS)
  const findStatic = createStaticTokens(options.staticTokens ?? [])
  return {
    async authenticate(authorization, { signal } = {}) {
      const token = readBearer(authorization)
      return findStatic(token) ?? (await verifyBearer(token, { issuers, known, options, signal }))
    },
  }
}

function toIssuer(settings: IssuerSettings, options: AuthenticatorOptions): Issuer {
  const { now, replays, proxies, createGet, onKeysUnavailable: onFailure } = options
  if (settings.preventReplay === true && replays === undefined) {
    const message = `"${settings.issuer}" refuses replays, but nothing remembers them`
    throw new CountersignError('ERR_CONFIG_INVALID', message, { hint: 'configure a store' })
  }
  const get = createGet?.(settings) ?? createIssuerGet(settings, proxies)
  const keys = createIssuerKeys({ settings, get, now, onFailure })
  return { settings, keys }
}

/** Its certificate authorities are read for every fetch, since the file may be renewed. */
function createIssuerGet(
  { allowPrivateAddresses, ca, useProxy = true }: IssuerSettings,
  given: Proxies | undefined,
): BoundedGet {
  const proxies = useProxy ? given : undefined
  return async (request) =>
    createBoundedGet({ allowPrivateAddresses, proxies, ca: await ca?.() })(request)
}

function readBearer(authorization: string | undefined): string {
  if (authorization === undefined) {
    throw refusedToken('no identity token', 'send the header "Authorization: Bearer TOKEN"')
  }
  if (authorization.length > MAX_TOKEN_CHARACTERS + SCHEME_CHARACTERS) {
    throw refusedToken(
      `the Authorization header is over ${MAX_TOKEN_CHARACTERS} characters`,
      'send an identity token, which is much shorter',
    )
  }
  const [, token] = BEARER.exec(authorization) ?? []
  if (token !== undefined) return token
  throw refusedToken(
    'the Authorization header holds no bearer token',
    'send "Bearer TOKEN", and no blanks or line ends in the token',
  )
}

interface Surroundings {
  readonly issuers: ReadonlyMap<string, Issuer>
  readonly known: KnownTokens<Issuer>
  readonly options: AuthenticatorOptions
  readonly signal: AbortSignal | undefined
}

async function verifyBearer(token: string, surroundings: Surroundings): Promise<Caller> {
  const { issuers, known, options, signal } = surroundings
  const earlier = await findKnown(token, surroundings)
  if (earlier !== undefined) return earlier
  const jwt = attempt(() => parseJwt(token))
  const issuer = selectIssuer(jwt, issuers)
  const name = assertHeader(jwt, issuer.settings)
  const keys = await issuer.keys.keysFor(name, signal)
  // Verifying costs more than all else that a bad token does: one in a turn, however many come at once.
  await nextTurn()
  const verifiedAt = options.now()
  const identity = verifyIdentity(token, issuer.settings, { keys, now: verifiedAt })
  const { caller, goodUntil } = identity
  // Last, so that a token cannot be used up by a caller that does not have it.
  if (issuer.settings.preventReplay === true) await assertFirstUse(identity, options)
  else known.remember(token, { caller, issuer, name, keys, verifiedAt, goodUntil })
  return caller
}

/** The caller of a token that was verified before, while its issuer's keys are the ones it was verified with. */
async function findKnown(
  token: string,
  { known, options, signal }: Surroundings,
): Promise<Caller | undefined> {
  const earlier = known.find(token, options.now())
  if (earlier === undefined) return undefined
  const { caller, issuer, goodUntil, keys, name } = earlier
  const current = await issuer.keys.keysFor(name, signal)
  // Again, as the keys may have been fetched meanwhile.
  return current === keys && options.now() < goodUntil ? caller : undefined
}

/** The claim is unverified: it only selects one of the configured issuers, by equality. */
function selectIssuer({ claims }: Jwt, issuers: ReadonlyMap<string, Issuer>): Issuer {
  const issuer = issuers.get(claims.issuer ?? '')
  if (issuer !== undefined) return issuer
  const expected = [...issuers.keys()].join(' or ') || 'none: no issuer is configured'
  const hint = 'add the issuer to access.issuers, exactly as its tokens write it'
  throw refusedToken('the identity token is of an issuer that is not accepted', hint, {
    details: { claim: 'iss', expected, actual: (claims.issuer ?? 'none').slice(0, 200) },
  })
}

async function assertFirstUse(
  { caller, jti, expires }: VerifiedIdentity,
  { now, replays }: AuthenticatorOptions,
): Promise<void> {
  if (jti === undefined) throw mismatch('jti', NAME, 'none, or a longer one')
  const isFirst = await replays?.useOnce(caller.issuer, jti, { now: now(), expires })
  if (isFirst === true) return
  throw refusedToken('the identity token was used before', 'request a new token for every call')
}
