/** What S3, its SDK and the network answer, in countersign's codes. */
import { CountersignError } from '../../errors.ts'

/** One call, as far as an error about it needs to know. */
export interface S3Call {
  /** Name of the operation in S3's API. */
  readonly operation: string
  readonly location: string
  /** Whether its time was over. */
  readonly isLate: boolean
}

/** Names of refusals that other credentials may end. */
const CREDENTIALS: ReadonlySet<string> = new Set([
  'CredentialsProviderError',
  'ExpiredToken',
  'ExpiredTokenException',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TokenProviderError',
])

const HINTS: Readonly<Record<string, string>> = {
  AccessDenied:
    'allow s3:GetObject, s3:PutObject and s3:DeleteObject on the objects, and s3:ListBucket on the bucket, without which S3 does not say that an object is missing',
  NoSuchBucket: 'make the bucket, or correct its name and region',
  NotImplemented: 'use a server that knows conditional writes (If-None-Match, If-Match)',
  PermanentRedirect: 'the bucket is in another region: add ?region=…',
}

/** Name of an error of the SDK; empty for anything else. */
export function s3ErrorName(error: unknown): string {
  return error instanceof Error ? error.name : ''
}

/** Turns whatever a call threw into a CountersignError; the place is in its hint, which callers never see. */
export function toS3Error(
  cause: unknown,
  { isLate, location, operation }: S3Call,
): CountersignError {
  if (CountersignError.is(cause)) return cause
  const name = s3ErrorName(cause)
  const isRefused = CREDENTIALS.has(name)
  const why = isLate ? 'it did not answer in time' : reasonOf(cause, name)
  const remedy = isRefused ? 'check the AWS credentials in use' : HINTS[name]
  const code = isRefused ? 'ERR_NOT_AUTHENTICATED' : 'ERR_STORE_UNAVAILABLE'
  return new CountersignError(code, `S3 ${operation} failed: ${why}`, {
    hint: `${remedy ?? 'check the network, and whether S3 answers'} (${location})`,
    details: { operation, location, reason: name },
    cause,
  })
}

/** Without the text of refusals, which may quote the signed request; errno for what the network did. */
function reasonOf(cause: unknown, name: string): string {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  return name === 'Error' || name === '' ? errno || 'no answer that S3 gives' : name
}
