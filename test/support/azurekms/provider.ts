/** A provider of keys in Key Vault whose retries wait for nothing, and whose clock the test moves. */
import { type AzureKmsKeys, openAzureKms } from '../../../src/providers/azurekms/provider.ts'
import type { AzureKmsUri } from '../../../src/providers/azurekms/uri.ts'
import { VAULT } from './emulator.ts'

/** When the clock of the provider starts. */
export const AZURE_NOW: Date = new Date('2026-11-25T10:00:00Z')

/** A provider, and what it did. */
export interface WatchedAzureKms {
  readonly provider: AzureKmsKeys
  /** Times that a retry waited, in ms. */
  readonly pauses: readonly number[]
  /** Addresses of all requests. */
  readonly requested: readonly string[]
  /** Moves the clock of the provider. */
  readonly pass: (seconds: number) => void
}

/**
 * Opens a provider.
 *
 * @param reroute - where a request goes in place of Azure's own servers, which no test calls
 */
export function watchAzureKms(
  env: Readonly<Record<string, string>>,
  reroute: (url: string) => string = (url) => url,
): WatchedAzureKms {
  const pauses: number[] = []
  const requested: string[] = []
  let now = AZURE_NOW.getTime()
  const provider = openAzureKms({
    env,
    now: () => new Date(now),
    fetch: (input, init) => {
      const { url } = new Request(input)
      requested.push(url)
      return fetch(reroute(url), init)
    },
    pause: (milliseconds) => {
      pauses.push(milliseconds)
      return Promise.resolve()
    },
  })
  const pass = (seconds: number): void => {
    now += seconds * 1000
  }
  return { provider, pauses, requested, pass }
}

/** A reference to a key of the emulator, or to one version of it. */
export function azureKey(key: string, version?: string): AzureKmsUri {
  return { scheme: 'azurekms', vault: VAULT, key, ...(version !== undefined && { version }) }
}
