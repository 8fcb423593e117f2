/** Credentials and the clock: AWS does not know who asks. */
import { withProfile } from '../call.ts'
import { AWS_PAGES, either, type KmsCause, named, SDK_SOURCE, worded } from './cause.ts'

const CODE = 'ERR_NOT_AUTHENTICATED'
const NOT_LOADED = ['CredentialsProviderError', 'ProviderError', 'TokenProviderError'] as const
const BAD_SIGNATURE = ['InvalidSignatureException', 'SignatureDoesNotMatch'] as const

const SET_CLOCK = 'set the clock of this machine (NTP): timedatectl set-ntp true'

/** What keeps AWS from knowing the caller. */
export const CREDENTIAL_CAUSES: readonly KmsCause[] = [
  {
    id: 'clock-behind',
    layer: 'clock',
    summary: 'the clock of this machine is behind that of AWS',
    code: CODE,
    source: AWS_PAGES.signing,
    // AWS gives a bad clock and a wrong secret the same name, and different texts.
    matches: either(
      worded(/^Signature expired: /, ...BAD_SIGNATURE),
      named('RequestExpired', 'RequestTimeTooSkewed'),
    ),
    cure: () => SET_CLOCK,
  },
  {
    id: 'clock-ahead',
    layer: 'clock',
    summary: 'the clock of this machine is ahead of that of AWS',
    code: CODE,
    source: AWS_PAGES.signing,
    matches: either(
      worded(/^Signature not yet current: /, ...BAD_SIGNATURE),
      named('RequestInTheFuture'),
    ),
    cure: () => SET_CLOCK,
  },
  {
    id: 'credential-scope',
    layer: 'region',
    summary: 'the request is signed for another region than that of the endpoint',
    code: CODE,
    source: AWS_PAGES.signing,
    matches: worded(/^Credential should be scoped to a valid region/i, ...BAD_SIGNATURE),
    cure: ({ region = 'the configured one' }) =>
      `let the endpoint and the region be one: the region is ${region} (?region=… in the key reference, AWS_REGION)`,
  },
  {
    id: 'secret-wrong',
    layer: 'credentials',
    summary:
      'the secret access key does not belong to the access key id, or a proxy alters requests',
    code: CODE,
    source: AWS_PAGES.signing,
    matches: named(...BAD_SIGNATURE),
    cure: (call) =>
      `copy the secret access key again: ${withProfile('aws sts get-caller-identity', call)}`,
  },
  {
    id: 'credentials-expired',
    layer: 'credentials',
    summary: 'the credentials have expired',
    code: CODE,
    source: AWS_PAGES.commonErrors,
    matches: named('ExpiredTokenException', 'ExpiredToken'),
    cure: (call) =>
      `get new credentials where these came from, and check them: ${withProfile('aws sts get-caller-identity', call)}`,
  },
  {
    id: 'access-key-unknown',
    layer: 'credentials',
    summary:
      'AWS does not know the access key or session token, or the account has not enabled the region',
    code: CODE,
    source: AWS_PAGES.commonErrors,
    matches: named('UnrecognizedClientException', 'InvalidClientTokenId', 'InvalidAccessKeyId'),
    cure: (call) =>
      `check that the access key is active and belongs to its session token (${withProfile('aws sts get-caller-identity', call)}), and that the region is enabled: aws account get-region-opt-status --region-name ${call.region ?? 'REGION'}`,
  },
  {
    id: 'subscription-missing',
    layer: 'account',
    summary: 'the account is not activated for AWS KMS',
    code: CODE,
    source: AWS_PAGES.commonErrors,
    matches: named('OptInRequired', 'SubscriptionRequiredException'),
    cure: () =>
      'let the owner of the account finish its activation (payment and phone number), then check: aws account get-contact-information',
  },
  {
    id: 'signature-missing',
    layer: 'proxy',
    summary: 'the request arrived without its signature, or with half of it',
    code: CODE,
    source: AWS_PAGES.commonErrors,
    matches: named(
      'MissingAuthenticationTokenException',
      'MissingAuthenticationToken',
      'IncompleteSignatureException',
      'IncompleteSignature',
    ),
    cure: () =>
      'have the proxy between this machine and AWS forward the Authorization header unchanged, or add the host to NO_PROXY',
  },
  {
    id: 'sso-expired',
    layer: 'SSO session',
    summary: 'the SSO session has expired',
    code: CODE,
    source: SDK_SOURCE,
    matches: worded(
      /^(?:The SSO session associated with this profile has expired|Token is expired)/,
    ),
    cure: (call) => `log in again: ${withProfile('aws sso login', call)}`,
  },
  {
    id: 'sso-missing',
    layer: 'SSO session',
    summary: 'the SSO session of the profile has no login',
    code: CODE,
    source: SDK_SOURCE,
    matches: worded(
      /^The SSO session (?:token associated with profile=|associated with this profile is invalid)/,
    ),
    cure: (call) => `log in: ${withProfile('aws sso login', call)}`,
  },
  {
    id: 'sso-incomplete',
    layer: 'profile',
    summary: 'the profile lacks settings of its SSO session',
    code: CODE,
    source: SDK_SOURCE,
    matches: worded(/^Profile is configured with invalid SSO credentials/),
    cure: (call) =>
      `set sso_account_id, sso_region, sso_role_name and sso_start_url: ${withProfile('aws configure sso', call)}`,
  },
  {
    id: 'mfa-required',
    layer: 'profile',
    summary: 'the profile asks for a code of a second factor, which cannot be typed here',
    code: CODE,
    source: SDK_SOURCE,
    matches: worded(/^Profile \S+ requires multi-factor authentication/),
    cure: () =>
      'use temporary credentials: aws sts get-session-token --serial-number MFA_ARN --token-code CODE',
  },
  {
    id: 'profile-unusable',
    layer: 'profile',
    summary: 'the profile does not exist, or gives no credentials',
    code: CODE,
    source: SDK_SOURCE,
    matches: (failure, call) => call.profile !== undefined && named(...NOT_LOADED)(failure, call),
    cure: (call) =>
      `correct the profile in ~/.aws/config, or name another with ?profile=NAME: ${withProfile('aws configure list', call)}`,
  },
  {
    id: 'credentials-missing',
    layer: 'credentials',
    summary: 'no credentials were found: not in the environment, in a profile, or of this machine',
    code: CODE,
    source: SDK_SOURCE,
    matches: named(...NOT_LOADED),
    cure: () =>
      'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, add ?profile=NAME to the key reference, or give this machine a role; what is found: aws configure list',
  },
]
