/** What \@sigstore/sign throws, as our errors. */
import { CountersignError, type ErrorCode } from '../../src/errors.ts'

/**
 * Wraps a failure of keyless signing. The library quotes a token it can't read: that message goes
 * nowhere.
 */
export function toSigningError(thrown: unknown): CountersignError {
  if (CountersignError.is(thrown)) return thrown
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
  if (code.startsWith('IDENTITY_TOKEN')) {
    return new CountersignError('ERR_NOT_AUTHENTICATED', 'the identity token can not be read', {
      hint: 'give the OIDC token itself: three parts with dots between them',
    })
  }
  const cause = thrown instanceof Error ? thrown.cause : undefined
  const status = cause instanceof Error && 'statusCode' in cause ? Number(cause.statusCode) : 0
  const what = SERVICES[code] ?? 'the Sigstore instance'
  const message = thrown instanceof Error ? `${what} failed: ${thrown.message}` : `${what} failed`
  return new CountersignError(toCode(code, status), message, {
    hint: 'check the token’s audience and lifetime; if both are right, try again',
    cause: thrown,
  })
}

const SERVICES: Readonly<Record<string, string>> = {
  CA_CREATE_SIGNING_CERTIFICATE_ERROR: 'the certificate authority',
  TLOG_CREATE_ENTRY_ERROR: 'the transparency log',
  TLOG_FETCH_ENTRY_ERROR: 'the transparency log',
  TSA_CREATE_TIMESTAMP_ERROR: 'the time-stamp authority',
}

function toCode(code: string, status: number): ErrorCode {
  if (status === 429) return 'ERR_THROTTLED'
  // Fulcio answers 400 to a token it does not accept.
  const isRefused = status === 401 || status === 403 || (status === 400 && code.startsWith('CA_'))
  return isRefused ? 'ERR_NOT_AUTHENTICATED' : 'ERR_NETWORK'
}
