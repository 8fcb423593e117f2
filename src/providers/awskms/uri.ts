/** Key references of AWS KMS: `awskms://[endpoint]/alias/NAME`, `…/KEY-ID`, `…/ARN`. */
import { CountersignError } from '../../errors.ts'

/** One AWS KMS key, by id, ARN or alias. */
export interface AwsKmsUri {
  readonly scheme: 'awskms'
  /** `host[:port]` of an endpoint that is not AWS's own. */
  readonly endpoint?: string
  /** Key id, key ARN, `alias/NAME` or alias ARN, as KMS takes it. */
  readonly keyId: string
  readonly region?: string
  readonly profile?: string
}

/** Parses an `awskms:` reference. */
export function parseAwsKmsUri(text: string): AwsKmsUri {
  throw new CountersignError('ERR_KEY_URI_INVALID', text)
}

/** Writes a reference so that {@link parseAwsKmsUri} reads it back. */
export function serializeAwsKmsUri(uri: AwsKmsUri): string {
  return uri.keyId
}
