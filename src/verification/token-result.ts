/**
 * The result document of a token's verification: what `token verify --json` prints and
 * `POST /v1/verifications` answers for tokens. Stable; a change that breaks a reader gets a new `schema`.
 * The token itself is never in it.
 *
 * @packageDocumentation
 */
import type { ExitCode } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'
import { toUtcSeconds } from '../formats/time.ts'
import type { Check } from './policy.ts'
import { type ErrorDocument, toErrorDocument } from './result.ts'
import type { TokenOutcome } from './verify-token.ts'

/** Names the form of the document. */
export const TOKEN_RESULT_SCHEMA = 'https://countersign.dev/schemas/token-verify-result/v1'

/** What a verified token says, and every check that was made; of any other, the checks alone. */
export interface TokenDocument {
  readonly ok: boolean
  readonly key?: { readonly kid: string; readonly algorithm: string }
  readonly header?: JsonObject
  readonly claims?: JsonObject
  /** RFC 3339. */
  readonly expires?: string
  readonly checks: readonly Check[]
  readonly error?: ErrorDocument
}

/** The verdict on one token. */
export interface TokenResultDocument {
  readonly schema: typeof TOKEN_RESULT_SCHEMA
  readonly ok: boolean
  readonly exitCode: ExitCode
  readonly token: TokenDocument
}

/** Puts the outcome of a token's examination into its document form. */
export function toTokenResultDocument(outcome: TokenOutcome): TokenResultDocument {
  const { ok } = outcome
  const exitCode = outcome.ok ? 0 : outcome.error.exitCode
  return { schema: TOKEN_RESULT_SCHEMA, ok, exitCode, token: toTokenDocument(outcome) }
}

function toTokenDocument(outcome: TokenOutcome): TokenDocument {
  if (!outcome.ok) {
    return { ok: false, checks: outcome.checks, error: toErrorDocument(outcome.error) }
  }
  const { key, header, claims, expires, checks } = outcome.token
  const { kid } = key
  const algorithm = key.key.algorithm.name
  return {
    ok: true,
    key: { kid, algorithm },
    header,
    claims,
    expires: toUtcSeconds(expires),
    checks,
  }
}
