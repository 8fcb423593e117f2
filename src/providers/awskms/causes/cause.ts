/** What comes in place of an answer of KMS, and the ways a cause is recognized by it. */
import type { Cause } from '../../cause.ts'
import type { KmsCall } from '../call.ts'

/** What was thrown, reduced to what causes are recognized by. Its texts may come from anywhere. */
export interface KmsFailure {
  /** Name that KMS, STS or the SDK gives the error; empty for anything else. */
  readonly name: string
  readonly text: string
  /** `code` of Node, for sockets, name lookup and TLS. */
  readonly errno: string
  /** HTTP status, also that of a proxy; 0 where there was no answer. */
  readonly status: number
}

/** One cause of a failed call to KMS. */
export interface KmsCause extends Cause<KmsCall> {
  /** Whether a failure means it; the first cause of the table that matches is taken. */
  readonly matches: (failure: KmsFailure, call: KmsCall) => boolean
  /** Set where the failure is one of STS, on the way to credentials. */
  readonly service?: 'sts'
}

/** Matches errors by their name. */
export function named(...names: readonly string[]): KmsCause['matches'] {
  return ({ name }) => names.includes(name)
}

/** Matches errors by their text, and by name where several share a text. */
export function worded(pattern: RegExp, ...names: readonly string[]): KmsCause['matches'] {
  return ({ name, text }) => (names.length === 0 || names.includes(name)) && pattern.test(text)
}

/** Matches errors of Node by their code. */
export function errno(...codes: readonly string[]): KmsCause['matches'] {
  return ({ errno: code }) => codes.includes(code)
}

/** Matches what any of some matches. */
export function either(...matchers: readonly KmsCause['matches'][]): KmsCause['matches'] {
  return (failure, call) => matchers.some((matches) => matches(failure, call))
}

/** Where AWS documents what its answers state. */
export const AWS_PAGES = {
  accessDenied: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html',
  commonErrors: 'https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html',
  createKey: 'https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html',
  customKeyStore: 'https://docs.aws.amazon.com/kms/latest/developerguide/key-store-overview.html',
  keyState: 'https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html',
  quotas: 'https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html',
  sign: 'https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html',
  signing: 'https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html',
  throttling: 'https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html',
  webIdentity:
    'https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html',
} as const

/** Texts of the SDK's own are in its packages alone. */
export const SDK_SOURCE = 'measured with the AWS SDK for JavaScript 3.1162'
/** What Node gives for a connection is in no page of AWS. */
export const NODE_SOURCE = 'measured with Node 24'
