/**
 * Key references of AWS KMS. The syntax is cosign's, plus a query:
 *
 * `awskms://[endpoint]/KEY[?region=REGION&profile=PROFILE]` where KEY is `alias/NAME`, a key id (a
 * UUID or `mrk-…`), a key ARN or an alias ARN of any AWS partition. An empty endpoint is AWS's own.
 *
 * @packageDocumentation
 */
import { CountersignError } from '../../errors.ts'

/** Where calls go and with whose credentials; what is absent comes from the SDK's own defaults. */
export interface AwsKmsAccount {
  /** `host[:port]` of an endpoint that is not AWS's own, in lower case. */
  readonly endpoint?: string
  readonly region?: string
  /** Section of the shared AWS configuration files. */
  readonly profile?: string
}

/** One AWS KMS key, by id, ARN or alias. */
export interface AwsKmsUri extends AwsKmsAccount {
  readonly scheme: 'awskms'
  /** Key id, key ARN, `alias/NAME` or alias ARN, as KMS takes it. */
  readonly keyId: string
}

const MAX_CHARACTERS = 4096
const SYNTAX = /^awskms:\/\/([^/?#]*)\/([^?#]*)(?:\?([^#]*))?$/i

const REGION = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const KEY_ID = '(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})'
/** KMS allows 256 characters, `alias/` included. */
const ALIAS = 'alias/[A-Za-z0-9/_-]{1,250}'
const ARN = new RegExp(`^arn:aws(?:-[a-z]+)*:kms:(${REGION}):[0-9]{12}:(?:key/${KEY_ID}|${ALIAS})$`)
const KEY = new RegExp(`^(?:${KEY_ID}|${ALIAS})$`)
const PARAMETERS: Readonly<Record<'region' | 'profile', RegExp>> = {
  region: new RegExp(`^${REGION}$`),
  profile: /^\P{Cc}{1,128}$/u,
}

function invalid(text: string, why: string): CountersignError {
  // Somebody may have put credentials into the endpoint.
  const shown = text.slice(0, 160).replace(/\/\/[^/]*@/, '//…@')
  return new CountersignError(
    'ERR_KEY_URI_INVALID',
    `not an AWS KMS key reference: "${shown}": ${why}`,
    {
      hint: 'write awskms:///alias/NAME, awskms:///KEY-ID or awskms:///arn:aws:kms:…, optionally with ?region=…&profile=…',
    },
  )
}

/**
 * Parses an `awskms:` reference to a key.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, a parameter that is unknown,
 * repeated or empty, or a `region` that is not the one in the ARN
 */
export function parseAwsKmsUri(text: string): AwsKmsUri {
  const { path, ...account } = split(text)
  const keyId = decode(text, path)
  const arn = ARN.exec(keyId)
  if (arn === null && !KEY.test(keyId)) {
    throw invalid(text, 'expected alias/NAME, a key id or an ARN after the endpoint')
  }
  if (arn !== null && account.region !== undefined && arn[1] !== account.region) {
    throw invalid(text, `the ARN is of region ${arn[1] ?? ''}, the query says ${account.region}`)
  }
  return { scheme: 'awskms', keyId, ...account }
}

/**
 * Parses `awskms://[endpoint]/[?region=…&profile=…]`: a reference to an account, where keys are yet
 * to be made.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — malformed, or it names a key
 */
export function parseAwsKmsAccount(text: string): AwsKmsAccount {
  const { path, ...account } = split(text)
  if (path !== '') throw invalid(text, 'expected no key, only an endpoint, a region or a profile')
  return account
}

/** Writes a reference so that {@link parseAwsKmsUri} reads it back. */
export function serializeAwsKmsUri(uri: AwsKmsUri): string {
  const parameters = [
    ...(uri.region === undefined ? [] : [`region=${uri.region}`]),
    ...(uri.profile === undefined ? [] : [`profile=${encodeURIComponent(uri.profile)}`]),
  ]
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`
  return `awskms://${uri.endpoint ?? ''}/${uri.keyId}${query}`
}

/** The region a key is in, as far as its reference tells: the query's, else the ARN's. */
export function regionOf(uri: AwsKmsUri): string | undefined {
  return uri.region ?? ARN.exec(uri.keyId)?.[1]
}

/** URL of an endpoint: https, and plain http only where it can't leave the machine. */
export function endpointUrl(endpoint: string): string {
  const isLoopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(endpoint)
  return `${isLoopback ? 'http' : 'https'}://${endpoint}`
}

function split(text: string): AwsKmsAccount & { readonly path: string } {
  const parts = text.length > MAX_CHARACTERS ? null : SYNTAX.exec(text)
  const [, authority, path, query] = parts ?? []
  if (authority === undefined || path === undefined) {
    throw invalid(text, 'expected awskms://[endpoint]/KEY')
  }
  return { path, ...parseEndpoint(text, authority), ...parseQuery(text, query) }
}

function parseEndpoint(text: string, authority: string): { readonly endpoint?: string } {
  if (authority === '') return {}
  const endpoint = authority.toLowerCase()
  const [, host = '', port = '443'] = /^(.+?)(?::([1-9][0-9]{0,4}))?$/.exec(endpoint) ?? []
  // Comparing with what the URL parser makes of it refuses credentials, escapes and odd IP spellings.
  const url = `https://${host}/`
  if (!URL.canParse(url) || new URL(url).hostname !== host || Number(port) > 65_535) {
    throw invalid(text, 'the endpoint is not host or host:port')
  }
  return { endpoint }
}

function parseQuery(text: string, query: string | undefined): Omit<AwsKmsAccount, 'endpoint'> {
  const found: { region?: string; profile?: string } = {}
  for (const parameter of query?.split('&') ?? []) {
    const { name, value } = parseParameter(text, parameter)
    if (found[name] !== undefined) throw invalid(text, `"${name}" is given twice`)
    found[name] = value
  }
  return found
}

function parseParameter(
  text: string,
  parameter: string,
): { readonly name: 'region' | 'profile'; readonly value: string } {
  const [name = '', ...raw] = parameter.split('=')
  if (name !== 'region' && name !== 'profile') {
    throw invalid(text, `unknown parameter "${name}", only region and profile are known`)
  }
  const value = decode(text, raw.join('='))
  if (!PARAMETERS[name].test(value)) throw invalid(text, `"${name}" has a bad value`)
  return { name, value }
}

function decode(text: string, part: string): string {
  try {
    // A lone surrogate passes decoding but has no encoding of its own.
    if (part.isWellFormed()) return decodeURIComponent(part)
  } catch {
    // falls through to the one flat error
  }
  throw invalid(text, 'broken percent-encoding')
}
