/**
 * Issuing tokens: JWS compact (RFC 7515) over JWT claims (RFC 7519), within the rules of the key.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import { MAX_TOKEN_CHARACTERS, serializeJws, serializeSigningInput } from '../formats/jws.ts'
import { toNumericDate } from '../formats/jwt.ts'
import { applyClaimRules, type ClaimRules, notAllowed } from './claim-rules.ts'
import type { Signer, SignOptions } from './signer.ts'

/** What a caller asks for; attacker-controlled. */
export interface TokenRequest {
  /** Whom the token is for; never empty. */
  readonly audience: string | readonly string[]
  readonly lifetimeSeconds: number
  /** Claims besides `iss`, `aud`, `exp`, `iat`, `nbf` and `jti`, which are not the caller's. */
  readonly claims: JsonObject
}

/** `typ` of tokens whose key says nothing else. */
export const DEFAULT_TOKEN_TYPE = 'JWT'

/** What one key may issue. */
export interface TokenRules {
  /** `typ` of the header; default {@link DEFAULT_TOKEN_TYPE}. */
  readonly type?: string | undefined
  /** T of docs/design/rotation.md: a version is published until its last token is over. */
  readonly maxLifetimeSeconds: number
  readonly claims: ClaimRules
}

/** Who issues, and when. */
export interface IssueContext extends SignOptions {
  /** `iss` of every token. */
  readonly issuer: string
  readonly now: Date
  /** Unique to this token: random, 128 bits or more. */
  readonly jti: string
}

/** A token, and what the log may say of it. */
export interface IssuedToken {
  /** A bearer token: a secret, returned to the caller alone. */
  readonly token: string
  readonly kid: string
  readonly jti: string
  readonly audience: readonly string[]
  readonly issuedAt: Date
  readonly expires: Date
}

/** Claims, encoded; what is left of the longest token is for the header and the signature. */
const MAX_CLAIMS_BYTES = 32 * 1024
const MAX_AUDIENCES = 20
const MAX_AUDIENCE_CHARACTERS = 1000

/**
 * Issues a token. Header and signature are of the signer's one key: `alg` is its algorithm, `kid` its
 * RFC 7638 thumbprint. The signer checks the signature before it is released.
 *
 * @throws {@link CountersignError} ERR_CLAIMS_NOT_ALLOWED — claims, audience or lifetime are not within the
 * rules; ERR_INPUT_TOO_LARGE — claims of over 32 KiB; and the errors of {@link Signer.sign}
 *
 * @example
 * ```ts
 * import { FREE_CLAIMS, issueToken, openKey } from 'countersign'
 * import { randomUUID } from 'node:crypto'
 *
 * await using key = await openKey('release.pem')
 * const { token } = await issueToken(
 *   key,
 *   { audience: 'https://api.example.com', lifetimeSeconds: 300, claims: { sub: 'job-7' } },
 *   { maxLifetimeSeconds: 600, claims: FREE_CLAIMS },
 *   { issuer: 'https://ci.example.com', now: new Date(), jti: randomUUID() },
 * )
 * console.log(token.split('.').length) // 3
 * ```
 */
export async function issueToken(
  signer: Signer,
  request: TokenRequest,
  rules: TokenRules,
  context: IssueContext,
): Promise<IssuedToken> {
  const { algorithm, kid } = signer.key
  const { issuer, now, jti, ...options } = context
  const audience = readAudience(request.audience)
  assertLifetime(request, rules)
  const iat = toNumericDate(now)
  const exp = iat + request.lifetimeSeconds
  const claims = {
    ...applyClaimRules(request.claims, rules.claims),
    iss: issuer,
    aud: request.audience,
    iat,
    nbf: iat,
    exp,
    jti,
  }
  const header = { alg: algorithm.name, kid, typ: rules.type ?? DEFAULT_TOKEN_TYPE }
  const input = serializeSigningInput(header, serializeClaims(claims))
  const token = serializeJws(input, await signer.sign(input, options))
  return {
    token,
    kid,
    jti,
    audience,
    issuedAt: new Date(iat * 1000),
    expires: new Date(exp * 1000),
  }
}

function readAudience(audience: string | readonly string[]): readonly string[] {
  const list = typeof audience === 'string' ? [audience] : audience
  if (list.length === 0 || list.includes('')) throw notAllowed('aud', 'names no audience')
  const isLong = list.some((name) => name.length > MAX_AUDIENCE_CHARACTERS)
  if (list.length <= MAX_AUDIENCES && !isLong) return list
  throw notAllowed(
    'aud',
    `names over ${MAX_AUDIENCES} audiences, or one of over ${MAX_AUDIENCE_CHARACTERS} characters`,
  )
}

function assertLifetime(
  { lifetimeSeconds }: TokenRequest,
  { maxLifetimeSeconds }: TokenRules,
): void {
  if (!Number.isSafeInteger(lifetimeSeconds) || lifetimeSeconds < 1) {
    throw notAllowed('exp', 'needs a lifetime of whole seconds, at least one')
  }
  if (lifetimeSeconds <= maxLifetimeSeconds) return
  throw notAllowed(
    'exp',
    `is too far off: tokens of this key live ${maxLifetimeSeconds} s at most, not ${lifetimeSeconds} s`,
    `ask for ${maxLifetimeSeconds} s or less`,
    { maxLifetimeSeconds },
  )
}

function serializeClaims(claims: JsonObject): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(claims))
  if (bytes.length <= MAX_CLAIMS_BYTES) return bytes
  throw new CountersignError(
    'ERR_INPUT_TOO_LARGE',
    `the claims are over ${MAX_CLAIMS_BYTES} bytes`,
    {
      hint: `shorten the claims; verifiers do not accept tokens of over ${MAX_TOKEN_CHARACTERS} characters`,
      details: { maxBytes: MAX_CLAIMS_BYTES, bytes: bytes.length },
    },
  )
}
