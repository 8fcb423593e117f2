/**
 * References to what is kept in S3: `s3://BUCKET/KEY[?region=REGION&profile=PROFILE&endpoint=HOST[:PORT]]`.
 *
 * @packageDocumentation
 */
import {
  ACCOUNT_PARAMETERS,
  type AwsAccount,
  parseAccountQuery,
  parseEndpoint,
} from '../../client/aws-account.ts'
import { CountersignError } from '../../errors.ts'

/** A bucket, and a key or the beginning of keys in it. */
export interface S3Uri extends AwsAccount {
  readonly bucket: string
  /** Without a slash at its ends; empty: the bucket itself. */
  readonly key: string
  /** Whether keys begin with it: it ends with a slash, or is the bucket itself. */
  readonly isFolder: boolean
}

const MAX_CHARACTERS = 2048
const SYNTAX = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^?#]*))?(?:\?([^#]*))?$/
/** What every tool shows as it is; S3 itself takes more. */
const SEGMENT = /^[A-Za-z0-9!_.*'()=-]+$/
const PARAMETERS = { ...ACCOUNT_PARAMETERS, endpoint: /^[^/@]+$/ } as const

/** Whether a setting names something in S3, and not a path. */
export function isS3Uri(text: string): boolean {
  return /^s3:/i.test(text)
}

/**
 * Parses a reference.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID — malformed
 */
export function parseS3Uri(text: string): S3Uri {
  const fail = (why: string): CountersignError => invalid(text, why)
  const [, bucket, path = '', query] =
    (text.length > MAX_CHARACTERS ? null : SYNTAX.exec(text)) ?? []
  if (bucket === undefined) throw fail('expected s3://BUCKET/KEY')
  const key = path.replace(/\/$/, '')
  const isPlain = key === '' || key.split('/').every(isSegment)
  if (!isPlain) throw fail('the key has an empty part, or characters that need an encoding')
  const { endpoint: given, ...account } = parseAccountQuery(query, PARAMETERS, fail)
  const endpoint = given === undefined ? undefined : parseEndpoint(given)
  if (given !== undefined && endpoint === undefined) {
    throw fail('the endpoint is not host or host:port')
  }
  return {
    ...{ bucket, key, isFolder: path === '' || path.endsWith('/') },
    ...account,
    ...(endpoint !== undefined && { endpoint }),
  }
}

function isSegment(part: string): boolean {
  return SEGMENT.test(part) && part !== '.' && part !== '..'
}

function invalid(text: string, why: string): CountersignError {
  // Credentials may stand where they do not belong.
  const shown = text.slice(0, 160).replace(/\/\/[^/]*@/, '//…@')
  return new CountersignError('ERR_CONFIG_INVALID', `not an S3 reference: "${shown}": ${why}`, {
    hint: 'write s3://BUCKET/KEY, optionally with ?region=…&profile=…&endpoint=HOST',
  })
}
