/** How callers are authenticated, by the configuration and the files that it names. */
import type { AuthenticatorSettings, TextReader } from '../../access/settings.ts'
import { readProxies } from '../../client/proxies.ts'
import type { Config } from '../../config/config.ts'
import type { Environment } from '../../config/environment.ts'
import { readSecret } from '../../config/secret.ts'
import { readFileBounded } from '../../files.ts'
import { parseJwks } from '../../formats/jwks.ts'

const MAX_PEM_BYTES = 256 * 1024
const MAX_JWKS_BYTES = 1024 * 1024
const MAX_TOKEN_BYTES = 20 * 1024

/** Where the settings come from. */
export interface AccessSource {
  readonly config: Pick<Config, 'access'>
  readonly env: Environment
}

/**
 * Reads how callers are authenticated: secrets once, files each time they are asked for.
 *
 * @throws {@link CountersignError} ERR_CONFIG_INVALID, ERR_FILE_READ — a secret or a file is missing or malformed
 */
export async function readAccess(
  { config: { access }, env }: AccessSource,
  issuer: string,
): Promise<AuthenticatorSettings> {
  const staticTokens = access.staticTokens.map(async ({ token, ...about }) => ({
    ...about,
    token: await readSecret(token, env),
  }))
  const issuers = access.issuers.map(async ({ ca, jwks, tokenFile, ...settings }) => ({
    ...settings,
    audience: settings.audience ?? issuer,
    ca: await openText(ca, MAX_PEM_BYTES),
    jwks: await openText(jwks, MAX_JWKS_BYTES, parseJwks),
    bearerToken: await openText(tokenFile, MAX_TOKEN_BYTES),
  }))
  return {
    issuers: await Promise.all(issuers),
    staticTokens: await Promise.all(staticTokens),
    proxies: readProxies(env),
  }
}

/** A file that may be renewed; where it is missing or malformed now, the service does not start. */
async function openText(
  path: string | undefined,
  maxBytes: number,
  assertForm: (text: string) => unknown = () => undefined,
): Promise<TextReader | undefined> {
  if (path === undefined) return undefined
  const read = async (): Promise<string> =>
    Buffer.from(await readFileBounded(path, maxBytes)).toString('utf8')
  assertForm(await read())
  return read
}
