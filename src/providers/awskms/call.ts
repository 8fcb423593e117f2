/**
 * One call to KMS, as far as an error about it needs to know, and what is typed or granted for it. Everything here
 * is made of what this process asked for, never of an answer.
 *
 * @packageDocumentation
 */

import { shellWord } from '../../basics/shell-word.ts'
import { endpointUrl } from '../../client/aws-account.ts'

/** One call to KMS. */
export interface KmsCall {
  /** Name of the operation in the KMS API, which is also the IAM action after `kms:`. */
  readonly operation: string
  /** Key id, ARN or alias the call is about. */
  readonly keyId?: string | undefined
  readonly region?: string | undefined
  /** Section of the shared AWS configuration files, if one was named. */
  readonly profile?: string | undefined
  /** `host[:port]` of an endpoint that is not AWS's own. */
  readonly endpoint?: string | undefined
  /** The proxy that the endpoint is reached through, without its login. */
  readonly proxy?: string | undefined
  /** What a signature was asked for with. */
  readonly signing?: KmsSigning | undefined
  /** Who it is made for, and when its answer is due, in ms since the epoch. */
  readonly owner?: string | undefined
  readonly until?: number | undefined
  /** Time for its answer, in ms, where another region is asked after it. */
  readonly attemptMs?: number | undefined
  /** Whether only one attempt is made, whatever it meets. */
  readonly isSingle?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Parameters of Sign that a policy can have a condition on. */
export interface KmsSigning {
  readonly algorithm: string
  readonly messageType: 'RAW' | 'DIGEST'
}

/** Stands for the role or user that makes the call. */
const ROLE = 'arn:aws:iam::ACCOUNT:role/ROLE'

/** An AWS CLI command about a key; the region is in its ARN where nothing else states it. */
export function awsCommand(
  command: `aws kms ${string}`,
  key: Pick<KmsCall, 'keyId' | 'region'>,
): string {
  return withRegion(`${command} --key-id ${key.keyId ?? 'KEY'}`, key)
}

/** Adds the region of a call to an AWS CLI command. */
export function withRegion(
  command: string,
  { keyId, region }: Pick<KmsCall, 'keyId' | 'region'>,
): string {
  const named = region ?? arnParts(keyId).region
  return named === undefined ? command : `${command} --region ${named}`
}

/** Adds the profile of a call to an AWS CLI command. */
export function withProfile(command: string, { profile }: Pick<KmsCall, 'profile'>): string {
  return profile === undefined ? command : `${command} --profile ${shellWord(profile)}`
}

/** The host that a call goes to. */
export function hostOf({ endpoint, region = 'REGION' }: KmsCall): string {
  const suffix = region.startsWith('cn-') ? '.cn' : ''
  return endpoint?.replace(/:\d+$/, '') ?? `kms.${region}.amazonaws.com${suffix}`
}

/** The address of that host at which AWS KMS answers without credentials. */
export function pingUrl(call: KmsCall): string {
  return `${endpointUrl(call.endpoint ?? hostOf(call))}/ping`
}

/** The account that a key is in, as far as its name states it. */
export function accountOf({ keyId }: KmsCall): string {
  return arnParts(keyId).account ?? 'ACCOUNT'
}

/** Writes the statement that allows a call and nothing else, for a policy of the caller. */
export function identityStatement(call: KmsCall): string {
  const condition = conditionOf(call)
  return JSON.stringify({
    Effect: 'Allow',
    Action: `kms:${call.operation}`,
    Resource: resourcesOf(call),
    ...(condition && { Condition: { StringEquals: condition } }),
  })
}

/** Writes the statement that allows a call and nothing else, for a policy of the key: there `*` is this key. */
export function keyStatement(call: KmsCall): string {
  return principalStatement(call, '*')
}

/** Writes the same for a policy of something that the call goes through. */
export function endpointStatement(call: KmsCall): string {
  return principalStatement(call, resourcesOf(call))
}

function principalStatement(call: KmsCall, resource: string | readonly string[]): string {
  const condition = conditionOf(call)
  return JSON.stringify({
    Effect: 'Allow',
    Principal: { AWS: ROLE },
    Action: `kms:${call.operation}`,
    Resource: resource,
    ...(condition && { Condition: { StringEquals: condition } }),
  })
}

/** A key policy is not about aliases, and a key that is named by one has any id: the alias is a condition. */
function conditionOf({ operation, keyId, signing }: KmsCall): Record<string, string> | undefined {
  if (signing !== undefined) {
    return { 'kms:SigningAlgorithm': signing.algorithm, 'kms:MessageType': signing.messageType }
  }
  if (operation === 'CreateKey') return { 'kms:KeyUsage': 'SIGN_VERIFY' }
  const alias = aliasOf(keyId)
  const isNamedByAlias = alias !== undefined && operation !== 'CreateAlias'
  return isNamedByAlias ? { 'kms:RequestAlias': alias } : undefined
}

function resourcesOf(call: KmsCall): string | readonly string[] {
  const { operation, keyId } = call
  // Neither CreateKey nor ListKeys is about a key.
  if (keyId === undefined || operation === 'CreateKey') return '*'
  const alias = aliasOf(keyId)
  if (alias === undefined)
    return keyId.startsWith('arn:') ? keyId : `${arnPrefix(call)}:key/${keyId}`
  const anyKey = `${arnPrefix(call)}:key/*`
  return operation === 'CreateAlias' ? [`${arnPrefix(call)}:${alias}`, anyKey] : anyKey
}

function aliasOf(keyId = ''): string | undefined {
  return /(?:^|:)(alias\/.+)$/.exec(keyId)?.[1]
}

function arnPrefix(call: KmsCall): string {
  const region = call.region ?? arnParts(call.keyId).region ?? 'REGION'
  const partition = /^(?:cn|us-gov)(?=-)/.exec(region)?.[0]
  return `arn:aws${partition === undefined ? '' : `-${partition}`}:kms:${region}:${accountOf(call)}`
}

function arnParts(keyId = ''): {
  readonly region?: string | undefined
  readonly account?: string | undefined
} {
  if (!keyId.startsWith('arn:')) return {}
  const [, , , region, account] = keyId.split(':')
  return { region, account }
}
