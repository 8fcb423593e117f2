/** Failures of the network below HTTP, distinguished by their remedy. */
import { rootCode } from '../basics/deadline.ts'
import { CountersignError, type CountersignErrorOptions } from '../errors.ts'

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

type Remedy = Pick<CountersignErrorOptions, 'hint' | 'reason'>

function remedyFor(code: string): Remedy {
  if (TLS_TRUST.has(code)) {
    return {
      hint: 'trust the certificate authority of the registry',
      reason: 'certificate-untrusted',
    }
  }
  if (TLS_OTHER.has(code)) return { hint: 'fix the certificate of the registry, or the clock here' }
  if (NOT_TLS.has(code)) {
    return { hint: 'allow plain http if the registry speaks it', reason: 'registry-without-tls' }
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return { hint: 'check the name of the registry and DNS' }
  }
  return { hint: 'check the network, proxy and firewall, and try again' }
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
    ...remedyFor(reason),
    details: { host: url.host, reason },
    cause,
  })
}
