/**
 * Denials. AWS names one policy of those that deny, and whether it lacks an Allow or has a Deny: an Allow statement
 * cures the one and never the other.
 *
 * @packageDocumentation
 */
import {
  accountOf,
  awsCommand,
  endpointStatement,
  identityStatement,
  keyStatement,
  type KmsCall,
  withRegion,
} from '../call.ts'
import { AWS_PAGES, type KmsCause } from './cause.ts'

const CODE = 'ERR_NOT_ALLOWED'
const CALLER = 'the role or user'

interface Policy {
  readonly id: string
  readonly layer: string
  /** What AWS calls it. */
  readonly text: string
  /** Where the missing Allow goes. */
  readonly allow: (call: KmsCall) => string
  /** Where the Deny is to be found. */
  readonly deny: (call: KmsCall) => string
}

const POLICIES: readonly Policy[] = [
  {
    id: 'identity-policy',
    layer: 'identity policy',
    text: 'identity-based policy',
    allow: (call) =>
      `add to the identity policy of ${CALLER}${aboutAliases(call)}: ${identityStatement(call)}`,
    deny: () =>
      `find it in the identity policies of ${CALLER}: aws iam list-attached-role-policies --role-name ROLE`,
  },
  {
    id: 'key-policy',
    layer: 'key policy',
    text: 'resource-based policy',
    allow: (call) =>
      `add to the key policy, with the ARN of ${CALLER} as principal${aboutAliases(call)}: ${keyStatement(call)}`,
    deny: (call) =>
      `find it in the key policy: ${awsCommand('aws kms get-key-policy --policy-name default', call)}`,
  },
  {
    id: 'scp',
    layer: 'service control policy',
    text: 'service control policy',
    allow: (call) =>
      `ask the administrator of the AWS organization to allow it at every level from the root to the account: ${identityStatement(call)}`,
    deny: () =>
      'ask the administrator of the AWS organization for the policies of the caller’s account: aws organizations list-policies-for-target --filter SERVICE_CONTROL_POLICY --target-id ACCOUNT',
  },
  {
    id: 'rcp',
    layer: 'resource control policy',
    text: 'resource control policy',
    allow: (call) =>
      `ask the administrator of the AWS organization to attach RCPFullAWSAccess to the key’s account: aws organizations attach-policy --policy-id p-RCPFullAWSAccess --target-id ${accountOf(call)}`,
    deny: (call) =>
      `ask the administrator of the AWS organization for the policies of the key’s account: aws organizations list-policies-for-target --filter RESOURCE_CONTROL_POLICY --target-id ${accountOf(call)}`,
  },
  {
    id: 'vpc-endpoint',
    layer: 'VPC endpoint policy',
    text: 'VPC endpoint policy',
    allow: (call) => `add to the policy of the VPC endpoint for KMS: ${endpointStatement(call)}`,
    deny: (call) =>
      `find it in the policy of the VPC endpoint for KMS: ${withRegion('aws ec2 describe-vpc-endpoints', call)}`,
  },
  {
    id: 'permissions-boundary',
    layer: 'permissions boundary',
    text: 'permissions boundary',
    allow: (call) => `add to the permissions boundary of ${CALLER}: ${identityStatement(call)}`,
    deny: () =>
      `find it in the permissions boundary of ${CALLER}: aws iam get-role --role-name ROLE --query Role.PermissionsBoundary`,
  },
  {
    id: 'session-policy',
    layer: 'session policy',
    text: 'session policy',
    allow: (call) =>
      `add to the session policy that is passed when the role is assumed, or pass none: ${identityStatement(call)}`,
    deny: () =>
      'find it in the session policy that is passed when the role is assumed (requestParameters.policy): aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=AssumeRole',
  },
]

const NAMES: ReadonlySet<string> = new Set(['AccessDeniedException', 'AccessDenied'])
/** AWS puts the ARN of the policy behind a colon, where it may be known to the caller. */
const DENIAL =
  /^User: \S+ is not authorized to perform: (\w+):\w+ on (?:this resource|resource: \S+|\S+) (because no|with an explicit deny in an?) ([A-Za-z -]+?)(?= allows the |: arn:|\.?$)/
/** KMS says so of a key in another account, and of one that does not exist there. */
const OF_OTHER_ACCOUNT =
  /^User: \S+ is not authorized to perform: kms:\w+ on (?:this resource|resource: \S+) because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access\.?$/

/** Reads a denial that names its policy. */
export function readDenial(
  text: string,
): { readonly service: string; readonly isExplicit: boolean; readonly policy: string } | undefined {
  const [, service, how, policy] = DENIAL.exec(text) ?? []
  if (service === undefined || policy === undefined) return undefined
  return { service, isExplicit: how !== 'because no', policy }
}

function denied(text: string, isExplicit: boolean): KmsCause['matches'] {
  return (failure) => {
    const found = NAMES.has(failure.name) ? readDenial(failure.text) : undefined
    return found?.service === 'kms' && found.policy === text && found.isExplicit === isExplicit
  }
}

function causesOf({ id, layer, text, allow, deny }: Policy): readonly KmsCause[] {
  const shared = { layer, code: CODE, source: AWS_PAGES.accessDenied } as const
  return [
    {
      ...shared,
      id,
      summary: `the ${layer} does not allow the action`,
      matches: denied(text, false),
      cure: allow,
    },
    {
      ...shared,
      id: `${id}-deny`,
      summary: `the ${layer} denies the action explicitly, so no Allow helps`,
      matches: denied(text, true),
      cure: (call) => `remove the Deny, or except ${resourceOf(call)} in it; ${deny(call)}`,
    },
  ]
}

/** Signatures are asked for by the ARN that a key was pinned to. */
function aboutAliases({ signing }: KmsCall): string {
  return signing === undefined ? '' : ' (a condition on kms:RequestAlias never matches Sign)'
}

function resourceOf({ operation, keyId }: KmsCall): string {
  return keyId === undefined ? `kms:${operation}` : `kms:${operation} on ${keyId}`
}

/** Denials of KMS itself. */
export const ACCESS_CAUSES: readonly KmsCause[] = [
  ...POLICIES.flatMap(causesOf),
  {
    id: 'other-account',
    layer: 'account',
    summary: 'the key is in another account, which does not allow the action or has no such key',
    code: CODE,
    source:
      'quoted in issues of public projects about kms:Decrypt and kms:DescribeKey; no page of AWS has it',
    matches: (failure) => NAMES.has(failure.name) && OF_OTHER_ACCOUNT.test(failure.text),
    cure: (call) =>
      `check account and region of the key, name it by its ARN, and allow the action in an identity policy here as well as in the key policy there: ${keyStatement(call)}`,
  },
  {
    id: 'policy-unnamed',
    layer: 'policies',
    summary: 'the action is denied, and the answer names no policy',
    code: CODE,
    source: AWS_PAGES.commonErrors,
    matches: ({ name }) => NAMES.has(name),
    cure: ({ operation, keyId = '*' }) =>
      `find out which policy it is: aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names kms:${operation} --resource-arns ${keyId.startsWith('arn:') ? keyId : '*'}`,
  },
]
