/** The claims of a token, as a user gives them. */
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../src/formats/json.ts'
import type { Context } from '../context.ts'
import { readStdinBounded } from '../terminal/stdin.ts'

/** Options that say what a token says. */
export interface ClaimFlags {
  readonly claim?: Readonly<Record<string, string>> | undefined
  readonly claims?: string | undefined
  readonly subject?: string | undefined
}

const MAX_CLAIMS_BYTES = 64 * 1024

/**
 * Joins the claims of a file, or standard input (`-`), with those of single options, which are texts.
 *
 * @throws {@link CountersignError} ERR_USAGE — a claim twice, or no JSON object; ERR_FILE_READ,
 * ERR_INPUT_TOO_LARGE
 */
export async function readClaims(flags: ClaimFlags, context: Context): Promise<JsonObject> {
  const { claim = {}, claims, subject } = flags
  const sources = [
    claims === undefined ? {} : await readClaimsFile(claims, context),
    claim,
    subject === undefined ? {} : { sub: subject },
  ]
  const names = sources.flatMap((source) => Object.keys(source))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return Object.assign({}, ...sources) as JsonObject
  throw new CountersignError('ERR_USAGE', `the claim "${twice}" is given twice`)
}

async function readClaimsFile(path: string, context: Context): Promise<JsonObject> {
  const bytes =
    path === '-'
      ? await readStdinBounded(context, MAX_CLAIMS_BYTES, 'claims')
      : await readFileBounded(path, MAX_CLAIMS_BYTES)
  const name = path === '-' ? 'standard input' : `"${path}"`
  try {
    const json = parseJson(bytes, { maxBytes: MAX_CLAIMS_BYTES })
    if (isJsonObject(json)) return json
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unreadable'
    throw new CountersignError('ERR_USAGE', `${name} holds no claims: ${why}`, { cause })
  }
  throw new CountersignError('ERR_USAGE', `${name} holds no claims: not a JSON object`)
}
