/** Roles that STS does not give: the KMS call was not made yet. */
import { readDenial } from './access.ts'
import { AWS_PAGES, type KmsCause, named, SDK_SOURCE, worded } from './cause.ts'

const NOT_ASSUMED =
  /^User: \S+ is not authorized to perform: sts:(?:AssumeRole|TagSession|SetSourceIdentity) on resource: /
/** The code of STS, and the class that the SDK makes of it. */
const REFUSED_TOKEN = ['InvalidIdentityToken', 'InvalidIdentityTokenException'] as const
const ROLE = 'arn:aws:iam::ACCOUNT:role/ROLE'

/** What the STS of a role answers with. */
export const ROLE_CAUSES: readonly KmsCause[] = [
  {
    id: 'assume-role-identity-policy',
    layer: 'identity policy',
    summary: 'no identity policy allows the caller to assume the role',
    code: 'ERR_NOT_ALLOWED',
    source: AWS_PAGES.accessDenied,
    matches: ({ text }) => {
      const denial = readDenial(text)
      return (
        denial?.service === 'sts' && !denial.isExplicit && denial.policy === 'identity-based policy'
      )
    },
    cure: () =>
      `add to the identity policy of the caller of STS, with the ARN of the role: ${statement({ Action: 'sts:AssumeRole', Resource: ROLE })}`,
  },
  {
    id: 'assume-role-deny',
    layer: 'policies',
    summary: 'a policy denies sts:AssumeRole explicitly, so no Allow helps',
    code: 'ERR_NOT_ALLOWED',
    source: AWS_PAGES.accessDenied,
    matches: ({ text }) => NOT_ASSUMED.test(text) && readDenial(text)?.isExplicit === true,
    cure: () =>
      'remove the Deny from the policy that the message names, or except the role in it: aws iam get-role --role-name ROLE',
  },
  {
    id: 'assume-role',
    layer: 'role trust policy',
    summary: 'the role does not trust the caller, or the caller may not assume it',
    code: 'ERR_NOT_ALLOWED',
    source: AWS_PAGES.accessDenied,
    matches: worded(NOT_ASSUMED),
    cure: () =>
      `add to the trust policy of the role, and allow sts:AssumeRole in the identity policy of the caller: ${statement({ Principal: { AWS: 'arn:aws:iam::ACCOUNT:role/CALLER' }, Action: 'sts:AssumeRole' })}`,
  },
  {
    id: 'web-identity-trust',
    layer: 'role trust policy',
    summary: 'the role does not trust the identity token',
    code: 'ERR_NOT_ALLOWED',
    source: 'https://repost.aws/knowledge-center/iam-idp-access-error',
    matches: worded(/^Not authorized to perform sts:AssumeRoleWithWebIdentity/),
    cure: () =>
      `let the trust policy of the role name issuer, audience and subject of the token: ${statement(
        {
          Principal: { Federated: 'arn:aws:iam::ACCOUNT:oidc-provider/ISSUER' },
          Action: 'sts:AssumeRoleWithWebIdentity',
          Condition: {
            StringEquals: { 'ISSUER:aud': 'sts.amazonaws.com', 'ISSUER:sub': 'SUBJECT' },
          },
        },
      )}`,
  },
  {
    id: 'web-identity-provider',
    layer: 'identity provider',
    summary: 'the account has no OIDC provider for the issuer of the token',
    code: 'ERR_NOT_AUTHENTICATED',
    source: AWS_PAGES.webIdentity,
    matches: worded(/^No OpenIDConnect provider found in your account/, ...REFUSED_TOKEN),
    cure: () =>
      'add the issuer to the account of the role: aws iam create-open-id-connect-provider --url https://ISSUER --client-id-list sts.amazonaws.com',
  },
  {
    id: 'web-identity-audience',
    layer: 'identity provider',
    summary: 'the OIDC provider of the account does not accept the audience of the token',
    code: 'ERR_NOT_AUTHENTICATED',
    source: AWS_PAGES.webIdentity,
    matches: worded(/^Incorrect token audience/, ...REFUSED_TOKEN),
    cure: () =>
      'request the token for sts.amazonaws.com, or accept its audience: aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ARN --client-id AUDIENCE',
  },
  {
    id: 'web-identity-keys',
    layer: 'identity provider',
    summary: 'AWS cannot fetch the keys of the issuer of the token',
    code: 'ERR_NOT_AUTHENTICATED',
    source: 'https://repost.aws/knowledge-center/iam-sts-invalididentitytoken',
    matches: worded(/^Couldn't retrieve verification key from your identity provider/),
    cure: () =>
      'make the key set of the issuer reachable from the internet: curl -fsS https://ISSUER/.well-known/openid-configuration',
  },
  {
    id: 'web-identity-token',
    layer: 'identity provider',
    summary: 'AWS refuses the identity token',
    code: 'ERR_NOT_AUTHENTICATED',
    source: AWS_PAGES.webIdentity,
    matches: named(...REFUSED_TOKEN, 'IDPRejectedClaim', 'IDPRejectedClaimException'),
    cure: () =>
      'get a new token of the issuer that the account trusts: aws iam list-open-id-connect-providers',
  },
  {
    id: 'web-identity-file',
    layer: 'credentials',
    summary: 'the file of the identity token (AWS_WEB_IDENTITY_TOKEN_FILE) cannot be read',
    code: 'ERR_NOT_AUTHENTICATED',
    source: SDK_SOURCE,
    matches: ({ errno: code, text }) =>
      ['ENOENT', 'EACCES'].includes(code) && text.includes(", open '"),
    cure: () =>
      'let AWS_WEB_IDENTITY_TOKEN_FILE, or web_identity_token_file of the profile, name a file that this process can read',
  },
]

function statement(members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ Effect: 'Allow', ...members })
}
