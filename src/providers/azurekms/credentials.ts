/**
 * Access tokens of Microsoft Entra ID, in the order of Azure's own libraries: a secret or a federated token that the
 * environment names, the identity of a platform, the login of the Azure command line, the identity of a machine. What a
 * token is for, and where it is asked for, comes from the reference and the environment alone, never from a vault.
 *
 * @packageDocumentation
 */
import type { Runtime } from '../../basics/runtime.ts'
import type { AccessToken } from '../../client/access-tokens.ts'
import { askTokenEndpoint, type TokenOwner } from '../../client/token-endpoint.ts'
import { CountersignError } from '../../errors.ts'
import { readFileBounded } from '../../files.ts'
import type { ObjectReader } from '../../formats/json.ts'
import type { Surroundings } from '../surroundings.ts'
import { readCliToken } from './azure-cli.ts'
import type { AzureCloud } from './clouds.ts'
import { readAuthorityAddress, azureVariable } from './endpoint.ts'

/** What finding a token takes. */
export interface AzureCredentialContext {
  readonly env: Surroundings['env']
  readonly runtime: Runtime
  readonly cloud: AzureCloud
}

const MACHINE_TOKENS = 'http://169.254.169.254/metadata/identity/oauth2/token'
const MAX_FILE_BYTES = 64 * 1024
/** Where there is no such server, a connection to its address may hang. */
const MACHINE_TIMEOUT_MS = 3000
const OWNER: TokenOwner = {
  provider: 'azurekms',
  hint: 'get new credentials: az login',
}
const TENANT = /^[0-9A-Za-z][0-9A-Za-z.-]{0,127}$/

/**
 * Gets an access token for Key Vault.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — there are no credentials, or they are refused;
 * ERR_CONFIG_INVALID — variables that are not complete; ERR_NETWORK, ERR_TIMEOUT
 */
export async function acquireAzureToken(context: AzureCredentialContext): Promise<AccessToken> {
  const { env } = context
  const secret = azureVariable(env, 'AZURE_CLIENT_SECRET')
  if (secret !== undefined) return askAuthority(context, { client_secret: secret })
  const file = azureVariable(env, 'AZURE_FEDERATED_TOKEN_FILE')
  if (file !== undefined) return askWithFile(context, file)
  if (azureVariable(env, 'IDENTITY_ENDPOINT') !== undefined) return askPlatform(context)
  return (await askCli(context)) ?? askMachine(context)
}

/** Workload identity: another issuer's token, which others renew in its file (RFC 7523). */
async function askWithFile(context: AzureCredentialContext, path: string): Promise<AccessToken> {
  const assertion = Buffer.from(await readFileBounded(path, MAX_FILE_BYTES)).toString('utf8')
  return askAuthority(context, {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion.trim(),
  })
}

async function askAuthority(
  context: AzureCredentialContext,
  proof: Readonly<Record<string, string>>,
): Promise<AccessToken> {
  const { env, runtime, cloud } = context
  const [tenant, clientId] = [required(env, 'AZURE_TENANT_ID'), required(env, 'AZURE_CLIENT_ID')]
  if (!TENANT.test(tenant)) throw incomplete('AZURE_TENANT_ID is not the id of a tenant')
  const url = new URL(`/${tenant}/oauth2/v2.0/token`, readAuthorityAddress(env, cloud.authority))
  const scope = `${cloud.audience}/.default`
  const fields = { grant_type: 'client_credentials', client_id: clientId, scope, ...proof }
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams(fields).toString()
  return toAccessToken(await askTokenEndpoint(runtime, { url, headers, body }, OWNER), runtime)
}

/** App Service, Functions and Container Apps have an address of their own. */
async function askPlatform(context: AzureCredentialContext): Promise<AccessToken> {
  const { env } = context
  const endpoint = required(env, 'IDENTITY_ENDPOINT')
  const headers = { 'x-identity-header': required(env, 'IDENTITY_HEADER') }
  return askDirectly(context, endpoint, { version: '2019-08-01', headers })
}

async function askCli({
  env,
  runtime,
  cloud,
}: AzureCredentialContext): Promise<AccessToken | undefined> {
  const token = await readCliToken(env, cloud.audience)
  if (token === undefined) return undefined
  return { value: token.text('accessToken'), endsAt: endOf(token, 'expires_on', runtime) }
}

async function askMachine(context: AzureCredentialContext): Promise<AccessToken> {
  const endpoint = azureVariable(context.env, 'AZURE_POD_IDENTITY_AUTHORITY_HOST')
  const url = endpoint === undefined ? MACHINE_TOKENS : `${endpoint}/metadata/identity/oauth2/token`
  try {
    const headers = { metadata: 'true' }
    return await askDirectly(context, url, { version: '2018-02-01', headers })
  } catch (cause) {
    if (!CountersignError.is(cause) || cause.code === 'ERR_CANCELLED') throw cause
    throw new CountersignError('ERR_NOT_AUTHENTICATED', 'there are no credentials for Azure', {
      hint: 'set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, give the machine an identity, or log in: az login',
      details: { provider: 'azurekms' },
      cause,
    })
  }
}

/** The server of a machine or platform is reached directly, whatever proxies there are. */
async function askDirectly(
  { env, runtime, cloud }: AzureCredentialContext,
  endpoint: string,
  { version, headers }: { readonly version: string; readonly headers: Record<string, string> },
): Promise<AccessToken> {
  if (!/^https?:/.test(endpoint) || !URL.canParse(endpoint)) {
    throw incomplete('the address of the managed identity is not an http address')
  }
  const url = new URL(endpoint)
  const clientId = azureVariable(env, 'AZURE_CLIENT_ID')
  url.searchParams.set('api-version', version)
  url.searchParams.set('resource', cloud.audience)
  if (clientId !== undefined) url.searchParams.set('client_id', clientId)
  const direct = { ...runtime, fetch: globalThis.fetch }
  const question = { url, headers, timeoutMs: MACHINE_TIMEOUT_MS }
  const answer = await askTokenEndpoint(direct, question, OWNER)
  return { value: answer.text('access_token'), endsAt: endOf(answer, 'expires_on', runtime) }
}

function toAccessToken(answer: ObjectReader, { now }: Pick<Runtime, 'now'>): AccessToken {
  return { value: answer.text('access_token'), endsAt: now() + answer.count('expires_in') * 1000 }
}

/** Seconds since the epoch, as a number or, of some servers, a text; without it, a token is used for a few minutes. */
function endOf(answer: ObjectReader, name: string, { now }: Pick<Runtime, 'now'>): number {
  const seconds = Number(answer.value(name))
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : now() + 300_000
}

function required(env: Surroundings['env'], name: string): string {
  const value = azureVariable(env, name)
  if (value === undefined) throw incomplete(`${name} is not set`)
  return value
}

function incomplete(why: string): CountersignError {
  return new CountersignError('ERR_CONFIG_INVALID', `cannot log in to Azure: ${why}`, {
    hint: 'set AZURE_TENANT_ID and AZURE_CLIENT_ID beside AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, and IDENTITY_HEADER beside IDENTITY_ENDPOINT',
  })
}
