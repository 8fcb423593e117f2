/** `countersign token issue`. */
import { randomBytes } from 'node:crypto'
import type { TokenCall } from '../../src/client/service-client.ts'
import type { NamedKey } from '../../src/config/named-key.ts'
import type { AlgorithmName } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import { toUtcSeconds } from '../../src/formats/time.ts'
import { FREE_CLAIMS } from '../../src/signing/claim-rules.ts'
import {
  type IssuedToken,
  issueToken,
  type TokenRequest,
  type TokenRules,
} from '../../src/signing/issue-token.ts'
import { type ClaimFlags, readClaims } from './claims.ts'
import type { CommandEnvironment } from '../command.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { openKeys } from '../keys/open.ts'
import { schema } from '../render/json.ts'
import { labelKey, type Mark, renderBlock, type Row } from '../render/layout.ts'
import type { SecretFlags } from '../terminal/secrets.ts'
import type { ServiceFlags } from '../service/client.ts'
import { findSigningUse } from '../keys/stated-use.ts'
import { readIssuer } from './issuer.ts'
import type { ServiceToken } from './issue-by-service.ts'

/** Options of the command. */
export interface IssueFlags extends ClaimFlags, SecretFlags, ConfigFlags, ServiceFlags {
  readonly key: string
  readonly algorithm?: AlgorithmName | undefined
  readonly audience: readonly string[]
  readonly lifetime?: number | undefined
  readonly issuer?: string | undefined
  readonly type?: string | undefined
  readonly addedClaim?: readonly string[] | undefined
}

/** The default T of a key; docs/design/rotation.md. */
const DEFAULT_MAX_LIFETIME_SECONDS = 3600
const DEFAULT_LIFETIME_SECONDS = 600
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
    ...(flags.lifetime !== undefined && { lifetimeSeconds: flags.lifetime }),
    claims: await readClaims(flags, environment.context),
  }
  const issued = await issue(request, flags, environment)
  const { token, kid, jti, audience, expires } = issued
  const until = toUtcSeconds(expires)
  const named = nameOfServiceKey(issued)
  const rows: readonly Row[] = [
    ['key', labelKey(named === undefined ? { kid } : { ...named, kid }, terminal)],
    ['expires', until],
    ['note', 'a bearer token: pass it on in a pipe or a file, never in a log'],
  ]
  terminal.say(renderBlock(ISSUED, `token for ${audience.join(', ')}`, rows, terminal))
  const document = { schema: schema('token'), ok: true, exitCode: 0, kid, jti, audience }
  return {
    exitCode: 0,
    document: {
      ...document,
      expires: until,
      token,
      ...(named && { key: { ...named, server: flags.server } }),
    },
    text: `${token}\n`,
  }
}

const ISSUED: Mark = { word: 'ISSUED', style: 'good' }

/** What a service calls the key that signed; undefined for a key of this machine. */
function nameOfServiceKey(
  issued: IssuedToken | ServiceToken,
): { readonly name: string; readonly version: number } | undefined {
  return 'version' in issued ? { name: issued.key, version: issued.version } : undefined
}

type Order = TokenCall & Pick<TokenRequest, 'claims'>

async function issue(
  request: Order,
  flags: IssueFlags,
  environment: CommandEnvironment,
): Promise<IssuedToken | ServiceToken> {
  const { server } = flags
  if (server === undefined) {
    if (flags.addedClaim === undefined) return issueHere(request, flags, environment)
    throw new CountersignError('ERR_USAGE', '--added-claim needs --server', {
      hint: 'a key of yours signs the claims you give; name them with --claim',
    })
  }
  // Loaded late: other tokens are issued without a client of a service.
  const { issueByService } = await import('./issue-by-service.ts')
  const { issuer, type, addedClaim: addedClaims } = flags
  const order = { ...request, issuer, type, addedClaims }
  return issueByService(order, { ...flags, server }, environment)
}

/** Issues with a key that this machine reaches. */
async function issueHere(
  { lifetimeSeconds = DEFAULT_LIFETIME_SECONDS, ...request }: Order,
  flags: IssueFlags,
  environment: CommandEnvironment,
): Promise<IssuedToken> {
  await using keys = openKeys(environment, flags)
  const issuer = await readIssuer(flags, environment)
  const { named } = await keys.find(flags.key)
  const rules = toRules(flags, named)
  const signer = await keys.open(flags.key, { algorithm: flags.algorithm }, ['token'])
  const { warnings } = await findSigningUse(signer.key, ['token'], environment.context)
  for (const warning of warnings) environment.terminal.say(`warning: ${warning}`)
  const { now, signal } = environment.context
  return await issueToken(signer, { ...request, lifetimeSeconds }, rules, {
    issuer,
    now: now(),
    jti: randomBytes(JTI_BYTES).toString('base64url'),
    signal,
  })
}

/** A named key has its own rules; with any other key, the user sets every claim. */
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
