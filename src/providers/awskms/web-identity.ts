/** Credentials of a role that an identity token opens (STS AssumeRoleWithWebIdentity). */
import type { KMSClientConfig } from '@aws-sdk/client-kms'
import { fromWebToken } from '@aws-sdk/credential-provider-web-identity'
import { CountersignError, type ErrorCode } from '../../errors.ts'
import { sdkErrorName, toKmsError } from './errors.ts'

/** Who takes which role. */
export interface WebIdentity {
  readonly roleArn: string
  /** What the session is called in CloudTrail. */
  readonly sessionName: string
  /** Gives a token that is good now: asked for again whenever the credentials have ended. */
  readonly token: () => Promise<string>
  /** Told the secrets before they are used, so that nothing prints them. */
  readonly onCredentials?: (secrets: readonly string[]) => void
}

/** What STS refuses with, and what that means; the SDK adds `Exception` to the names it knows. */
const MEANINGS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  AccessDenied: [
    'ERR_NOT_ALLOWED',
    'let the trust policy of the role allow sts:AssumeRoleWithWebIdentity to the OIDC provider token.actions.githubusercontent.com, with the audience sts.amazonaws.com and the sub of this repository',
  ],
  InvalidIdentityToken: [
    'ERR_NOT_AUTHENTICATED',
    'add the OIDC provider token.actions.githubusercontent.com with the audience sts.amazonaws.com to the AWS account',
  ],
  ExpiredToken: ['ERR_NOT_AUTHENTICATED', 'run the job again: its token had ended'],
}

/**
 * Makes the SDK's source of credentials.
 *
 * @throws {@link CountersignError} from the source: ERR_NOT_ALLOWED, ERR_NOT_AUTHENTICATED — STS refuses;
 * ERR_PROVIDER_UNAVAILABLE — it does not answer; and whatever the token's source throws
 */
export function webIdentityCredentials(
  identity: WebIdentity,
  {
    region,
    requestHandler,
  }: Pick<KMSClientConfig, 'requestHandler'> & { readonly region: string | undefined },
): NonNullable<KMSClientConfig['credentials']> {
  return async () => {
    const { roleArn, sessionName: roleSessionName, onCredentials } = identity
    const webIdentityToken = await identity.token()
    const clientConfig = {
      ...(region !== undefined && { region }),
      ...(requestHandler && { requestHandler }),
    }
    try {
      const take = fromWebToken({ roleArn, roleSessionName, webIdentityToken, clientConfig })
      const credentials = await take()
      const { accessKeyId, secretAccessKey, sessionToken = '' } = credentials
      onCredentials?.([accessKeyId, secretAccessKey, sessionToken])
      return credentials
    } catch (error) {
      throw toRoleError(error, roleArn)
    }
  }
}

function toRoleError(thrown: unknown, roleArn: string): CountersignError {
  const operation = 'AssumeRoleWithWebIdentity'
  const name = sdkErrorName(thrown)
  const { details } = toKmsError(thrown, { operation })
  const [code, meaning] = MEANINGS[name.replace(/Exception$/, '')] ?? [
    'ERR_PROVIDER_UNAVAILABLE',
    'check that this machine reaches AWS STS, and try again',
  ]
  return new CountersignError(code, `AWS STS gives no credentials of ${roleArn}: ${name}`, {
    hint: meaning,
    details: { ...details, reason: name },
    cause: thrown,
  })
}
