/** AWS Signature Version 4 as KMS checks it: caller, region and time. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { KmsFault } from './fault.ts'

/** Access keys the double knows. */
export interface KmsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** A clock may be off by this much. */
const TOLERANCE_MS = 5 * 60_000
const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

/** The region that a request claims to be signed for; empty where it is not signed. */
export function signedRegion({ authorization = '' }: IncomingHttpHeaders): string {
  return AUTHORIZATION.exec(authorization)?.[3] ?? ''
}

/**
 * Checks a request's signature, clock and access key, in KMS's words; answers the region, which is
 * nowhere but in the signature's scope.
 */
export function authenticate(
  headers: IncomingHttpHeaders,
  body: Buffer,
  known: { readonly credentials: KmsCredentials; readonly now: number },
): string {
  const [, accessKeyId, day = '', region = '', signed = '', signature = ''] =
    AUTHORIZATION.exec(headers.authorization ?? '') ?? []
  if (accessKeyId === undefined) {
    throw new KmsFault('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  const { credentials, now } = known
  if (accessKeyId !== credentials.accessKeyId) {
    const text = 'The security token included in the request is invalid.'
    throw new KmsFault('UnrecognizedClientException', text)
  }
  const date = String(headers['x-amz-date'])
  const lines = signed.split(';').map((name) => `${name}:${String(headers[name]).trim()}\n`)
  const request = ['POST', '/', '', lines.join(''), signed, sha256(body)].join('\n')
  const scope = `${day}/${region}/kms/aws4_request`
  const text = ['AWS4-HMAC-SHA256', date, scope, sha256(Buffer.from(request))].join('\n')
  const key = [day, region, 'kms', 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${credentials.secretAccessKey}`,
  )
  if (!timingSafeEqual(hmac(key, text), Buffer.from(signature, 'hex'))) {
    throw new KmsFault(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    )
  }
  assertFresh(date, now)
  return region
}

function assertFresh(date: string, now: number): void {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date)?.map(Number) ?? []
  const sent = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second)
  const limit = (sign: number): string => amzDate(now + sign * TOLERANCE_MS)
  if (sent < now - TOLERANCE_MS) {
    const text = `Signature expired: ${date} is now earlier than ${limit(-1)} (${amzDate(now)} - 5 min.)`
    throw new KmsFault('InvalidSignatureException', text)
  }
  if (sent > now + TOLERANCE_MS) {
    const text = `Signature not yet current: ${date} is still later than ${limit(1)} (${amzDate(now)} + 5 min.)`
    throw new KmsFault('InvalidSignatureException', text)
  }
}

function amzDate(ms: number): string {
  return new Date(ms).toISOString().replaceAll(/[-:]|\.\d+/g, '')
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
