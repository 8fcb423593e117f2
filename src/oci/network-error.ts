/** Failures of the network below HTTP, distinguished by their remedy. */
import { rootCode } from '../basics/deadline.ts'
import { CountersignError } from '../errors.ts'

const TLS_TRUST: ReadonlySet<string> = new Set([
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])
const TLS_OTHER: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])
/** What Node says when a plain server answers a TLS greeting. */
const NOT_TLS: ReadonlySet<string> = new Set([
  'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
])

function hintFor(code: string): string {
  if (TLS_TRUST.has(code)) return 'name the certificate authority of the registry with --ca FILE'
  if (TLS_OTHER.has(code))
    return 'the certificate of the registry must be mended, or the clock here'
  if (NOT_TLS.has(code)) return 'if the registry speaks plain http, say --plain-http'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'check the name of the registry and DNS'
  return 'check the network, proxy and firewall, and try again'
}

/** Whether a failed fetch may go better at once: not where a certificate was refused. */
export function isPassing(error: unknown): boolean {
  if (CountersignError.is(error) && 'proxy' in error.details) return false
  const code = rootCode(error) ?? ''
  return !TLS_TRUST.has(code) && !TLS_OTHER.has(code) && !NOT_TLS.has(code) && code !== 'ENOTFOUND'
}

/** Says what kept a request from being answered. */
export function networkError(url: URL, cause: unknown): CountersignError {
  const reason = rootCode(cause) ?? 'the connection failed'
  return new CountersignError('ERR_NETWORK', `no answer from ${url.host}: ${reason}`, {
    hint: hintFor(reason),
    details: { host: url.host, reason },
    cause,
  })
}
