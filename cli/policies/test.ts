/** `countersign policy test`. */
import type { KeyFacts } from '../../src/access/action.ts'
import { createAuthorizer, type Decision } from '../../src/access/authorize.ts'
import { STATIC_ISSUER } from '../../src/access/settings.ts'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import { type JsonValue, parseJson } from '../../src/formats/json.ts'
import { suggestName } from '../../src/basics/suggest.ts'
import { parseAction, readAccessRequest, readCallerClaims } from './access-request.ts'
import type { CommandEnvironment } from '../command.ts'
import { type ConfigFlags, readCommandConfig } from '../configuration.ts'
import type { Outcome } from '../context.ts'
import { readCommandPolicies } from './check.ts'
import { schema } from '../render/json.ts'
import { type Mark, renderBlock, type Row } from '../render/layout.ts'
import { readStdinBounded } from '../terminal/stdin.ts'

/** Options of the command. */
interface PolicyTestFlags extends ConfigFlags {
  readonly claims: string
  readonly action: string
  readonly key?: string | undefined
  readonly context?: string | undefined
  readonly policies?: string | undefined
}

const MAX_BYTES = 1024 * 1024
const DENIED = 8

/**
 * Decides about one request as the service would, and explains.
 *
 * @throws {@link CountersignError} ERR_USAGE, ERR_JSON_INVALID — a request that can't be read;
 * ERR_KEY_NOT_FOUND; ERR_POLICY_INVALID; those of readCommandPolicies
 */
export async function testPolicies(
  flags: PolicyTestFlags,
  environment: CommandEnvironment,
): Promise<Outcome> {
  const action = parseAction(flags.action)
  const { claims, issuer, subject } = readCallerClaims(await readJson(flags.claims, environment))
  const context = flags.context === undefined ? {} : await readJson(flags.context, environment)
  const key = await findConfiguredKey(flags, environment)
  const request = readAccessRequest(action, key, context)
  const sources = await readCommandPolicies(flags.policies, flags, environment)
  const authorizer = await createAuthorizer(sources)
  const kind = issuer === STATIC_ISSUER ? 'static' : 'oidc'
  const decision = authorizer.explain({ kind, issuer, subject, claims }, request)
  return toOutcome(`${action} ${key.name}`, decision, environment)
}

async function readJson(path: string, { context }: CommandEnvironment): Promise<JsonValue> {
  const bytes =
    path === '-'
      ? await readStdinBounded(context, MAX_BYTES, 'JSON')
      : await readFileBounded(path, MAX_BYTES)
  return parseJson(bytes, { maxBytes: MAX_BYTES })
}

async function findConfiguredKey(
  { key: name, config }: PolicyTestFlags,
  environment: CommandEnvironment,
): Promise<KeyFacts> {
  if (name === undefined) {
    const hint = 'add --key NAME'
    throw new CountersignError('ERR_USAGE', 'no key is named', { hint })
  }
  const { keys } = await readCommandConfig(environment, { config })
  const found = Object.hasOwn(keys, name) ? keys[name] : undefined
  if (found !== undefined) return { name, use: found.use, algorithm: found.algorithm }
  const nearest = suggestName(name, Object.keys(keys))
  throw new CountersignError('ERR_KEY_NOT_FOUND', `"${name}" is no key of the configuration`, {
    hint: nearest === undefined ? 'add it under keys' : `did you mean "${nearest}"?`,
  })
}

const ALLOW: Mark = { word: 'ALLOWED', style: 'good' }
const DENY: Mark = { word: 'DENIED', style: 'bad' }

function toOutcome(
  request: string,
  { isAllowed, policies, reason, missed }: Decision,
  { terminal }: CommandEnvironment,
): Outcome {
  const exitCode = isAllowed ? 0 : DENIED
  const rows: readonly Row[] = [
    ...policies.map((policy): Row => [isAllowed ? 'permitted by' : 'forbidden by', policy]),
    ...missed.flatMap(({ policy, condition, facts }): readonly Row[] => [
      ['policy', policy],
      ['permits if', condition],
      ...facts.map((fact): Row => ['but', fact]),
    ]),
    ...(policies.length + missed.length === 0 ? [['reason', reason] as const] : []),
  ]
  return {
    exitCode,
    document: {
      schema: schema('policy-test'),
      ok: isAllowed,
      exitCode,
      decision: isAllowed ? 'allow' : 'deny',
      policies,
      reason,
      missed,
    },
    report: `${renderBlock(isAllowed ? ALLOW : DENY, request, rows, terminal.report)}\n`,
  }
}
