/**
 * Answers of AWS KMS by cause. The forms of denials are those of "Troubleshoot access denied error messages" (IAM
 * User Guide), with an action of KMS filled in; the other texts are those of the pages that the table of causes cites.
 */
import type { ErrorCode } from '../../../src/errors.ts'
import type { StagedAnswer } from './staging.ts'

const CALLER = 'arn:aws:sts::111122223333:assumed-role/signer/ci'
/** Stands for the ARN of the key of the test, in texts and cures. */
export const KEY_ARN = '{key}'

const MISSING = `User: ${CALLER} is not authorized to perform: kms:Sign on resource: ${KEY_ARN} because no`
const DENY = `User: ${CALLER} is not authorized to perform: kms:Sign on resource: ${KEY_ARN} with an explicit deny in a`

const ONLY_THIS =
  '"Condition":{"StringEquals":{"kms:SigningAlgorithm":"ECDSA_SHA_256","kms:MessageType":"DIGEST"}}'
const ALLOW_SIGN = `{"Effect":"Allow","Action":"kms:Sign","Resource":"${KEY_ARN}",${ONLY_THIS}}`
const PRINCIPAL = '"Principal":{"AWS":"arn:aws:iam::ACCOUNT:role/ROLE"}'
const ORGANIZATION = 'aws organizations list-policies-for-target'
const REMOVE_DENY = `remove the Deny, or except kms:Sign on ${KEY_ARN} in it`

function denied(
  cause: string,
  layer: string,
  text: string,
  ...cure: readonly string[]
): StagedAnswer {
  const name = 'AccessDeniedException'
  return { cause, layer, code: 'ERR_NOT_ALLOWED', operation: 'Sign', name, text, cure }
}

/** Denials: of each policy the missing Allow and the Deny. */
export const DENIALS: readonly StagedAnswer[] = [
  denied(
    'identity-policy',
    'identity policy',
    `${MISSING} identity-based policy allows the kms:Sign action`,
    'identity policy of the role',
    ALLOW_SIGN,
    'kms:RequestAlias never matches Sign',
  ),
  denied(
    'identity-policy-deny',
    'identity policy',
    `${DENY}n identity-based policy: arn:aws:iam::111122223333:policy/no-signing`,
    REMOVE_DENY,
    'aws iam list-attached-role-policies --role-name ROLE',
  ),
  denied(
    'key-policy',
    'key policy',
    `${MISSING} resource-based policy allows the kms:Sign action`,
    'add to the key policy',
    `{"Effect":"Allow",${PRINCIPAL},"Action":"kms:Sign","Resource":"*",${ONLY_THIS}}`,
  ),
  denied(
    'key-policy-deny',
    'key policy',
    `${DENY} resource-based policy`,
    REMOVE_DENY,
    `aws kms get-key-policy --policy-name default --key-id ${KEY_ARN} --region eu-west-1`,
  ),
  denied(
    'scp',
    'service control policy',
    `${MISSING} service control policy allows the kms:Sign action`,
    'administrator of the AWS organization',
    ALLOW_SIGN,
  ),
  denied(
    'scp-deny',
    'service control policy',
    `${DENY} service control policy: arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd`,
    REMOVE_DENY,
    `${ORGANIZATION} --filter SERVICE_CONTROL_POLICY`,
  ),
  denied(
    'rcp',
    'resource control policy',
    `${MISSING} resource control policy allows the kms:Sign action`,
    'aws organizations attach-policy --policy-id p-RCPFullAWSAccess --target-id 111122223333',
  ),
  denied(
    'rcp-deny',
    'resource control policy',
    `${DENY} resource control policy`,
    REMOVE_DENY,
    `${ORGANIZATION} --filter RESOURCE_CONTROL_POLICY --target-id 111122223333`,
  ),
  denied(
    'vpc-endpoint',
    'VPC endpoint policy',
    `${MISSING} VPC endpoint policy allows the kms:Sign action`,
    'policy of the VPC endpoint',
    `{"Effect":"Allow",${PRINCIPAL},"Action":"kms:Sign","Resource":"${KEY_ARN}",${ONLY_THIS}}`,
  ),
  denied(
    'vpc-endpoint-deny',
    'VPC endpoint policy',
    `${DENY} VPC endpoint policy`,
    REMOVE_DENY,
    'aws ec2 describe-vpc-endpoints --region eu-west-1',
  ),
  denied(
    'permissions-boundary',
    'permissions boundary',
    `${MISSING} permissions boundary allows the kms:Sign action`,
    'permissions boundary of the role',
    ALLOW_SIGN,
  ),
  denied(
    'permissions-boundary-deny',
    'permissions boundary',
    `${DENY} permissions boundary: arn:aws:iam::111122223333:policy/boundary`,
    REMOVE_DENY,
    'aws iam get-role --role-name ROLE --query Role.PermissionsBoundary',
  ),
  denied(
    'session-policy',
    'session policy',
    `${MISSING} session policy allows the kms:Sign action`,
    'passed when the role is assumed',
    ALLOW_SIGN,
  ),
  denied(
    'session-policy-deny',
    'session policy',
    `${DENY} session policy`,
    REMOVE_DENY,
    'AttributeKey=EventName,AttributeValue=AssumeRole',
  ),
  denied(
    'other-account',
    'account',
    `User: ${CALLER} is not authorized to perform: kms:Sign on this resource because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`,
    'account and region',
    '"Action":"kms:Sign"',
  ),
  denied(
    'policy-unnamed',
    'policies',
    `User: ${CALLER} is not authorized to perform: kms:Sign`,
    `aws iam simulate-principal-policy --policy-source-arn ROLE_ARN --action-names kms:Sign --resource-arns ${KEY_ARN}`,
  ),
  {
    ...denied(
      'identity-policy',
      'identity policy',
      `User: ${CALLER} is not authorized to perform: kms:DescribeKey on resource: ${KEY_ARN} because no identity-based policy allows the kms:DescribeKey action`,
      '"Action":"kms:DescribeKey","Resource":"arn:aws:kms:eu-west-1:ACCOUNT:key/*"',
      '"Condition":{"StringEquals":{"kms:RequestAlias":"alias/release"}}',
    ),
    operation: 'DescribeKey',
  },
]

function told(
  [cause, layer, code]: readonly [cause: string, layer: string, code: ErrorCode],
  [operation, name, text, status]: readonly [
    StagedAnswer['operation'],
    string,
    string,
    status?: number,
  ],
  ...cure: readonly string[]
): StagedAnswer {
  const staged = { cause, layer, code, operation, name, text, cure }
  return status === undefined ? staged : { ...staged, status }
}

const AUTH = 'ERR_NOT_AUTHENTICATED'
const USABLE = 'ERR_KEY_NOT_USABLE'
const STATE = 'KMSInvalidStateException'
const keyCommand = (command: string): string =>
  `aws kms ${command} --key-id ${KEY_ARN} --region eu-west-1`

/** What AWS knows of the caller, and what a Sign meets when the key changes meanwhile. */
export const ANSWERS: readonly StagedAnswer[] = [
  told(
    ['clock-behind', 'clock', AUTH],
    [
      'DescribeKey',
      'InvalidSignatureException',
      'Signature expired: 20261130T100000Z is now earlier than 20261130T101000Z (20261130T101500Z - 5 min.)',
    ],
    'timedatectl set-ntp true',
  ),
  told(
    ['clock-ahead', 'clock', AUTH],
    [
      'DescribeKey',
      'InvalidSignatureException',
      'Signature not yet current: 20261130T103000Z is still later than 20261130T101000Z (20261130T100500Z + 5 min.)',
    ],
    'timedatectl set-ntp true',
  ),
  told(
    ['credential-scope', 'region', AUTH],
    [
      'DescribeKey',
      'InvalidSignatureException',
      'Credential should be scoped to a valid region, not eu-west-1.',
    ],
    'the region is eu-west-1',
  ),
  told(
    ['secret-wrong', 'credentials', AUTH],
    [
      'DescribeKey',
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    ],
    'secret access key',
    'aws sts get-caller-identity',
  ),
  told(
    ['credentials-expired', 'credentials', AUTH],
    [
      'DescribeKey',
      'ExpiredTokenException',
      'The security token included in the request is expired',
    ],
    'new credentials',
  ),
  told(
    ['access-key-unknown', 'credentials', AUTH],
    [
      'DescribeKey',
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    ],
    'aws account get-region-opt-status --region-name eu-west-1',
  ),
  told(
    ['subscription-missing', 'account', AUTH],
    ['DescribeKey', 'OptInRequired', 'The AWS Access Key Id needs a subscription for the service'],
    'activation',
  ),
  told(
    ['signature-missing', 'proxy', AUTH],
    ['DescribeKey', 'MissingAuthenticationTokenException', 'Missing Authentication Token'],
    'Authorization header',
  ),
  told(
    ['throttled', 'quota', 'ERR_THROTTLED'],
    [
      'DescribeKey',
      'ThrottlingException',
      'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
    ],
    'aws service-quotas list-service-quotas --service-code kms --region eu-west-1',
  ),
  told(
    ['resource-quota', 'quota', 'ERR_THROTTLED'],
    ['Sign', 'LimitExceededException', 'Limit exceeded'],
    'delete what is not needed',
  ),
  told(
    ['key-unavailable', 'AWS KMS', 'ERR_PROVIDER_UNAVAILABLE'],
    ['Sign', 'KeyUnavailableException', 'The key is not available', 500],
    'try again',
  ),
  told(
    ['dependency-timeout', 'AWS KMS', 'ERR_PROVIDER_UNAVAILABLE'],
    ['Sign', 'DependencyTimeoutException', 'The request timed out', 503],
    'health.aws.amazon.com',
  ),
  told(
    ['kms-outage', 'AWS KMS', 'ERR_PROVIDER_UNAVAILABLE'],
    ['DescribeKey', 'KMSInternalException', 'Internal error', 500],
    'health.aws.amazon.com',
  ),
  told(
    ['alias-not-found', 'key name', 'ERR_KEY_NOT_FOUND'],
    [
      'DescribeKey',
      'NotFoundException',
      'Alias arn:aws:kms:eu-west-1:111122223333:alias/release is not found.',
    ],
    'aws kms list-aliases --region eu-west-1',
  ),
  told(
    ['key-not-found', 'key name', 'ERR_KEY_NOT_FOUND'],
    ['DescribeKey', 'NotFoundException', `Key '${KEY_ARN}' does not exist`],
    'the region (eu-west-1)',
    'aws kms list-keys --region eu-west-1',
  ),
  told(
    ['other-region', 'region', 'ERR_KEY_NOT_FOUND'],
    ['DescribeKey', 'NotFoundException', 'Invalid arn eu-central-1'],
    'the region (eu-west-1) was asked',
  ),
  told(
    ['key-name-invalid', 'key name', 'ERR_KEY_URI_INVALID'],
    ['DescribeKey', 'InvalidArnException', 'Invalid ARN'],
    'alias/NAME',
  ),
  told(
    ['disabled', 'key state', USABLE],
    ['Sign', 'DisabledException', `${KEY_ARN} is disabled.`],
    keyCommand('enable-key'),
  ),
  told(
    ['pending-deletion', 'key state', USABLE],
    ['Sign', STATE, `${KEY_ARN} is pending deletion.`],
    `${keyCommand('cancel-key-deletion')} && ${keyCommand('enable-key')}`,
  ),
  told(
    ['pending-replica-deletion', 'key state', USABLE],
    ['Sign', STATE, `${KEY_ARN} is pending replica deletion.`],
    'waiting does not help',
    keyCommand('cancel-key-deletion'),
  ),
  told(
    ['pending-import', 'key state', USABLE],
    ['Sign', STATE, `${KEY_ARN} is pending import.`],
    'aws kms get-parameters-for-import --wrapping-algorithm RSA_AES_KEY_WRAP_SHA_256',
  ),
  told(
    ['creating', 'key state', USABLE],
    ['Sign', STATE, `${KEY_ARN} is creating.`],
    keyCommand('describe-key'),
  ),
  told(
    ['updating', 'key state', USABLE],
    ['Sign', STATE, `${KEY_ARN} is updating.`],
    keyCommand('describe-key'),
  ),
  told(
    ['custom-key-store', 'custom key store', USABLE],
    ['Sign', STATE, `${KEY_ARN} is unavailable.`],
    'aws kms describe-custom-key-stores --region eu-west-1',
  ),
  told(
    ['state-unknown', 'key state', USABLE],
    ['Sign', STATE, 'The request was rejected because the state of the key is not valid.'],
    keyCommand('describe-key'),
  ),
  told(
    ['wrong-usage', 'key usage', 'ERR_KEY_INVALID'],
    [
      'Sign',
      'InvalidKeyUsageException',
      `${KEY_ARN} key usage is ENCRYPT_DECRYPT which is not valid for Sign.`,
    ],
    'aws kms create-key --key-usage SIGN_VERIFY',
  ),
  told(
    ['algorithm-incompatible', 'algorithm', 'ERR_KEY_INVALID'],
    [
      'Sign',
      'InvalidKeyUsageException',
      'Algorithm ECDSA_SHA_256 is incompatible with key spec ECC_NIST_P384.',
    ],
    keyCommand('describe-key --query KeyMetadata.SigningAlgorithms'),
  ),
  told(
    ['operation-unsupported', 'custom key store', 'ERR_KEY_INVALID'],
    ['GetPublicKey', 'UnsupportedOperationException', ''],
    'aws kms create-key --key-usage SIGN_VERIFY',
  ),
  told(
    ['endpoint-not-kms', 'endpoint', 'ERR_PROVIDER_UNAVAILABLE'],
    ['DescribeKey', 'UnknownOperationException', ''],
    'let the endpoint of the key reference be AWS KMS',
  ),
  told(
    ['unknown-answer', 'AWS KMS', 'ERR_INTERNAL'],
    ['Sign', 'SomeNewException', 'something new'],
    'please report it',
  ),
]
