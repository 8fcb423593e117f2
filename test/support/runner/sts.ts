/**
 * A double of AWS STS: exchanges a workflow's OIDC token for credentials, in the query protocol the SDK
 * speaks.
 *
 * @packageDocumentation
 */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** What a role hands out. */
export interface StsCredentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
}

/** A running double. */
export interface StsDouble extends AsyncDisposable {
  /** For `AWS_ENDPOINT_URL_STS`. */
  readonly url: string
  /** Tokens that were given, in order. */
  readonly tokens: readonly string[]
}

/** Starts a double that lets a token in where `accepts` says so. */
export async function startSts(
  credentials: StsCredentials,
  accepts: (token: string, role: string) => boolean | Promise<boolean>,
): Promise<StsDouble> {
  const tokens: string[] = []
  const server = createServer((request, response) => {
    void text(request).then(async (body) => {
      const query = new URLSearchParams(body)
      const token = query.get('WebIdentityToken') ?? ''
      tokens.push(token)
      const role = query.get('RoleArn') ?? ''
      const isKnown = query.get('Action') === 'AssumeRoleWithWebIdentity'
      const isLetIn = isKnown && (await accepts(token, role))
      response.writeHead(isLetIn ? 200 : 403, { 'content-type': 'text/xml' })
      response.end(isLetIn ? renderCredentials(credentials, role) : DENIED)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    tokens,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'

const DENIED = `<ErrorResponse xmlns="${NAMESPACE}"><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error><RequestId>1</RequestId></ErrorResponse>`

function renderCredentials(credentials: StsCredentials, role: string): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return `<AssumeRoleWithWebIdentityResponse xmlns="${NAMESPACE}"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey><SessionToken>${sessionToken}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials><AssumedRoleUser><Arn>${role}/step</Arn><AssumedRoleId>AROA:step</AssumedRoleId></AssumedRoleUser></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`
}
