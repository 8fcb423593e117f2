/** `countersign token issue`. */
import { randomBytes } from 'node:crypto'
import type { NamedKey } from '../src/config/named-key.ts'
import type { AlgorithmName } from '../src/crypto/algorithms.ts'
import { CountersignError } from '../src/errors.ts'
import { toUtcSeconds } from '../src/formats/time.ts'
import { FREE_CLAIMS } from '../src/signing/claim-rules.ts'
import {
  type IssuedToken,
  issueToken,
  type TokenRequest,
  type TokenRules,
} from '../src/signing/issue-token.ts'
import { type ClaimFlags, readClaims } from './claims-input.ts'
import type { CommandEnvironment } from './command.ts'
import type { ConfigFlags } from './configuration.ts'
import type { Outcome } from './context.ts'
import { openKeys } from './keys.ts'
import { schema } from './render/json.ts'
import type { SecretFlags } from './secrets.ts'
import { readIssuer } from './token-issuer.ts'

/** Options of the command. */
export interface IssueFlags extends ClaimFlags, SecretFlags, ConfigFlags {
  readonly key: string
  readonly algorithm?: AlgorithmName | undefined
  readonly audience: readonly string[]
  readonly lifetime: number
  readonly issuer?: string | undefined
  readonly type?: string | undefined
}

/** T of a key that nobody said it of; docs/design/rotation.md. */
const DEFAULT_MAX_LIFETIME_SECONDS = 3600
const JTI_BYTES = 16

/**
 * Issues one token; it is the only thing on stdout.
 *
 * @throws CountersignError ERR_USAGE — no issuer, a claim twice; and those of issueToken and of keys
 */
export async function issueTokenCommand(
  flags: IssueFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { terminal } = environment
  const [first, ...more] = flags.audience
  const request = {
    audience: first !== undefined && more.length === 0 ? first : flags.audience,
    lifetimeSeconds: flags.lifetime,
    claims: await readClaims(flags, environment.context),
  }
  const { token, kid, jti, audience, expires } = await issueHere(request, flags, environment)
  const until = toUtcSeconds(expires)
  terminal.say(`issued for ${audience.join(', ')} until ${until}, kid ${kid}`)
  terminal.say('whoever has the token can use it: hand it on by a pipe or a file, not by a log')
  const document = { schema: schema('token'), ok: true, exitCode: 0, kid, jti, audience }
  return {
    exitCode: 0,
    document: { ...document, expires: until, token },
    text: `${token}\n`,
  }
}

/** Issues with a key that this machine reaches. */
async function issueHere(
  request: TokenRequest,
  flags: IssueFlags,
  environment: CommandEnvironment,
): Promise<IssuedToken> {
  await using keys = openKeys(environment, flags)
  const issuer = await readIssuer(flags, environment)
  const { named } = await keys.find(flags.key)
  const rules = toRules(flags, named)
  const signer = await keys.open(flags.key, { algorithm: flags.algorithm }, 'token')
  const { now, signal } = environment.context
  return await issueToken(signer, request, rules, {
    issuer,
    now: now(),
    jti: randomBytes(JTI_BYTES).toString('base64url'),
    signal,
  })
}

/** A named key has rules of its own; with any other, whoever runs the command says what they like. */
function toRules({ type }: IssueFlags, named: NamedKey | undefined): TokenRules {
  if (named === undefined) {
    return { type, maxLifetimeSeconds: DEFAULT_MAX_LIFETIME_SECONDS, claims: FREE_CLAIMS }
  }
  const { name, tokenRules } = named
  if (tokenRules.type === undefined) return { ...tokenRules, type }
  if (type === undefined || type === tokenRules.type) return tokenRules
  throw new CountersignError('ERR_USAGE', `tokens of the key "${name}" are ${tokenRules.type}`, {
    hint: 'leave --type out, or choose another key',
  })
}
