/** `countersign token verify`. */
import { ALGORITHMS, isAlgorithmName, isRsaAlgorithm } from '../../src/crypto/algorithms.ts'
import { CountersignError } from '../../src/errors.ts'
import { printableJson } from '../../src/formats/printable.ts'
import type { KeyName } from '../../src/formats/jwks.ts'
import { parseJwt } from '../../src/formats/jwt.ts'
import { ANY, type TokenPolicy } from '../../src/verification/token-policy.ts'
import { toTokenResultDocument } from '../../src/verification/token-result.ts'
import { examineToken } from '../../src/verification/verify-token.ts'
import type { CommandEnvironment } from '../command.ts'
import type { ConfigFlags } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { openKeys } from '../keys/open.ts'
import type { Criterion } from '../artifacts/policy.ts'
import { withTypedHint } from '../render/hints.ts'
import { renderTokenVerdict } from '../render/token.ts'
import { renderCriteria, renderFailedLine } from '../render/verify.ts'
import type { SecretFlags } from '../terminal/secrets.ts'
import { readTokenInput, type TokenFlags } from './input.ts'
import { readIssuer } from './issuer.ts'
import { readTokenKeys, type TokenKeyFlags } from './keys.ts'

/** Options of the command. */
export interface VerifyTokenFlags extends TokenFlags, TokenKeyFlags, SecretFlags, ConfigFlags {
  readonly issuer?: string | undefined
  readonly audience: string
  readonly type: string
  readonly clockSkew?: number | undefined
}

/** Verifies one token: criteria first, then the verdict; the claims of a good one are on stdout. */
export async function verifyTokenCommand(
  argument: string | undefined,
  flags: VerifyTokenFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const { context, terminal } = environment
  await using keys = openKeys(environment, flags)
  const policy: TokenPolicy = {
    issuer: await readIssuer(flags, environment),
    audience: flags.audience,
    type: flags.type,
    clockSkewSeconds: flags.clockSkew,
  }
  const token = await readTokenInput(argument, flags, environment)
  const trusted = await readTokenKeys(flags, keys, { ...context, name: namedKey(token) })
  terminal.say(renderCriteria(describeCriteria(policy, trusted.described), terminal))

  const examined = examineToken(token, { keys: trusted.keys, policy, now: context.now() })
  const outcome = examined.ok
    ? examined
    : { ...examined, error: withOption(withTypedHint(examined.error)) }
  const document = toTokenResultDocument(outcome)
  const text = renderTokenVerdict(document.token, terminal)
  const { error } = document.token
  if (error === undefined) terminal.say(text)
  else terminal.talk(text, renderFailedLine('token', error, terminal))
  return {
    exitCode: document.exitCode,
    document: { ...document },
    ...(outcome.ok && { text: `${printableJson(outcome.token.claims)}\n` }),
  }
}

/** What a token says of its key; one that is malformed is refused where it is examined. */
function namedKey(token: string): KeyName {
  try {
    return parseJwt(token).header
  } catch {
    return { kid: undefined }
  }
}

/** A key that names no algorithm counts for the ones of `--algorithm`. */
function withOption(error: CountersignError): CountersignError {
  const { code, message, details } = error
  const actual = String(details['actual'])
  const isOther = code === 'ERR_JWT_INVALID' && details['expected'] === 'RS256'
  if (!isOther || !isAlgorithmName(actual) || !isRsaAlgorithm(ALGORITHMS[actual])) return error
  const hint = `if the issuer signs ${actual} with a key that names no algorithm: --algorithm ${actual}`
  return new CountersignError(code, message, { hint, details, cause: error })
}

function describeCriteria(
  { issuer, audience, type, clockSkewSeconds }: TokenPolicy,
  trusted: readonly string[],
): readonly Criterion[] {
  const orAny = (wanted: string): string => (wanted === ANY ? 'any at all' : wanted)
  return [
    ...trusted.map((wanted) => ({ name: 'trusted', wanted })),
    { name: 'issuer', wanted: orAny(issuer) },
    { name: 'audience', wanted: orAny(audience) },
    { name: 'type', wanted: orAny(type) },
    ...(clockSkewSeconds === undefined
      ? []
      : [{ name: 'clock skew', wanted: `at most ${clockSkewSeconds} s` }]),
  ]
}
