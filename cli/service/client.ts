/**
 * How a command reaches a service: its address, and the token by which the service knows who calls. A
 * token is a secret, so it is never the value of an option.
 *
 * @packageDocumentation
 */
import { Option } from '@commander-js/extra-typings'
import type { ServiceClient } from '../../src/client/service-client.ts'
import { CountersignError } from '../../src/errors.ts'
import { readFileBounded } from '../../src/files.ts'
import type { CommandEnvironment } from '../command.ts'
import { createCommandRuntime } from '../runtime.ts'

/** Options that say which service is meant, and where the caller's token is. */
export interface ServiceFlags {
  readonly server?: string | undefined
  readonly tokenFile?: string | undefined
}

/** Returns a currently valid token; called again for every request. */
export type CallerToken = (signal: AbortSignal | undefined) => Promise<string>

const MAX_TOKEN_BYTES = 64 * 1024

/** `--server`: the service that is meant. */
export function serverOption(description = 'address of the service'): Option<'--server <url>'> {
  return new Option('--server <url>', description)
}

/** `--server` of a command that is about a service and nothing else. */
export function requiredServerOption(): Option<
  '--server <url>',
  undefined,
  undefined,
  undefined,
  true
> {
  return serverOption().makeOptionMandatory()
}

/** `--token-file`: see {@link callerToken}. */
export function tokenFileOption(): Option<'--token-file <file>'> {
  return new Option(
    '--token-file <file>',
    'file with your token for the service (default: COUNTERSIGN_TOKEN; in GitHub Actions, the job’s own)',
  )
}

/**
 * Reads the address of a service.
 *
 * @throws {@link CountersignError} ERR_USAGE — it is not one
 */
export function parseServer(server: string): URL {
  const url = URL.parse(server)
  if (url !== null && /^https?:$/.test(url.protocol)) return url
  throw new CountersignError('ERR_USAGE', `"${server}" is not the address of a service`, {
    hint: 'write it whole: --server https://sign.example.com',
  })
}

/**
 * Finds the caller's token: `--token-file`, read again for every call, since renewing a token
 * replaces the file; COUNTERSIGN_TOKEN; in GitHub Actions a token of the job, for the service alone.
 *
 * @throws {@link CountersignError} ERR_NOT_AUTHENTICATED — what there is is no token; and from the function,
 * none exists; ERR_FILE_READ
 */
export function callerToken(
  server: string,
  { tokenFile }: ServiceFlags,
  environment: CommandEnvironment,
): CallerToken {
  const { env } = environment.context
  const token = env['COUNTERSIGN_TOKEN'] ?? ''
  const url = env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? ''
  const bearer = env['ACTIONS_ID_TOKEN_REQUEST_TOKEN'] ?? ''
  if (tokenFile !== undefined) return () => readTokenFile(tokenFile)
  if (token !== '') {
    const given = toToken(token, 'COUNTERSIGN_TOKEN')
    return () => Promise.resolve(given)
  }
  if (url === '' || bearer === '') return () => Promise.reject(noToken(server))
  // The audience is the issuer of the service, to the letter.
  const audience = server.replace(/\/+$/, '')
  return async (signal) => {
    const { requestGithubToken } = await import('../../src/client/github-token.ts')
    const runtime = await createCommandRuntime(environment)
    return requestGithubToken({ url, bearer, audience }, runtime, signal)
  }
}

/**
 * Opens a service; nothing is asked of it yet.
 *
 * @throws {@link CountersignError} ERR_USAGE — no address, or one that would send tokens in the clear
 */
export async function openService(
  server: string,
  flags: ServiceFlags,
  environment: CommandEnvironment,
): Promise<ServiceClient> {
  const { createServiceClient } = await import('../../src/client/service-client.ts')
  return createServiceClient({
    url: parseServer(server),
    token: callerToken(server, flags, environment),
    runtime: await createCommandRuntime(environment),
  })
}

async function readTokenFile(path: string): Promise<string> {
  const bytes = await readFileBounded(path, MAX_TOKEN_BYTES)
  return toToken(Buffer.from(bytes).toString('utf8'), `"${path}"`)
}

/** Only characters that a header can hold; surrounding blanks are ignored. */
function toToken(text: string, place: string): string {
  const token = text.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new CountersignError('ERR_NOT_AUTHENTICATED', `${place} holds no token`, {
    hint: 'it must hold the token and nothing else',
  })
}

function noToken(server: string): CountersignError {
  return new CountersignError('ERR_NOT_AUTHENTICATED', `no token given for ${server}`, {
    hint: 'set COUNTERSIGN_TOKEN or give --token-file FILE; in GitHub Actions, give the job `permissions: id-token: write`',
  })
}
