/**
 * Key references of AWS KMS. The syntax is cosign's, plus a query:
 *
 * `awskms://[endpoint]/KEY[?region=REGION&profile=PROFILE]` where KEY is `alias/NAME`, a key id (a
 * UUID or `mrk-…`), a key ARN or an alias ARN of any AWS partition. An empty endpoint is AWS's own.
 * `?regions=REGION,REGION` in place of `region`: a multi-Region key, in the order in which its regions are asked.
 *
 * @packageDocumentation
 */
import {
  ACCOUNT_PARAMETERS,
  type AwsAccount,
  decodeComponent,
  parseAccountQuery,
  parseEndpoint,
  REGION_PATTERN,
} from '../../client/aws-account.ts'
import { CountersignError } from '../../errors.ts'

/** An account of AWS, as KMS is called in. */
export interface AwsKmsAccount extends AwsAccount {
  /** Where a multi-Region key is, two regions or more, in the order in which they are asked; `region` is absent then. */
  readonly regions?: readonly string[]
}

/** One AWS KMS key, by id, ARN or alias. */
export interface AwsKmsUri extends AwsKmsAccount {
  readonly scheme: 'awskms'
  /** Key id, key ARN, `alias/NAME` or alias ARN, as KMS takes it. */
  readonly keyId: string
}

const MAX_CHARACTERS = 4096
const SYNTAX = /^awskms:\/\/([^/?#]*)\/([^?#]*)(?:\?([^#]*))?$/i

const KEY_ID = '(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})'
/** KMS allows 256 characters, `alias/` included. */
const ALIAS = 'alias/[A-Za-z0-9/_-]{1,250}'
const ARN = new RegExp(
  `^arn:aws(?:-[a-z]+)*:kms:(${REGION_PATTERN}):[0-9]{12}:(?:key/${KEY_ID}|${ALIAS})$`,
)
/** Regions of one key. */
const MAX_REGIONS = 8
const PARAMETERS = {
  ...ACCOUNT_PARAMETERS,
  regions: new RegExp(`^${REGION_PATTERN}(?:,${REGION_PATTERN}){1,${MAX_REGIONS - 1}}$`),
}
/** An alias may name a multi-Region key, any other name states whether it does. */
const MULTI_REGION = new RegExp(`(?:^|:key/)mrk-|(?:^|:)alias/`)
const KEY = new RegExp(`^(?:${KEY_ID}|${ALIAS})$`)

function invalid(text: string, why: string): CountersignError {
  // The endpoint may contain credentials.
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
  const { regions } = account
  if (regions !== undefined && !isMultiRegion({ keyId, regions })) {
    throw invalid(text, 'expected the alias, or the id mrk-…, of a key in one of the regions')
  }
  return { scheme: 'awskms', keyId, ...account }
}

/** Whether a name can be that of a multi-Region key, in one of its regions. */
export function isMultiRegion({
  keyId,
  regions,
}: {
  readonly keyId: string
  readonly regions: readonly string[]
}): boolean {
  const region = ARN.exec(keyId)?.[1]
  return MULTI_REGION.test(keyId) && (region === undefined || regions.includes(region))
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
    ...(uri.regions === undefined ? [] : [`regions=${uri.regions.join(',')}`]),
    ...(uri.profile === undefined ? [] : [`profile=${encodeURIComponent(uri.profile)}`]),
  ]
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`
  return `awskms://${uri.endpoint ?? ''}/${uri.keyId}${query}`
}

/** The region a key is in, or is asked in first, according to its reference: the query's, else the ARN's. */
export function regionOf(uri: AwsKmsUri): string | undefined {
  return uri.regions?.[0] ?? uri.region ?? ARN.exec(uri.keyId)?.[1]
}

/** What a key is called in each of its regions: the names of a multi-Region key differ in the region alone. */
export function inEachRegion(uri: AwsKmsUri): readonly AwsKmsUri[] {
  const { regions, ...rest } = uri
  return regions?.map((region) => ({ ...rest, region, keyId: keyIn(region, uri.keyId) })) ?? [uri]
}

/** The name of a key in another region. */
export function keyIn(region: string, keyId: string): string {
  return keyId.replace(/^(arn:[^:]*:kms:)[^:]*/, `$1${region}`)
}

/**
 * Adds regions to a reference to a key or to an account.
 *
 * @throws {@link CountersignError} ERR_KEY_URI_INVALID — it has a region already, or the result is malformed
 */
export function withRegions(text: string, regions: readonly string[]): string {
  const combined = `${text}${text.includes('?') ? '&' : '?'}regions=${regions.join(',')}`
  if (!PARAMETERS.regions.test(regions.join(',')))
    throw invalid(combined, 'expected two regions or more')
  split(combined)
  return combined
}

function split(text: string): AwsKmsAccount & { readonly path: string } {
  const parts = text.length > MAX_CHARACTERS ? null : SYNTAX.exec(text)
  const [, authority, path, query] = parts ?? []
  if (authority === undefined || path === undefined) {
    throw invalid(text, 'expected awskms://[endpoint]/KEY')
  }
  return {
    path,
    ...endpointOf(text, authority),
    ...parseQuery(text, query),
  }
}

function parseQuery(text: string, query: string | undefined): AwsKmsAccount {
  const { regions: list, ...account } = parseAccountQuery(query, PARAMETERS, (why) =>
    invalid(text, why),
  )
  if (list === undefined) return account
  const regions = list.split(',')
  if (account.region !== undefined) throw invalid(text, 'expected region or regions, got both')
  if (new Set(regions).size < regions.length) throw invalid(text, 'a region is named twice')
  return { ...account, regions }
}

function endpointOf(text: string, authority: string): { readonly endpoint?: string } {
  if (authority === '') return {}
  const endpoint = parseEndpoint(authority)
  if (endpoint === undefined) throw invalid(text, 'the endpoint is not host or host:port')
  return { endpoint }
}

function decode(text: string, part: string): string {
  const decoded = decodeComponent(part)
  if (decoded === undefined) throw invalid(text, 'broken percent-encoding')
  return decoded
}
