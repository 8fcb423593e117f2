/** The environment in which the AWS SDK finds a KMS double's credentials and nothing of this machine. */
import { KMS_DOUBLE_REGION } from './service.ts'

/**
 * Environment variables for a process that shall use a double, or, without credentials, find none:
 * no instance metadata service, no shared files, no profile.
 */
export function kmsEnvironment(
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined,
): Readonly<Record<string, string>> {
  return {
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_CONFIG_FILE: '/nonexistent/aws-config',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/aws-credentials',
    AWS_REGION: KMS_DOUBLE_REGION,
    ...(credentials === undefined
      ? {}
      : {
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
        }),
  }
}

/** Variables that would lead the SDK elsewhere; to be removed. */
export const FOREIGN_AWS_VARIABLES: readonly string[] = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_DEFAULT_REGION',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_KMS',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_ROLE_ARN',
]
