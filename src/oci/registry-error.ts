/**
 * What a registry's refusal means. A refusal never reads as "there is nothing": only 404 does, and
 * only where the caller says so.
 *
 * @packageDocumentation
 */
import { CountersignError, type ErrorCode } from '../errors.ts'
import { parseJson, readObject } from '../formats/json.ts'
import type { HttpResponse } from './http.ts'
import { printableExcerpt } from '../formats/printable.ts'

/** The first error of a registry's answer (distribution-spec, Error Codes). */
export interface RegistryErrorBody {
  /** Such as `MANIFEST_UNKNOWN`; empty where the answer has none. */
  readonly code: string
  /** The registry's own words, fit to print. */
  readonly message: string
}

/** Reads the error out of an answer's body, which may be anything. */
export function parseErrorBody(body: Uint8Array): RegistryErrorBody {
  try {
    const [first] = readObject(parseJson(body), unreadable).objects('errors')
    const code = first?.optionalText('code') ?? ''
    return {
      code: /^[A-Z0-9_]{1,64}$/.test(code) ? code : '',
      message: printableExcerpt(first?.optionalText('message') ?? ''),
    }
  } catch {
    // Proxies answer in HTML, and a long answer was cut: the status says enough.
    return { code: '', message: '' }
  }
}

function unreadable(why: string): CountersignError {
  return new CountersignError('ERR_REGISTRY_PROTOCOL', `no error document: ${why}`)
}

function codeFor(status: number): ErrorCode {
  if (status === 401) return 'ERR_NOT_AUTHENTICATED'
  if (status === 403) return 'ERR_NOT_ALLOWED'
  if (status === 404) return 'ERR_ARTIFACT_NOT_FOUND'
  if (status === 429) return 'ERR_THROTTLED'
  return status >= 500 || status === 408 ? 'ERR_REGISTRY_UNAVAILABLE' : 'ERR_REGISTRY_PROTOCOL'
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  ERR_NOT_AUTHENTICATED: 'log in to the registry (docker login, podman login)',
  ERR_NOT_ALLOWED: 'the account may not do this there; check its rights on the repository',
  ERR_ARTIFACT_NOT_FOUND: 'check the name, tag and digest, and that the image has been pushed',
  ERR_THROTTLED: 'the registry limits requests; try again later, or log in for a higher limit',
  ERR_REGISTRY_UNAVAILABLE: 'the registry is in trouble; try again later',
  ERR_REGISTRY_PROTOCOL: 'check that this is an OCI registry and the name of the repository',
}

/**
 * Makes the error of an answer that is not the wanted one.
 *
 * @param what - what was asked, as in "cannot WHAT"
 * @param errorCode - if more is known than the status
 */
export function registryError(
  { status, url, body, headers }: HttpResponse,
  what: string,
  errorCode: ErrorCode = codeFor(status),
): CountersignError {
  const { code, message } = parseErrorBody(body)
  const said = [String(status), code, message && `"${message}"`].filter((part) => part !== '')
  const wait = toWait(headers.get('retry-after') ?? '')
  const answered = `${url.host} answers ${said.join(' ')}${wait}`
  return new CountersignError(errorCode, `cannot ${what}: ${answered}`, {
    hint: HINTS[errorCode],
    details: { host: url.host, status, ...(code !== '' && { registryCode: code }) },
  })
}

/** What a registry says of the time to wait, in seconds or as a date. */
function toWait(retryAfter: string): string {
  if (/^\d{1,9}$/.test(retryAfter)) {
    const hours = Number(retryAfter) / 3600
    const rounded = hours >= 1 ? ` (${hours.toFixed(1).replace(/\.0$/, '')} h)` : ''
    return `, and asks to wait ${retryAfter} s${rounded}`
  }
  const isDate = Number.isFinite(Date.parse(retryAfter))
  return isDate ? `, and asks to wait until ${new Date(retryAfter).toISOString()}` : ''
}
