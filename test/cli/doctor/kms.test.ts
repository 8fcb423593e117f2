import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { toKmsError } from '../../../src/providers/awskms/errors.ts'
import { ANSWERS, DENIALS, KEY_ARN } from '../../support/causes/kms-answers.ts'
import {
  type ExpectedCause,
  type FailedCheck,
  failedChecks,
  type StagedAnswer,
} from '../../support/causes/staging.ts'
import { type KmsDouble, startKmsDouble } from '../../support/kms/double.ts'
import type { KmsKey, NewKey } from '../../support/kms/key.ts'
import { stubKmsEnvironment } from '../../support/kms/stub-environment.ts'
import { startRawServer } from '../../support/raw-server.ts'
import { createTempFolder } from '../../support/temp-folder.ts'

let double: KmsDouble
let key: KmsKey
let skew = 0

beforeEach(async () => {
  skew = 0
  double = await startKmsDouble({ now: () => Date.now() + skew })
  stubKmsEnvironment(double.credentials)
  // The SDK's backoff is a random share of its longest delay: none of it, so that nothing waits.
  vi.spyOn(Math, 'random').mockReturnValue(0)
  key = await double.addKey({ spec: 'ECC_NIST_P256' })
  double.setAlias('alias/release', key)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  await double[Symbol.asyncDispose]()
})

const reference = (query = ''): string => `awskms://${double.endpoint}/alias/release${query}`

function expectCause(
  found: readonly FailedCheck[],
  { cause, layer, code, cure }: ExpectedCause,
): void {
  expect(found[0]).toMatchObject({ cause, layer, code })
  for (const text of cure) expect(found[0]?.hint).toContain(text.replaceAll(KEY_ARN, key.arn))
}

function stage({ operation, name, text, status }: StagedAnswer): void {
  const message = text.replaceAll(KEY_ARN, key.arn)
  double.fail(operation, { kind: 'error', name, message, ...(status && { status }) })
}

test.each(DENIALS)(
  'a denial by the $cause ($operation) is cured there and nowhere else',
  async (staged) => {
    stage(staged)

    const found = await failedChecks(reference())

    expectCause(found, staged)
    const isDeny = staged.cause.endsWith('-deny')
    expect(found[0]?.hint?.includes('"Effect":"Allow"')).toBe(
      !isDeny && staged.cure.join().includes('"Action"'),
    )
  },
)

test.each(ANSWERS)('an answer that means $cause names its layer and its cure', async (staged) => {
  stage(staged)
  expectCause(await failedChecks(reference()), staged)
})

/** Causes that are no answer of KMS: what is configured, and what DescribeKey finds. */
const AUTH = 'ERR_NOT_AUTHENTICATED'
const CONFIG = `[profile sso]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = signer
[sso-session corp]
sso_region = eu-west-1
sso_start_url = https://corp.awsapps.com/start
[profile incomplete]
sso_account_id = 111122223333
sso_start_url = https://corp.awsapps.com/start
[profile mfa]
role_arn = arn:aws:iam::111122223333:role/signer
source_profile = base
mfa_serial = arn:aws:iam::111122223333:mfa/person
[profile role]
role_arn = arn:aws:iam::111122223333:role/signer
source_profile = base
[profile web]
role_arn = arn:aws:iam::111122223333:role/signer
web_identity_token_file = /nonexistent/token
[profile base]
aws_access_key_id = AKIAEXAMPLE
aws_secret_access_key = x
`

function writeProfiles(): void {
  const path = join(createTempFolder(), 'config')
  writeFileSync(path, CONFIG)
  vi.stubEnv('AWS_CONFIG_FILE', path)
}

const login = (cause: string, layer: string, ...cure: readonly string[]): ExpectedCause => ({
  cause,
  layer,
  code: AUTH,
  cure,
})

test.each([
  ['sso', login('sso-missing', 'SSO session', 'aws sso login --profile sso')],
  ['incomplete', login('sso-incomplete', 'profile', 'aws configure sso --profile incomplete')],
  ['mfa', login('mfa-required', 'profile', 'aws sts get-session-token')],
  ['web', login('web-identity-file', 'credentials', 'web_identity_token_file')],
  ['absent', login('profile-unusable', 'profile', 'aws configure list --profile absent')],
  ['no%20such', login('profile-unusable', 'profile', "aws configure list --profile 'no such'")],
])('the profile %s, which gives no credentials, is told from others', async (profile, expected) => {
  stubKmsEnvironment(undefined)
  writeProfiles()

  expectCause(await failedChecks(reference(`?profile=${profile}`)), expected)
  expect(double.calls.size).toBe(0)
})

test('no credentials at all, and credentials of no user, have different causes', async () => {
  stubKmsEnvironment({ accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'x' })
  const unknown = await failedChecks(reference())
  stubKmsEnvironment(undefined)
  const missing = await failedChecks(reference())

  expectCause(unknown, login('access-key-unknown', 'credentials'))
  expectCause(missing, login('credentials-missing', 'credentials', 'aws configure list'))
})

test('an SSO session that has expired asks for a login', () => {
  for (const text of [
    "Token is expired. To refresh this SSO session run 'aws sso login' with the corresponding profile.",
    'The SSO session associated with this profile has expired. To refresh this SSO session run aws sso login with the corresponding profile.',
  ]) {
    const thrown = Object.assign(new Error(text), { name: 'CredentialsProviderError' })
    const error = toKmsError(thrown, { operation: 'Sign', profile: 'sso' })

    expect(error.details).toMatchObject({ cause: 'sso-expired', layer: 'SSO session' })
    expect(error.hint).toBe('log in again: aws sso login --profile sso')
  }
})

const ASSUME =
  'User: arn:aws:iam::111122223333:user/ci is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/signer'

test.each([
  [
    'assume-role',
    'role trust policy',
    'ERR_NOT_ALLOWED',
    'AccessDenied',
    ASSUME,
    '"Action":"sts:AssumeRole"',
  ],
  [
    'assume-role-identity-policy',
    'identity policy',
    'ERR_NOT_ALLOWED',
    'AccessDenied',
    `${ASSUME} because no identity-based policy allows the sts:AssumeRole action`,
    '"Action":"sts:AssumeRole","Resource":"arn:aws:iam::ACCOUNT:role/ROLE"',
  ],
  [
    'assume-role-deny',
    'policies',
    'ERR_NOT_ALLOWED',
    'AccessDenied',
    `${ASSUME} with an explicit deny in a service control policy`,
    'remove the Deny',
  ],
  [
    'web-identity-trust',
    'role trust policy',
    'ERR_NOT_ALLOWED',
    'AccessDenied',
    'Not authorized to perform sts:AssumeRoleWithWebIdentity',
    '"Action":"sts:AssumeRoleWithWebIdentity","Condition"',
  ],
  [
    'web-identity-provider',
    'identity provider',
    AUTH,
    'InvalidIdentityToken',
    'No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com',
    'aws iam create-open-id-connect-provider',
  ],
  [
    'web-identity-audience',
    'identity provider',
    AUTH,
    'InvalidIdentityToken',
    'Incorrect token audience',
    'aws iam add-client-id-to-open-id-connect-provider',
  ],
  [
    'web-identity-keys',
    'identity provider',
    AUTH,
    'InvalidIdentityToken',
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
    '/.well-known/openid-configuration',
  ],
  [
    'web-identity-token',
    'identity provider',
    AUTH,
    'IDPRejectedClaim',
    'The claim was rejected',
    'aws iam list-open-id-connect-providers',
  ],
] as const)(
  '%s is a matter of STS, and of no permission of KMS',
  async (...[cause, layer, code, name, text, cure]) => {
    stubKmsEnvironment(undefined)
    writeProfiles()
    const sts = await startRawServer((_, response) => {
      response.writeHead(403, { 'content-type': 'text/xml' })
      response.end(
        `<ErrorResponse><Error><Code>${name}</Code><Message>${text}</Message></Error></ErrorResponse>`,
      )
    })
    vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.origin)

    const found = await failedChecks(reference('?profile=role'))

    expectCause(found, { cause, layer, code, cure: [cure] })
    expect(found).toHaveLength(1)
    expect(found[0]?.hint).not.toContain('kms:')
  },
)

test.each([
  ['Disabled', 'disabled', 'key state', 'aws kms enable-key'],
  ['PendingDeletion', 'pending-deletion', 'key state', 'aws kms cancel-key-deletion'],
  ['PendingReplicaDeletion', 'pending-replica-deletion', 'key state', 'waiting does not help'],
  ['PendingImport', 'pending-import', 'key state', 'aws kms get-parameters-for-import'],
  ['Creating', 'creating', 'key state', 'wait until it is Enabled'],
  ['Updating', 'updating', 'key state', 'wait until it is Enabled'],
  ['Unavailable', 'custom-key-store', 'custom key store', 'aws kms describe-custom-key-stores'],
] as const)(
  'a key that DescribeKey calls %s has the same cause',
  async (state, cause, layer, cure) => {
    key.state = state

    expectCause(await failedChecks(reference()), {
      cause,
      layer,
      code: 'ERR_KEY_NOT_USABLE',
      cure: [cure],
    })
  },
)

async function failuresOf(
  made: Partial<NewKey> & Pick<NewKey, 'spec'>,
  ...args: readonly string[]
): Promise<readonly FailedCheck[]> {
  key = await double.addKey(made)
  return failedChecks(`awskms://${double.endpoint}/${key.arn}`, {}, ...args)
}

test('keys of another usage, algorithm, kind or store are told apart', async () => {
  const usage = await failuresOf({ spec: 'RSA_2048', usage: 'ENCRYPT_DECRYPT' })
  const algorithm = await failuresOf({ spec: 'ECC_NIST_P256' }, '--algorithm', 'RS256')
  const kind = await failuresOf({ spec: 'ECC_SECG_P256K1' })

  expectCause(usage, {
    cause: 'wrong-usage',
    layer: 'key usage',
    code: 'ERR_KEY_INVALID',
    cure: ['aws kms create-key --key-usage SIGN_VERIFY'],
  })
  expectCause(algorithm, {
    cause: 'algorithm-not-offered',
    layer: 'algorithm',
    code: 'ERR_ALGORITHM_UNSUPPORTED',
    cure: ['--query KeyMetadata.SigningAlgorithms'],
  })
  expectCause(kind, {
    cause: 'key-spec-unsupported',
    layer: 'key',
    code: 'ERR_KEY_INVALID',
    cure: ['--key-spec ECC_NIST_P256'],
  })
})

test('a key in a custom key store is told so, though it is enabled', async () => {
  double.fail('DescribeKey', { kind: 'rewrite', rewrite: withStore })

  const found = await failedChecks(reference())

  expect(found[0]).toMatchObject({ cause: 'custom-key-store', layer: 'custom key store' })
})

function withStore({ KeyMetadata }: Record<string, unknown>): object {
  const symmetric = { KeyUsage: 'ENCRYPT_DECRYPT', CustomKeyStoreId: 'cks-1234567890abcdef0' }
  return { KeyMetadata: { ...(KeyMetadata as object), ...symmetric } }
}

test.each([180_000, -180_000])(
  'a clock that is %d ms off is found, although AWS accepts it',
  async (offset) => {
    skew = offset
    const expected = {
      cause: 'clock-drift',
      layer: 'clock',
      code: 'ERR_CONFIG_INVALID',
      cure: ['timedatectl'],
    } as const

    expectCause(await failuresOf({ spec: 'ECC_NIST_P256' }), expected)
  },
)

test('a region that is missing is found before anything is asked', async () => {
  vi.stubEnv('AWS_REGION', undefined)

  const found = await failedChecks(reference())

  expectCause(found, {
    cause: 'region-missing',
    layer: 'region',
    code: 'ERR_CONFIG_INVALID',
    cure: ['?region='],
  })
})

test('doctor asks once: what is throttled is not asked again and again', async () => {
  double.fail('DescribeKey', { kind: 'error', name: 'ThrottlingException' })

  expect(await failedChecks(reference())).toHaveLength(1)
  expect(double.calls.get('DescribeKey')).toBe(1)
})
