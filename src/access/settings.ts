/** What an operator says about who may call. */
import type { Proxies } from '../client/proxies.ts'
import type { AlgorithmName } from '../crypto/algorithms.ts'
import { CountersignError } from '../errors.ts'
import type { JsonObject } from '../formats/json.ts'

/** Reads a file as it is now, since it may be renewed. */
export type TextReader = () => Promise<string>

/** An issuer whose identity tokens are accepted. */
export interface IssuerSettings {
  /** Exact `iss` of its tokens, an https address; its metadata are looked for below it. */
  readonly issuer: string
  /** Exact audience its tokens must name: the address of this service. */
  readonly audience: string
  /** GitHub Enterprise: only tokens of `issuer/slug` are accepted, with the keys of the issuer. */
  readonly enterpriseSlug?: string | undefined
  /** Signature algorithms that are accepted; default {@link DEFAULT_ALGORITHMS}. */
  readonly algorithms?: readonly AlgorithmName[] | undefined
  /** How far clocks may be apart, 0 to 300; default 60. */
  readonly clockSkewSeconds?: number | undefined
  /** How old a token may be, whatever its own end, 1 to 2592000; default 3600. */
  readonly maxTokenAgeSeconds?: number | undefined
  /** Whether a token may be used once only, by its `jti`; default false. */
  readonly preventReplay?: boolean | undefined
  /** Address of its keys, in place of its metadata. */
  readonly jwksUri?: string | undefined
  /** Its keys themselves (a JWKS document): nothing is fetched. */
  readonly jwks?: TextReader | undefined
  /**
   * Token that its metadata and keys need, as an API server of Kubernetes; sent to the origin of `jwksUri`,
   * or of the issuer, and to no other.
   */
  readonly bearerToken?: TextReader | undefined
  /** Whether its metadata and keys may be at a private address, or at plain http on loopback; default false. */
  readonly allowPrivateAddresses?: boolean | undefined
  /** Whether its keys are fetched through the proxies that are given; default true. */
  readonly useProxy?: boolean | undefined
  /** PEM of certificate authorities to trust for it, instead of the system's. */
  readonly ca?: TextReader | undefined
}

/** A token that never changes: for development only, since a leaked one stays valid. */
export interface StaticTokenSettings {
  /** What its caller is called. */
  readonly name: string
  /** The token itself, at least 32 characters. */
  readonly token: string
  /** Claims its caller has. */
  readonly claims?: JsonObject | undefined
}

/** Who may call. */
export interface AuthenticatorSettings {
  readonly issuers: readonly IssuerSettings[]
  readonly staticTokens?: readonly StaticTokenSettings[] | undefined
  /** Proxies that keys of issuers are fetched through; default: none. */
  readonly proxies?: Proxies | undefined
}

/** Algorithms that are accepted unless an issuer's settings say others. */
export const DEFAULT_ALGORITHMS: readonly AlgorithmName[] = [
  'RS256',
  'PS256',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** Issuer of callers with a static token; no address, so no token can claim it. */
export const STATIC_ISSUER = 'static'

const MIN_STATIC_TOKEN = 32
const BEARER_FORM = /^[A-Za-z0-9._~+/=-]{1,16384}$/
const SLUG = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

function invalid(message: string, hint: string): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', message, { hint })
}

/** Whether a text is a bearer token, which can stand in a header (RFC 6750 section 2.1). */
export function isBearerToken(text: string): boolean {
  return BEARER_FORM.test(text)
}

/** The exact `iss` of an issuer's tokens. */
export function acceptedIssuer({ issuer, enterpriseSlug }: IssuerSettings): string {
  return enterpriseSlug === undefined ? issuer : `${issuer}/${enterpriseSlug}`
}

/**
 * Refuses settings that could not mean what they say.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID
 */
export function assertAuthenticatorSettings(settings: AuthenticatorSettings): void {
  const { issuers, staticTokens = [] } = settings
  issuers.forEach(assertIssuer)
  assertDistinct('issuer', issuers.map(acceptedIssuer))
  staticTokens.forEach(assertStaticToken)
  assertDistinct(
    'static token',
    staticTokens.map(({ name }) => name),
  )
}

function assertDistinct(what: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice === undefined) return
  throw invalid(`the ${what} "${twice}" is named twice`, 'keep one of the two')
}

function assertIssuer(settings: IssuerSettings): void {
  const { issuer, audience, enterpriseSlug, jwksUri } = settings
  assertAddress(issuer, settings)
  if (jwksUri !== undefined) assertAddress(jwksUri, settings)
  if (settings.jwks !== undefined && (settings.bearerToken ?? jwksUri) !== undefined) {
    const hint = 'leave out jwksUri and tokenFile, or jwks'
    throw invalid(
      `the keys of "${issuer}" are in a file, and an address of them is configured`,
      hint,
    )
  }
  if (audience === '')
    throw invalid(`no audience for "${issuer}"`, 'name the address of this service')
  if (enterpriseSlug !== undefined && !SLUG.test(enterpriseSlug)) {
    const hint = 'it is the last part of https://github.com/enterprises/SLUG'
    throw invalid(`"${enterpriseSlug}" is no slug of an enterprise`, hint)
  }
  assertBetween(issuer, 'clockSkewSeconds', settings.clockSkewSeconds ?? 0, [0, 300])
  assertBetween(issuer, 'maxTokenAgeSeconds', settings.maxTokenAgeSeconds ?? 60, [1, 2_592_000])
}

function assertAddress(address: string, { allowPrivateAddresses = false }: IssuerSettings): void {
  const url = URL.parse(address)
  const isSecure =
    url?.protocol === 'https:' || (url?.protocol === 'http:' && allowPrivateAddresses)
  const isPlain = url !== null && `${url.search}${url.hash}${url.username}${url.password}` === ''
  if (isSecure && isPlain) return
  const hint = 'write it as the issuer does: https://…, without ?, # or a password'
  throw invalid(`"${address}" is no address of an issuer`, hint)
}

function assertBetween(
  issuer: string,
  name: string,
  value: number,
  [least, most]: readonly [number, number],
): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw invalid(`${name} of "${issuer}" is ${value}`, `choose from ${least} to ${most}`)
}

function assertStaticToken({ name, token }: StaticTokenSettings): void {
  if (token.length >= MIN_STATIC_TOKEN && isBearerToken(token)) return
  const hint = `make one: openssl rand -hex ${MIN_STATIC_TOKEN}`
  throw invalid(`the static token "${name}" is too short, or can't stand in a header`, hint)
}
