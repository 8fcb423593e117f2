/**
 * Where the keys of an issuer come from: its address (OpenID Connect Discovery 1.0 section 4), or a file.
 *
 * @packageDocumentation
 */
import type { BoundedGet, BoundedGetRequest } from '../client/bounded-get.ts'
import type { CacheBounds } from '../client/cached-document.ts'
import { CountersignError } from '../errors.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { isBearerToken, type IssuerSettings, type TextReader } from './settings.ts'

/** What a source needs to know of an issuer. */
export type KeySourceSettings = Pick<
  IssuerSettings,
  'issuer' | 'jwksUri' | 'jwks' | 'algorithms' | 'bearerToken'
>

/** A renewed file counts within 5 s, a new key in it within one. */
export const FILE_BOUNDS: Partial<CacheBounds> = {
  leastFreshSeconds: 5,
  mostFreshSeconds: 5,
  cooldownSeconds: 1,
  failureCooldownSeconds: 1,
}
const JSON_TYPES = ['application/json', 'application/jwk-set+json']

/** Keys in a file. */
export function getFromFile(read: TextReader): BoundedGet {
  return async () => ({ status: 200, headers: {}, body: Buffer.from(await read()) })
}

/** Keys at the address of the issuer, by its metadata unless the address of the keys is configured. */
export function getFromIssuer(settings: KeySourceSettings, get: BoundedGet): BoundedGet {
  const { issuer, jwksUri } = settings
  const getJson = getAuthorized(settings, get)
  return async (request) => {
    const url = new URL(jwksUri ?? (await discoverJwksUri(issuer, getJson)))
    return getJson({ ...request, url })
  }
}

/**
 * Makes what gets the documents of an issuer with its token, if it wants one. The token is read each time,
 * since projected ones are renewed, and is sent to the configured origin alone: metadata cannot direct it
 * to another.
 */
function getAuthorized(settings: KeySourceSettings, get: BoundedGet): BoundedGet {
  const { issuer, jwksUri, bearerToken } = settings
  const { origin } = new URL(jwksUri ?? issuer)
  return async (request: BoundedGetRequest) => {
    const { url } = request
    const isOwn = url.origin === origin
    const token = isOwn && bearerToken !== undefined ? await readBearer(bearerToken) : undefined
    try {
      return await get({ ...request, mediaTypes: JSON_TYPES, bearerToken: token })
    } catch (error) {
      throw isRefusal(error)
        ? toRefusal(error, { origin, isOwn, isSent: token !== undefined })
        : error
    }
  }
}

async function readBearer(read: TextReader): Promise<string> {
  const token = (await read()).trim()
  if (isBearerToken(token)) return token
  throw new CountersignError('ERR_NETWORK', 'its tokenFile does not hold a bearer token', {
    hint: 'write the token alone into the file of access.issuers[].tokenFile',
  })
}

/** Whether the issuer itself wants another login; a proxy on the way answers for itself. */
function isRefusal(error: unknown): error is CountersignError {
  if (!CountersignError.is(error) || error.details['proxy'] !== undefined) return false
  return [401, 403].includes(Number(error.details['status']))
}

function toRefusal(
  error: CountersignError,
  about: { readonly origin: string; readonly isOwn: boolean; readonly isSent: boolean },
): CountersignError {
  const { origin, isOwn, isSent } = about
  const hint = isSent
    ? 'the issuer does not accept the token of access.issuers[].tokenFile: check its audience, and that its account may read the keys (in Kubernetes: the role system:service-account-issuer-discovery)'
    : isOwn
      ? 'its keys need a login: set access.issuers[].tokenFile to a file with a token for them'
      : `the token is sent to ${origin} alone: set access.issuers[].jwksUri to the address of the keys that needs it`
  return new CountersignError(error.code, error.message, {
    hint,
    details: error.details,
    cause: error,
  })
}

/** Reads where the keys are from metadata that must be of exactly this issuer (section 4.3). */
async function discoverJwksUri(issuer: string, getJson: BoundedGet): Promise<string> {
  const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { body } = await getJson({ url })
  const malformed = (why: string): CountersignError => unusable(`malformed metadata: ${why}`)
  const metadata = readObject(parseJson(body), malformed, 'the document')
  const actual = metadata.text('issuer')
  if (actual !== issuer) throw unusable(`they are of another issuer: "${actual.slice(0, 200)}"`)
  const jwksUri = metadata.text('jwks_uri')
  if (!URL.canParse(jwksUri)) throw malformed('jwks_uri is not an address')
  return jwksUri
}

function unusable(why: string): CountersignError {
  return new CountersignError('ERR_NETWORK', why)
}
