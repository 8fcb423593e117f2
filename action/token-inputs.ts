/** What a token is for. */
import { parseDurationSeconds } from '../src/config/duration.ts'
import { isJsonObject, type JsonObject, parseJson } from '../src/formats/json.ts'
import { type InputReader, usage } from './input-reader.ts'

/** The inputs of a token. */
export interface TokenRequestInputs {
  readonly audience: readonly [string, ...string[]]
  readonly claims: JsonObject | undefined
  readonly lifetimeSeconds: number | undefined
}

/**
 * Reads `audience`, `claims` and `lifetime`.
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
