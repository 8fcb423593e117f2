/**
 * What AWS KMS, its SDK and the network say, in countersign's codes. KMS tells its errors apart by
 * name only: ThrottlingException comes with HTTP status 400 and has no class in the SDK, and
 * AccessDeniedException neither, so names are compared and classes never.
 *
 * @packageDocumentation
 */
import { toCancellation } from '../../basics/cancellation.ts'
import { CountersignError, type ErrorCode, type ErrorDetails } from '../../errors.ts'

/** One call to KMS, as far as an error about it needs to know. */
export interface KmsCall {
  /** Name of the operation in the KMS API, which is also the IAM action after `kms:`. */
  readonly operation: string
  /** Key id, ARN or alias the call is about. */
  readonly keyId?: string | undefined
  readonly region?: string | undefined
  readonly signal?: AbortSignal | undefined
}

interface Meaning {
  readonly code: ErrorCode
  readonly hint: (call: KmsCall) => string
}

const means = (code: ErrorCode, hint: string | ((call: KmsCall) => string)): Meaning => ({
  code,
  hint: typeof hint === 'string' ? () => hint : hint,
})

const NO_CREDENTIALS = means(
  'ERR_NOT_AUTHENTICATED',
  'check the AWS credentials in use: aws sts get-caller-identity (add ?profile=NAME to the key reference to choose others)',
)
const EXPIRED = means('ERR_NOT_AUTHENTICATED', 'get new AWS credentials: these have expired')
const CLOCK = means(
  'ERR_NOT_AUTHENTICATED',
  'set the clock of this machine: AWS refuses requests more than five minutes off',
)
const NOT_ALLOWED = means('ERR_NOT_ALLOWED', (call) => {
  const resource = call.keyId?.startsWith('arn:') === true ? call.keyId : '*'
  return `allow it in IAM or the key policy: {"Effect":"Allow","Action":"kms:${call.operation}","Resource":"${resource}"}`
})
const NOT_FOUND = means('ERR_KEY_NOT_FOUND', (call) => {
  const region = call.region === undefined ? 'the region' : `the region (${call.region})`
  return `check the spelling of the key, ${region} and the account: a key of another one looks the same as none`
})
const NOT_USABLE = means(
  'ERR_KEY_NOT_USABLE',
  (call) => `see its state: ${awsCommand('describe-key', call)}`,
)
const WRONG_KEY = means(
  'ERR_KEY_INVALID',
  'use an asymmetric key whose usage is SIGN_VERIFY and that has the algorithm',
)
const THROTTLED = means(
  'ERR_THROTTLED',
  'try again later, or raise the KMS request quota: the account shares it between all its keys',
)
const UNAVAILABLE = means('ERR_PROVIDER_UNAVAILABLE', 'try again; see the AWS health dashboard')
const NETWORK = means(
  'ERR_NETWORK',
  'check the region, the endpoint, and this machine’s network and proxy',
)
const PROXY = means(
  'ERR_NETWORK',
  'give the login of the proxy in HTTPS_PROXY (http://USER:PASSWORD@HOST:PORT), have the proxy allow the host, or add the host to NO_PROXY',
)
const CERTIFICATE = means(
  'ERR_NETWORK',
  'the connection failed, perhaps over its certificate: NODE_EXTRA_CA_CERTS adds a private CA',
)
const TIMEOUT = means('ERR_TIMEOUT', 'try again; check the network between this machine and KMS')
const BAD_REFERENCE = means(
  'ERR_KEY_URI_INVALID',
  'write alias/NAME, a key id, or an ARN of this account’s partition',
)
const NO_SUCH_SPEC = means(
  'ERR_ALGORITHM_UNSUPPORTED',
  'this region does not make such keys: choose another algorithm or region',
)
const UNEXPECTED = means(
  'ERR_INTERNAL',
  'KMS gave an answer countersign does not know; please report it',
)

/** Errors by the name KMS, STS or the SDK gives them. */
const BY_NAME: Readonly<Record<string, Meaning>> = {
  NotFoundException: NOT_FOUND,
  DisabledException: NOT_USABLE,
  KMSInvalidStateException: NOT_USABLE,
  InvalidKeyUsageException: WRONG_KEY,
  UnsupportedOperationException: WRONG_KEY,
  AlreadyExistsException: means('ERR_KEY_EXISTS', 'choose another alias, or use the key it names'),
  InvalidArnException: BAD_REFERENCE,
  InvalidAliasNameException: BAD_REFERENCE,

  AccessDeniedException: NOT_ALLOWED,
  AccessDenied: NOT_ALLOWED,

  CredentialsProviderError: NO_CREDENTIALS,
  ProviderError: NO_CREDENTIALS,
  TokenProviderError: NO_CREDENTIALS,
  UnrecognizedClientException: NO_CREDENTIALS,
  InvalidClientTokenId: NO_CREDENTIALS,
  MissingAuthenticationTokenException: NO_CREDENTIALS,
  IncompleteSignatureException: NO_CREDENTIALS,
  InvalidSignatureException: NO_CREDENTIALS,
  SignatureDoesNotMatch: NO_CREDENTIALS,
  InvalidIdentityToken: NO_CREDENTIALS,
  ExpiredTokenException: EXPIRED,
  ExpiredToken: EXPIRED,
  RequestExpired: CLOCK,
  RequestInTheFuture: CLOCK,
  RequestTimeTooSkewed: CLOCK,

  ThrottlingException: THROTTLED,
  Throttling: THROTTLED,
  LimitExceededException: THROTTLED,
  KeyUnavailableException: UNAVAILABLE,
  DependencyTimeoutException: UNAVAILABLE,
  KMSInternalException: UNAVAILABLE,
  InternalFailure: UNAVAILABLE,
  ServiceUnavailableException: UNAVAILABLE,
  // Not JSON: something between here and KMS answered in its place.
  SyntaxError: UNAVAILABLE,

  TimeoutError: TIMEOUT,
}

/** Errors of sockets and of name lookup, by errno. */
const BY_ERRNO: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: NETWORK,
  EAI_AGAIN: NETWORK,
  ECONNREFUSED: NETWORK,
  // The SDK calls these two TimeoutError, so errno is looked at before the name.
  ECONNRESET: NETWORK,
  EPIPE: NETWORK,
  EHOSTUNREACH: NETWORK,
  ENETUNREACH: NETWORK,
  ETIMEDOUT: TIMEOUT,
  ERR_PROXY_TUNNEL: PROXY,
}

/** The members an error of the SDK may have; nothing is certain about a thrown value. */
interface SdkError {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
}

/** An AWS CLI command about a key, for hints; the region is in its ARN where nothing else tells. */
export function awsCommand(command: string, key: Pick<KmsCall, 'keyId' | 'region'>): string {
  const keyId = key.keyId ?? 'KEY'
  const region = key.region ?? (keyId.startsWith('arn:') ? keyId.split(':')[3] : undefined)
  return `aws kms ${command} --key-id ${keyId}${region === undefined ? '' : ` --region ${region}`}`
}

/** Name of an error thrown by the SDK; empty for anything else. */
export function sdkErrorName(error: unknown): string {
  const { name } = (error ?? {}) as SdkError
  return typeof name === 'string' ? name : ''
}

/**
 * Turns whatever a KMS call threw into a CountersignError that says which call, on which key, and
 * what to do. An outage never reads as an invalid signature. CountersignErrors pass unchanged.
 */
export function toKmsError(cause: unknown, call: KmsCall): CountersignError {
  if (CountersignError.is(cause)) return cause
  if (call.signal?.aborted === true) return toCancellation(call.signal)
  const error = (cause ?? {}) as SdkError
  const { code, hint } = findMeaning(error, call)
  const key = call.keyId === undefined ? '' : ` for ${call.keyId}`
  const why = describe(error, code)
  return new CountersignError(code, `AWS KMS ${call.operation}${key} failed: ${why}`, {
    hint: hint(call),
    details: toDetails(error, call),
    cause,
  })
}

function findMeaning(error: SdkError, call: KmsCall): Meaning {
  if (isClockSkew(error)) return CLOCK
  if (isUnknownSpec(error, call)) return NO_SUCH_SPEC
  const errno = typeof error.code === 'string' ? error.code : ''
  return (
    lookUp(BY_ERRNO, errno) ??
    lookUp(BY_NAME, sdkErrorName(error)) ??
    byStatus(error.$metadata?.httpStatusCode) ??
    (errno === '' ? UNEXPECTED : CERTIFICATE)
  )
}

function lookUp(table: Readonly<Record<string, Meaning>>, name: string): Meaning | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function byStatus(status = 0): Meaning | undefined {
  if (status === 429) return THROTTLED
  return status >= 500 ? UNAVAILABLE : undefined
}

/** AWS gives a bad clock and a wrong secret the same name, and different texts. */
function isClockSkew(error: SdkError): boolean {
  return (
    ['InvalidSignatureException', 'SignatureDoesNotMatch'].includes(sdkErrorName(error)) &&
    typeof error.message === 'string' &&
    /^Signature (?:expired|not yet current)/.test(error.message)
  )
}

/** The key spec is all that KMS can find wrong with our CreateKey: older regions know fewer. */
function isUnknownSpec(error: SdkError, call: KmsCall): boolean {
  const names = ['ValidationException', 'UnsupportedOperationException']
  return call.operation === 'CreateKey' && names.includes(sdkErrorName(error))
}

function describe(error: SdkError, code: ErrorCode): string {
  const name = sdkErrorName(error)
  // Texts about credentials may quote the signed request, session token included.
  if (code === 'ERR_NOT_AUTHENTICATED') return name
  const text = typeof error.message === 'string' ? error.message : ''
  const errno = typeof error.code === 'string' ? error.code : ''
  const known = [name === 'Error' ? '' : name, text || errno].filter((part) => part !== '')
  return known.join(': ').replaceAll(/\s+/g, ' ').slice(0, 400).replace(/\.$/, '')
}

function toDetails(error: SdkError, call: KmsCall): ErrorDetails {
  const name = sdkErrorName(error)
  const requestId = error.$metadata?.requestId
  return {
    provider: 'awskms',
    operation: call.operation,
    ...(name === '' ? {} : { awsErrorName: name }),
    ...(requestId === undefined ? {} : { requestId }),
  }
}
