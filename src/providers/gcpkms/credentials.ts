/**
 * Application default credentials of Google Cloud, in the order of its own libraries: a token or a file that the
 * environment names, the file of gcloud, the server of a machine.
 *
 * @packageDocumentation
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Runtime } from '../../basics/runtime.ts'
import { type AccessToken } from '../../client/access-tokens.ts'
import { isSecureOrLocal } from '../../client/secure-address.ts'
import { askForText, askTokenEndpoint, type TokenOwner } from '../../client/token-endpoint.ts'
import { encodeBase64Url } from '../../crypto/base64.ts'
import { CountersignError } from '../../errors.ts'
import { hasErrno, readFileBounded } from '../../files.ts'
import { type ObjectReader, parseJson, readObject } from '../../formats/json.ts'
import type { Surroundings } from '../surroundings.ts'

/** What finding a token takes. */
export interface CredentialContext {
  readonly env: Surroundings['env']
  readonly runtime: Runtime
}

const SCOPE = 'https://www.googleapis.com/auth/cloudkms'
/** What a token must have that impersonates a service account. */
const PLATFORM_SCOPE = 'https://www.googleapis.com/auth/cloud-platform'
const GOOGLE_TOKENS = 'https://oauth2.googleapis.com/token'
const METADATA_PATH = '/computeMetadata/v1/instance/service-accounts/default/token'
const MAX_FILE_BYTES = 64 * 1024
const OWNER: TokenOwner = {
  provider: 'gcpkms',
  hint: 'get new credentials: gcloud auth application-default login',
}
/** The longest life of an assertion that Google takes, in seconds. */
const ASSERTION_SECONDS = 3600

/**
 * Gets an access token for Cloud KMS.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — there are no credentials, or they are refused;
 * ERR_CONFIG_INVALID — a file that cannot be used; ERR_NETWORK, ERR_TIMEOUT
 */
export async function acquireToken(context: CredentialContext): Promise<AccessToken> {
  const given = variable(context, 'CLOUDSDK_AUTH_ACCESS_TOKEN')
  if (given !== undefined) return { value: given, endsAt: Infinity }
  const file = await readCredentialFile(context)
  return file === undefined ? askMachine(context) : askWith(file, context)
}

interface CredentialFile {
  readonly path: string
  readonly json: ObjectReader
}

async function readCredentialFile(context: CredentialContext): Promise<CredentialFile | undefined> {
  const named = variable(context, 'GOOGLE_APPLICATION_CREDENTIALS')
  const home = variable(context, 'HOME') ?? homedir()
  const folder = variable(context, 'CLOUDSDK_CONFIG') ?? join(home, '.config/gcloud')
  const path = named ?? join(folder, 'application_default_credentials.json')
  try {
    const json = parseJson(await readFileBounded(path, MAX_FILE_BYTES))
    return { path, json: readObject(json, (why) => unusableFile(path, why), 'it') }
  } catch (error) {
    if (named === undefined && hasErrno(error, 'ENOENT')) return undefined
    if (CountersignError.is(error, 'ERR_JSON_INVALID')) throw unusableFile(path, 'not JSON')
    throw error
  }
}

function askWith(file: CredentialFile, context: CredentialContext): Promise<AccessToken> {
  const type = file.json.text('type')
  switch (type) {
    case 'service_account':
      return askWithKey(file, context)
    case 'authorized_user':
      return askWithRefreshToken(file, context)
    case 'external_account':
      return askWithIdentity(file, context)
    default:
      throw unusableFile(file.path, `credentials of type "${type}" are not supported`)
  }
}

/** RFC 7523: the key of a service account signs an assertion. */
async function askWithKey(
  { path, json }: CredentialFile,
  context: CredentialContext,
): Promise<AccessToken> {
  const url = tokenUrl(json.optionalText('token_uri') ?? GOOGLE_TOKENS, path)
  const iat = Math.floor(context.runtime.now() / 1000)
  const claims = {
    iss: json.text('client_email'),
    scope: SCOPE,
    aud: url.href,
    iat,
    exp: iat + ASSERTION_SECONDS,
  }
  const header = { alg: 'RS256', typ: 'JWT', kid: json.text('private_key_id') }
  const input = [header, claims]
    .map((part) => encodeBase64Url(Buffer.from(JSON.stringify(part))))
    .join('.')
  const signature = sign('sha256', Buffer.from(input), readKey(path, json.text('private_key')))
  const assertion = `${input}.${encodeBase64Url(signature)}`
  return askForToken(context, url, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion,
  })
}

function readKey(path: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    // Its cause may quote the key.
    throw unusableFile(path, 'private_key is not a private key')
  }
}

function askWithRefreshToken(
  { path, json }: CredentialFile,
  context: CredentialContext,
): Promise<AccessToken> {
  const [client, secret, token] = ['client_id', 'client_secret', 'refresh_token'].map((name) =>
    json.text(name),
  )
  const fields = {
    grant_type: 'refresh_token',
    client_id: client,
    client_secret: secret,
    refresh_token: token,
  }
  return askForToken(context, tokenUrl(GOOGLE_TOKENS, path), fields as Record<string, string>)
}

/** Workload identity federation: the token of another issuer, of a file or an address, is exchanged (RFC 8693). */
async function askWithIdentity(
  { path, json }: CredentialFile,
  context: CredentialContext,
): Promise<AccessToken> {
  const impersonation = json.optionalText('service_account_impersonation_url')
  const token = await askForToken(context, tokenUrl(json.text('token_url'), path), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    audience: json.text('audience'),
    scope: impersonation === undefined ? SCOPE : PLATFORM_SCOPE,
    subject_token_type: json.text('subject_token_type'),
    subject_token: await readSubjectToken({ path, json }, context),
  })
  return impersonation === undefined
    ? token
    : impersonate(context, tokenUrl(impersonation, path), token.value)
}

async function readSubjectToken(
  { path, json }: CredentialFile,
  context: CredentialContext,
): Promise<string> {
  const source = json.object('credential_source')
  const [file, url] = [source.optionalText('file'), source.optionalText('url')]
  if (file === undefined && url === undefined) {
    throw unusableFile(path, 'credential_source names neither a file nor a url')
  }
  const text =
    file === undefined
      ? await askForText(
          context.runtime,
          { url: tokenUrl(url ?? '', path), headers: headersOf(source) },
          OWNER,
        )
      : Buffer.from(await readFileBounded(file, MAX_FILE_BYTES)).toString('utf8')
  const member = source.optionalObject('format')?.optionalText('subject_token_field_name')
  if (member === undefined) return text.trim()
  return readObject(parseJson(text), (why) => unusableFile(path, why), 'the subject token').text(
    member,
  )
}

function headersOf(source: ObjectReader): Readonly<Record<string, string>> {
  const headers = source.optionalObject('headers')
  return Object.fromEntries((headers?.names ?? []).map((name) => [name, headers?.text(name) ?? '']))
}

async function impersonate(
  context: CredentialContext,
  url: URL,
  token: string,
): Promise<AccessToken> {
  const answer = await ask(context, url, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: [SCOPE] }),
  })
  return { value: answer.text('accessToken'), endsAt: answer.time('expireTime').getTime() }
}

/** The server of the machine is reached directly, whatever proxies there are. */
async function askMachine(context: CredentialContext): Promise<AccessToken> {
  const host = variable(context, 'GCE_METADATA_HOST') ?? 'metadata.google.internal'
  const url = new URL(`http://${host}${METADATA_PATH}?scopes=${encodeURIComponent(SCOPE)}`)
  const runtime = { ...context.runtime, fetch: globalThis.fetch }
  try {
    const answer = await ask({ ...context, runtime }, url, {
      headers: { 'metadata-flavor': 'Google' },
    })
    return toAccessToken(answer, runtime)
  } catch (cause) {
    if (!CountersignError.is(cause) || cause.code === 'ERR_CANCELLED') throw cause
    throw new CountersignError(
      'ERR_NOT_AUTHENTICATED',
      'there are no credentials for Google Cloud',
      {
        hint: 'log in (gcloud auth application-default login), or set GOOGLE_APPLICATION_CREDENTIALS to a file of credentials',
        details: { provider: 'gcpkms' },
        cause,
      },
    )
  }
}

async function askForToken(
  context: CredentialContext,
  url: URL,
  fields: Readonly<Record<string, string>>,
): Promise<AccessToken> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams(fields).toString()
  return toAccessToken(await ask(context, url, { headers, body }), context.runtime)
}

function toAccessToken(answer: ObjectReader, { now }: Pick<Runtime, 'now'>): AccessToken {
  return { value: answer.text('access_token'), endsAt: now() + answer.count('expires_in') * 1000 }
}

interface Question {
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

function ask(context: CredentialContext, url: URL, question: Question): Promise<ObjectReader> {
  return askTokenEndpoint(context.runtime, { url, ...question }, OWNER)
}

function tokenUrl(text: string, path: string): URL {
  if (URL.canParse(text)) {
    const url = new URL(text)
    if (isSecureOrLocal(url)) return url
  }
  throw unusableFile(path, 'an address in it is not https')
}

function unusableFile(path: string, why: string): CountersignError {
  return new CountersignError(
    'ERR_CONFIG_INVALID',
    `cannot use the credentials "${path}": ${why}`,
    {
      hint: 'expected a file of gcloud auth application-default login, the key of a service account, or a configuration of workload identity federation with a file or a url',
    },
  )
}

function variable({ env }: CredentialContext, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === '' ? undefined : value
}
