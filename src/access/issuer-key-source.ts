/**
 * Where the keys of an issuer come from: its address (OpenID Connect Discovery 1.0 section 4), or a file.
 *
 * @packageDocumentation
 */
import type { BoundedGet, BoundedGetAnswer } from '../client/bounded-get.ts'
import { CountersignError } from '../errors.ts'
import { parseJson, readObject } from '../formats/json.ts'
import { type NamedPublicKey, parseJwks } from '../formats/jwks.ts'
import { isBearerToken, type IssuerSettings, type TextReader } from './settings.ts'

/** Keys, and how long they are used before the source is asked again. */
export interface LoadedKeys {
  readonly keys: readonly NamedPublicKey[]
  readonly freshSeconds: number
}

/** Loads the keys of one issuer, and says how often that may be done. */
export interface IssuerKeySource {
  /** @throws {@link CountersignError} whatever keeps the keys from being loaded */
  load(): Promise<LoadedKeys>
  /** Least time between two loads that unknown keys give rise to, after a success and after a failure. */
  readonly pauseSeconds: { readonly success: number; readonly failure: number }
}

/** What a source needs to know of an issuer. */
export type KeySourceSettings = Pick<
  IssuerSettings,
  'issuer' | 'jwksUri' | 'jwks' | 'algorithms' | 'bearerToken'
>

const DEFAULT_AGE_SECONDS = 300
const MIN_AGE_SECONDS = 60
const MAX_AGE_SECONDS = 3600
const FILE_AGE_SECONDS = 5
const JSON_TYPES = ['application/json', 'application/jwk-set+json']

/** Keys in a file: a renewed one counts within 5 s, a new key in it at once. */
export function fileKeys(
  read: TextReader,
  { algorithms }: Pick<KeySourceSettings, 'algorithms'>,
): IssuerKeySource {
  let known: { readonly text: string; readonly keys: readonly NamedPublicKey[] } | undefined
  return {
    pauseSeconds: { success: 1, failure: 1 },
    load: async () => {
      const text = await read()
      // The same keys stay the same objects, by which verified tokens are remembered.
      if (known?.text !== text) known = { text, keys: parseJwks(text, { algorithms }).keys }
      return { keys: known.keys, freshSeconds: FILE_AGE_SECONDS }
    },
  }
}

/** Keys at the address of the issuer, by its metadata unless the address of the keys is configured. */
export function fetchedKeys(settings: KeySourceSettings, get: BoundedGet): IssuerKeySource {
  const { issuer, jwksUri, algorithms } = settings
  const getJson = getAuthorized(settings, get)
  return {
    pauseSeconds: { success: 30, failure: 5 },
    load: async () => {
      const url = new URL(jwksUri ?? (await discoverJwksUri(issuer, getJson)))
      const answer = await getJson(url)
      const { keys } = parseJwks(answer.body, { algorithms })
      return { keys, freshSeconds: maxAgeOf(answer) }
    },
  }
}

type GetJson = (url: URL) => Promise<BoundedGetAnswer>

/**
 * Makes what gets the documents of an issuer with its token, if it wants one. The token is read each time,
 * since projected ones are renewed, and is sent to the configured origin alone: metadata cannot direct it
 * to another.
 */
function getAuthorized(settings: KeySourceSettings, get: BoundedGet): GetJson {
  const { issuer, jwksUri, bearerToken } = settings
  const { origin } = new URL(jwksUri ?? issuer)
  return async (url) => {
    const isOwn = url.origin === origin
    const token = isOwn && bearerToken !== undefined ? await readBearer(bearerToken) : undefined
    try {
      return await get({ url, mediaTypes: JSON_TYPES, bearerToken: token })
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
async function discoverJwksUri(issuer: string, getJson: GetJson): Promise<string> {
  const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`)
  const { body } = await getJson(url)
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

function maxAgeOf({ headers }: BoundedGetAnswer): number {
  const [, said] = /(?:^|[\s,])max-age=(\d{1,9})/i.exec(headers['cache-control'] ?? '') ?? []
  const seconds = said === undefined ? DEFAULT_AGE_SECONDS : Number(said)
  return Math.min(Math.max(seconds, MIN_AGE_SECONDS), MAX_AGE_SECONDS)
}
