/** What every client of the AWS SDK is made with, whichever service it calls. */
import { type AwsAccount, endpointUrl } from './aws-account.ts'
import { ProxyingAgent } from './proxied-connections.ts'
import type { Proxies } from './proxies.ts'

/** How a service is connected to. */
export interface AwsConnection {
  /** How long it may take, in ms, for one attempt of a call. */
  readonly connectMs: number
  readonly requestMs: number
  /** Attempts of one call, the first included, with the SDK's standard backoff between them; default 3. */
  readonly maxAttempts?: number
  readonly proxies?: Proxies | undefined
}

/** Settings as the SDK's clients take them. */
export interface AwsSettings extends Omit<AwsAccount, 'endpoint'> {
  readonly ignoreCache: true
  readonly endpoint?: string
  readonly maxAttempts: number
  readonly retryMode: 'standard'
  readonly requestHandler: {
    readonly connectionTimeout: number
    readonly requestTimeout: number
    readonly socketTimeout: number
    readonly throwOnRequestTimeout: true
    readonly httpsAgent?: ProxyingAgent
  }
  readonly logger: Readonly<Record<'debug' | 'info' | 'warn' | 'error', () => void>>
}

const MAX_ATTEMPTS = 3
/** The SDK's own number. */
const MAX_SOCKETS = 50
const silent = (): void => undefined

/**
 * Makes the settings of a client. Whatever the account leaves open, and credentials, come from the SDK's default
 * chain: environment, shared files, container, instance.
 */
export function awsSettings(
  { endpoint, region, profile }: AwsAccount,
  { connectMs, requestMs, maxAttempts = MAX_ATTEMPTS, proxies }: AwsConnection,
): AwsSettings {
  return {
    // Shared files (credentials, config) are else read once for the whole life of the process.
    ignoreCache: true,
    ...(endpoint !== undefined && { endpoint: endpointUrl(endpoint) }),
    ...(region !== undefined && { region }),
    ...(profile !== undefined && { profile }),
    maxAttempts,
    retryMode: 'standard',
    requestHandler: {
      connectionTimeout: connectMs,
      requestTimeout: requestMs,
      // Answers that begin and then stall.
      socketTimeout: requestMs,
      throwOnRequestTimeout: true,
      ...(proxies && {
        httpsAgent: new ProxyingAgent(proxies, { keepAlive: true, maxSockets: MAX_SOCKETS }),
      }),
    },
    // Without a logger of ours some warnings go to the console.
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  }
}
