/** What a token is for. */
import type { TokenOrder } from '../src/client/check-token.ts'
import { parseDurationSeconds } from '../src/config/duration.ts'
import { isJsonObject, type JsonObject, parseJson } from '../src/formats/json.ts'
import { type InputReader, usage } from './input-reader.ts'

/** The inputs of a token. */
export interface TokenRequestInputs {
  readonly audience: readonly [string, ...string[]]
  readonly claims: JsonObject | undefined
  readonly lifetimeSeconds: number | undefined
  /** What the token must say beside what is asked for. */
  readonly expected: Pick<TokenOrder, 'issuer' | 'type' | 'addedClaims'>
}

/**
 * Reads `audience`, `claims`, `lifetime`, and what the token must say beside them.
 *
 * @throws {@link CountersignError} ERR_USAGE
 */
export function readTokenInputs(reader: InputReader): TokenRequestInputs {
  const [first, ...more] = reader.list('audience')
  if (first === undefined) {
    throw usage('the input audience is missing', 'set it to whom the token is for')
  }
  const lifetime = reader.text('lifetime')
  return {
    audience: [first, ...more],
    claims: readClaims(reader.text('claims')),
    lifetimeSeconds: lifetime === undefined ? undefined : parseDurationSeconds(lifetime),
    expected: {
      issuer: reader.text('issuer'),
      type: reader.text('token-type'),
      addedClaims: reader.list('added-claims'),
    },
  }
}

function readClaims(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined
  const wanted = 'write one JSON object: {"role":"deployer"}'
  try {
    const json = parseJson(Buffer.from(text))
    if (isJsonObject(json)) return json
  } catch (cause) {
    throw usage(`claims is no JSON: ${cause instanceof Error ? cause.message : ''}`, wanted)
  }
  throw usage('claims is no JSON object', wanted)
}
